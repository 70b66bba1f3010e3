/** Page tokens: where a list goes on, bound to what was asked, and opaque to callers. */
import { hash } from "node:crypto";
import { canonicalJson, type Json } from "../../domain/canonical-json.ts";
import { HistoryChangedError, PageTokenError } from "../store.ts";

/** The place after the last row that was looked at, as the list's own order names it. */
export type PageKey = readonly (string | number)[];

const BINDING_CHARS = 11;

/** What a token is bound to. */
export interface Asked {
  /** The instance's. */
  readonly generation: number;
  /** Everything that a later page must have in common with this one. */
  readonly asked: Json;
}

export function toPageToken({ generation, asked }: Asked, key: PageKey): string {
  return Buffer.from(canonicalJson([generation, bindingOf(asked), ...key])).toString("base64url");
}

/**
 * Throws PageTokenError when the token is not one of this list, and HistoryChangedError when it is of another
 * generation. `shape`: the types of the key's parts.
 */
export function parsePageToken(
  token: string | undefined,
  { generation, asked }: Asked,
  shape: readonly ("string" | "number")[],
): PageKey | undefined {
  if (token === undefined) return undefined;
  const parts = parseParts(token);
  const [made, binding, ...key] = parts;
  if (typeof made !== "number" || !Number.isSafeInteger(made)) throw malformed();
  if (made !== generation) {
    throw new HistoryChangedError(
      `the page token was made under generation ${made}, this is ${generation}: a backup was restored in between, which rewound the history; start again without a page token`,
    );
  }
  if (binding !== bindingOf(asked)) {
    throw new PageTokenError("the page token was made for another list, filter or order");
  }
  const fits =
    key.length === shape.length && key.every((part, index) => isKeyPart(part) && typeof part === shape[index]);
  if (!fits) throw malformed();
  return key.filter(isKeyPart);
}

function isKeyPart(part: unknown): part is string | number {
  return typeof part === "string" || (typeof part === "number" && Number.isSafeInteger(part));
}

function parseParts(token: string): readonly unknown[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(token, "base64url").toString());
    if (Array.isArray(parts)) return parts;
  } catch {
    // Told below, like every other text that is no token.
  }
  throw malformed();
}

function malformed(): PageTokenError {
  return new PageTokenError("the page token is malformed; pass one as it was received");
}

function bindingOf(asked: Json): string {
  return hash("sha256", canonicalJson(asked), "base64url").slice(0, BINDING_CHARS);
}
