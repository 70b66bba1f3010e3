/** The form in which usernames and email addresses are compared: NFKC, case-folded, trimmed. */

/**
 * Returns the key of a text. It folds case through upper case, because lower case alone keeps `ß` and `ſ` apart from
 * `ss` and `s`; the lower case before it is for `ẞ`. A final sigma becomes a sigma. It normalises before and after,
 * because folding can undo a composition.
 */
export function toSearchKey(text: string): string {
  const folded = text.normalize("NFKC").toLowerCase().toUpperCase().toLowerCase().replaceAll("ς", "σ");
  return folded.normalize("NFKC").trim();
}

/**
 * The longest key, in UTF-8 bytes. 320 characters have 1,280 at most, but NFKC makes up to 18 of one: an entry of an
 * index, which has an organization id next to it, takes at most 2,704.
 */
export const SEARCH_KEY_BYTES_MAX = 1_500;

/** Returns the first key after all that begin with `prefix`, in the order of UTF-8 bytes; `null`: there is none. */
export function toPrefixEnd(prefix: string): string | null {
  const points = Array.from(prefix);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    const point = last.codePointAt(0) ?? 0;
    if (point >= 0x10ffff) continue;
    // Surrogates are not code points: the one after U+D7FF is U+E000.
    return points.join("") + String.fromCodePoint(point === 0xd7ff ? 0xe000 : point + 1);
  }
  return null;
}
