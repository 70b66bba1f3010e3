/** The rules for new ids. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { idFault } from "../../src/domain/identity.ts";
import { runs } from "./support/soak.ts";
import { TRICKY } from "./support/tricky.ts";

const ALLOWED: readonly (readonly [title: string, id: string])[] = [
  ["one character", "a"],
  ["200 characters", "a".repeat(200)],
  ["200 characters of two code units each", "😀".repeat(200)],
  ["a space inside", "alice smith"],
  ["slashes, colons, percent signs", "a/b:c%2Fd?e#f"],
  ["an email address", "alice@acme.example"],
  ["normal form C", "caf\u00e9"],
  ["three points", "..."],
  ["a point among others", "a.b"],
  ["a joiner inside an emoji", "👩‍👩‍👧"],
  ["a name that every object has", "__proto__"],
  ["letters of another alphabet", "Ωμέγα"],
];

const REFUSED: readonly (readonly [title: string, id: string, fault: RegExp])[] = [
  ["nothing", "", /has 0 characters; 1 to 200 are allowed/],
  ["201 characters", "a".repeat(201), /has 201 characters/],
  ["201 characters of two code units each", "😀".repeat(201), /has 201 characters/],
  ["normal form D", "cafe\u0301", /not in Unicode normal form C/],
  ["a compatibility sign that form C replaces", "\u212b", /not in Unicode normal form C/],
  ["U+0000", "a\u0000b", /has a control character/],
  ["a tab", "a\tb", /has a control character/],
  ["a line feed at the end", "a\n", /has a control character/],
  ["U+007F", "a\u007f", /has a control character/],
  ["a control character of Latin-1", "a\u009bb", /has a control character/],
  ["a line separator", "a\u2028b", /has a control character/],
  ["a space before", " a", /begins or ends with a space/],
  ["a space after", "a ", /begins or ends with a space/],
  ["only a space", " ", /begins or ends with a space/],
  ["a no-break space after", "a\u00a0", /begins or ends with a space/],
  ["an ideographic space before", "\u3000a", /begins or ends with a space/],
  ["a byte order mark before", "\ufeffa", /begins or ends with a space/],
  ["a point", ".", /path segment/],
  ["two points", "..", /path segment/],
  ["a high surrogate alone", "a\ud83d", /not well-formed Unicode/],
  ["a low surrogate alone", "\ude00a", /not well-formed Unicode/],
  ["surrogates the wrong way round", "\ude00\ud83d", /not well-formed Unicode/],
];

describe("an id", () => {
  for (const [title, id] of ALLOWED) {
    test(`may be ${title}`, () => {
      assert.equal(idFault(id), undefined);
    });
  }
  for (const [title, id, fault] of REFUSED) {
    test(`may not be ${title}`, () => {
      assert.match(idFault(id) ?? "", fault);
    });
  }

  test("P4 of ids that look alike through normal forms and edge spaces at most one passes", () => {
    fc.assert(
      fc.property(fc.string({ unit: TRICKY, minLength: 1, maxLength: 20 }), (id) => {
        const alike = [id.normalize("NFC"), id.normalize("NFD"), `${id} `, ` ${id}`];
        const passing = new Set([id, ...alike].filter((each) => idFault(each) === undefined));
        assert.ok(passing.size <= 1, [...passing].join());
      }),
      runs(300),
    );
  });

  test("a fault is one line of plain text, whatever the id is", () => {
    fc.assert(
      fc.property(fc.string({ unit: TRICKY }), (id) => {
        assert.doesNotMatch(idFault(id) ?? "", /[\p{Cc}\p{Cs}\u2028\u2029]/u);
      }),
      runs(300),
    );
  });
});
