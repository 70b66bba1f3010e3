/** The form in which usernames and email addresses are compared: NFKC, case-folded, trimmed. */

/**
 * Case folding by way of upper case, as lower case alone leaves `ß` and `ſ` apart from `ss` and `s`, and through lower
 * case before it for `ẞ`; the sigma at the end of a word is a sigma. Normalised before and after, because folding can
 * undo a composition.
 */
export function toSearchKey(text: string): string {
  const folded = text.normalize("NFKC").toLowerCase().toUpperCase().toLowerCase().replaceAll("ς", "σ");
  return folded.normalize("NFKC").trim();
}

/** The first key that does not begin with `prefix` any more, in the order of UTF-8 bytes; `null`: there is none. */
export function toPrefixEnd(prefix: string): string | null {
  const points = Array.from(prefix);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    const point = last.codePointAt(0) ?? 0;
    if (point >= 0x10ffff) continue;
    // Surrogates are no code points of their own: the next one after U+D7FF is U+E000.
    return points.join("") + String.fromCodePoint(point === 0xd7ff ? 0xe000 : point + 1);
  }
  return null;
}
