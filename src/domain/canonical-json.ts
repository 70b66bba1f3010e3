/** JSON in one form only: keys sorted by code unit, no white space. Equal values have equal texts. */

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** The texts of keys: the same few return in every event. Bounded, because namespaces and claims are callers' words. */
const KEY_TEXTS = new Map<string, string>();
const KEY_TEXTS_MAX = 1_024;
const CACHED_KEY_CHARS_MAX = 64;

/** Returns the canonical text of a JSON value. Members that are `undefined` are left out, as in JSON.stringify. */
export function canonicalJson(value: Json | undefined): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value ?? null);
  if (isList(value)) return `[${value.map((item) => canonicalJson(item)).join(",")}]`;
  let text = "";
  for (const key of Object.keys(value).sort()) {
    const member = value[key];
    if (member === undefined) continue;
    text += (text === "" ? "" : ",") + toKeyText(key) + canonicalJson(member);
  }
  return `{${text}}`;
}

function toKeyText(key: string): string {
  const known = KEY_TEXTS.get(key);
  if (known !== undefined) return known;
  const text = `${JSON.stringify(key)}:`;
  if (KEY_TEXTS.size < KEY_TEXTS_MAX && key.length <= CACHED_KEY_CHARS_MAX) KEY_TEXTS.set(key, text);
  return text;
}

function isList(value: object): value is readonly Json[] {
  return Array.isArray(value);
}
