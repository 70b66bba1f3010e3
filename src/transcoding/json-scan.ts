/** Scans JSON text before or instead of `JSON.parse`: its depth, its number of members, the place where it breaks. */
import type { ConnectError } from "@connectrpc/connect";
import { badRequest } from "./bad-request.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** The result of a scan. */
export interface JsonScan {
  /** The deepest nesting of arrays and objects, at most one more than the limit: the scan stops there. */
  readonly depth: number;
  /** The number of members of all objects together; a repeated name counts each time. */
  readonly members: number;
  /**
   * The number of values, the document itself, members and items: at most one more than the limit, where the scan
   * stops.
   */
  readonly values: number;
}

/** Scans any text. For text that is not JSON the result has no meaning, but the scan ends. */
export function scanJson(text: string, depthMax: number, valuesMax = Number.POSITIVE_INFINITY): JsonScan {
  let depth = 0;
  let deepest = 0;
  let members = 0;
  let values = 1;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) {
      i = skipString(text, i);
    } else if (code === OPEN_OBJECT || code === OPEN_ARRAY) {
      // A container that is not empty has a first value; the others follow a comma. (In ASCII the closing bracket is
      // two codes further.)
      if (text.charCodeAt(i + 1) !== code + 2) values++;
      depth++;
      if (depth > deepest) {
        deepest = depth;
        if (depth > depthMax) break;
      }
    } else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) {
      depth--;
    } else if (code === COLON) {
      members++;
    } else if (code === COMMA) {
      values++;
      if (values > valuesMax) break;
    }
  }
  return { depth: deepest, members, values };
}

/** Returns the index of the quote that closes the string opened at `open`, or the length of the text. */
function skipString(text: string, open: number): number {
  let close = text.indexOf('"', open + 1);
  while (close > 0 && isEscaped(text, close)) close = text.indexOf('"', close + 1);
  return close < 0 ? text.length : close;
}

/**
 * Returns whether an odd number of backslashes precedes. Each run is counted for one quote only, so the work is linear.
 */
function isEscaped(text: string, at: number): boolean {
  let before = at - 1;
  while (text.charCodeAt(before) === BACKSLASH) before--;
  return (at - 1 - before) % 2 === 1;
}

/** Returns the refusal of JSON that nests too deep. */
export function tooDeep(max: number): ConnectError {
  return badRequest("", `the JSON nests deeper than ${max} levels`);
}

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const WORD = /true|false|null/y;

/**
 * Returns the index of the first character at which the text stops being JSON (its length if it ends too early). For
 * text that `JSON.parse` refused and `scanJson` found shallow: the engine's error changes with its version and reveals
 * parts of the body.
 */
export function findJsonBreak(text: string): number {
  const at = skipValue(text, 0);
  return at < 0 ? ~at : skip(SPACE, text, at);
}

/** Returns the index after the match of the pattern at `at`; `at` if it does not match. */
function skip(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}

/** Returns the index after the value, or the complement (`~`) of the index at which it breaks. */
function skipValue(text: string, start: number): number {
  const at = skip(SPACE, text, start);
  const first = text[at];
  if (first === "{" || first === "[") return skipContainer(text, at, first === "{");
  if (first === '"') return skipText(text, at);
  const end = skip(/[-\d]/.test(first ?? "") ? NUMBER : WORD, text, at);
  return end === at ? ~at : end;
}

/**
 * Does the same for a string; without one it breaks at once. It is a loop, since strings may be as long as the body.
 */
function skipText(text: string, open: number): number {
  if (text[open] !== '"') return ~open;
  let at = open + 1;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at + 1;
    const next = code === BACKSLASH ? skip(ESCAPE, text, at) : code >= 0x20 ? at + 1 : at;
    if (next === at) return ~at;
    at = next;
  }
}

function skipContainer(text: string, open: number, isObject: boolean): number {
  const close = isObject ? "}" : "]";
  let at = skip(SPACE, text, open + 1);
  if (text[at] === close) return at + 1;
  for (;;) {
    if (isObject) {
      at = skipText(text, skip(SPACE, text, at));
      if (at < 0) return at;
      at = skip(SPACE, text, at);
      if (text[at] !== ":") return ~at;
      at++;
    }
    at = skipValue(text, at);
    if (at < 0) return at;
    at = skip(SPACE, text, at);
    if (text[at] === close) return at + 1;
    if (text[at] !== ",") return ~at;
    at++;
  }
}

/** Returns a name that one object of the text has twice. For JSON that `JSON.parse` accepted. */
export function findDuplicateName(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = [];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === OPEN_OBJECT) {
      open.push(new Set());
    } else if (code === OPEN_ARRAY) {
      open.push(undefined);
    } else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) {
      open.pop();
    } else if (code === QUOTE) {
      const close = skipString(text, i);
      const after = skip(SPACE, text, close + 1);
      if (text.charCodeAt(after) === COLON) {
        const name = JSON.parse(text.slice(i, close + 1)) as string;
        const names = open.at(-1);
        if (names?.has(name)) return name;
        names?.add(name);
      }
      i = close;
    }
  }
  return undefined;
}
