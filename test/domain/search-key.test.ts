/** How names are folded, and where a prefix ends. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { toPrefixEnd, toSearchKey } from "../../src/domain/search-key.ts";

describe("search keys", () => {
  it("folds case, width and composition, and trims", () => {
    const rows: readonly (readonly [string, string])[] = [
      [" Ada ", "ada"],
      ["ＡＤＡ", "ada"],
      ["Straße", "strasse"],
      ["ΟΔΟΣ", "οδοσ"],
      ["e\u0301", "é"],
      ["ﬁn", "fin"],
      ["", ""],
    ];
    for (const [text, key] of rows) assert.equal(toSearchKey(text), key, text);
  });

  it("is stable: a key is its own key", () => {
    for (const text of ["İstanbul", "ſ", "ǰ", "Ω", "ẞ"]) {
      assert.equal(toSearchKey(toSearchKey(text)), toSearchKey(text), text);
    }
  });

  it("ends a prefix at the first key that does not begin with it", () => {
    const rows: readonly (readonly [string, string | null])[] = [
      ["ab", "ac"],
      ["a\u{10ffff}", "b"],
      ["\u{10ffff}", null],
      ["\ud7ff", "\ue000"],
      ["😀", "😁"],
    ];
    for (const [prefix, end] of rows) assert.equal(toPrefixEnd(prefix), end);
  });
});
