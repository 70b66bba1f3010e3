/** Looks at JSON text before and beside `JSON.parse`: how deep it nests, how many members it has, where it breaks. */
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

export interface JsonScan {
  /** The deepest nesting of arrays and objects, at most one more than the limit: the scan stops there. */
  readonly depth: number;
  /** How many members all objects have together, counting a repeated name each time. */
  readonly members: number;
  /** How many values it has, itself, members and items: at most one more than the limit, for the scan stops there. */
  readonly values: number;
}

/** Takes any text; what it says of text that is not JSON means nothing, but it ends. */
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
      // What is not empty has a first value; the others follow a comma. (ASCII has the closing brackets two behind.)
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

/** The index of the quote that closes the string opened at `open`, or of the last character. */
function skipString(text: string, open: number): number {
  let close = text.indexOf('"', open + 1);
  while (close > 0 && isEscaped(text, close)) close = text.indexOf('"', close + 1);
  return close < 0 ? text.length : close;
}

/** Whether an odd number of backslashes stands before. Each run is counted for one quote only: linear in the text. */
function isEscaped(text: string, at: number): boolean {
  let before = at - 1;
  while (text.charCodeAt(before) === BACKSLASH) before--;
  return (at - 1 - before) % 2 === 1;
}

export function tooDeep(max: number): ConnectError {
  return badRequest("", `the JSON nests deeper than ${max} levels`);
}

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const WORD = /true|false|null/y;

/**
 * The index of the first character at which the text stops being JSON (its length where it ends too early). For text that
 * `JSON.parse` refused and `scanJson` found shallow: the words of the engine's error change with its version and show
 * pieces of the body.
 */
export function findJsonBreak(text: string): number {
  const at = skipValue(text, 0);
  return at < 0 ? ~at : skip(SPACE, text, at);
}

/** The index after what the pattern takes at `at`; `at` where it takes nothing. */
function skip(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}

/** The index after the value, or the complement (`~`) of the index at which it breaks. */
function skipValue(text: string, start: number): number {
  const at = skip(SPACE, text, start);
  const first = text[at];
  if (first === "{" || first === "[") return skipContainer(text, at, first === "{");
  if (first === '"') return skipText(text, at);
  const end = skip(/[-\d]/.test(first ?? "") ? NUMBER : WORD, text, at);
  return end === at ? ~at : end;
}

/** As `skipValue`, for a string; where there is none it breaks at once. A loop: strings may be as long as the body. */
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

/** The name that one object of the text has twice. For JSON that `JSON.parse` took. */
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
