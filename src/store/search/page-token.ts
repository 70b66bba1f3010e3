/** Page tokens: the place where a list continues, sealed for its query, and opaque to callers. */
import { canonicalJson, type Json } from "../../domain/canonical-json.ts";
import { LATEST_TIME } from "../../domain/restriction.ts";
import { HistoryChangedError, PageTokenError } from "../errors.ts";
import type { TokenSeal } from "./token-seal.ts";

/** The place after the last row that was read, in the parts of the list's order. */
export type PageKey = readonly (string | number)[];

/** Longer than any id. */
const ID_CHARS_MAX = 1_000;

/** The kinds of parts. A sealed token was made here, but its values are still checked before a query uses them. */
const PARTS = {
  /** Milliseconds since the epoch. */
  time: (part: unknown) => isWhole(part, 0, LATEST_TIME),
  /** 0: before the first event. */
  sequence: (part: unknown) => isWhole(part, 0, Number.MAX_SAFE_INTEGER),
  /** A position, or the place before the first one or after the last. */
  place: (part: unknown) => isWhole(part, 0, Number.MAX_SAFE_INTEGER),
  position: (part: unknown) => isWhole(part, 1, Number.MAX_SAFE_INTEGER),
  /** Of an event: see `markTextOf`. */
  mark: (part: unknown) => typeof part === "string" && /^[0-9a-f]{8}$/.test(part),
  id: (part: unknown) => typeof part === "string" && part.length <= ID_CHARS_MAX,
} as const;

/** The list that a token belongs to. */
export interface Asked {
  readonly seal: TokenSeal;
  /** Everything that a later page must ask in the same way. */
  readonly asked: Json;
  /** The kinds of the parts of the list's keys. */
  readonly shape: readonly (keyof typeof PARTS)[];
}

export function toPageToken({ seal, asked }: Asked, key: PageKey): string {
  return seal.seal(canonicalJson(asked), Buffer.from(JSON.stringify(key)));
}

/**
 * Returns the place; `undefined` without a token. Throws PageTokenError if the token was not made here for this list,
 * and HistoryChangedError if it is of another generation.
 */
export function parsePageToken({ seal, asked, shape }: Asked, token: string | undefined): PageKey | undefined {
  if (token === undefined) return undefined;
  const opened = seal.open(canonicalJson(asked), token);
  if (opened === undefined) {
    throw new PageTokenError("the page token was not made here for this list, filter and order");
  }
  const { generation } = opened;
  if (generation !== seal.generation) {
    throw new HistoryChangedError(
      `the page token was made under generation ${generation}, this is ${seal.generation}: a backup was restored in between, which rewound the history; start again without a page token`,
    );
  }
  const key: unknown = JSON.parse(opened.payload.toString());
  const fits = Array.isArray(key) && key.length === shape.length && shape.every((part, i) => PARTS[part](key[i]));
  if (!fits) throw new PageTokenError("the page token names no place of this list");
  return key as PageKey;
}

function isWhole(part: unknown, min: number, max: number): boolean {
  return typeof part === "number" && Number.isSafeInteger(part) && part >= min && part <= max;
}
