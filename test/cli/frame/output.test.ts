/** What is printed: columns that align, and no data that drives a terminal. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { jsonLine } from "../../../src/cli/frame/output.ts";
import { printable, Table, widthOf } from "../../../src/cli/frame/table.ts";

const SEED = 20_261_121;
/** Escape sequences begin with these; the last turn or hide text. */
const DRIVES = /[\p{Cc}\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\u2028\u2029]/u;

/** Few random texts have one. */
const DRIVERS = ["\u0007", "\u001b", "\u007f", "\u0085", "\u009b", "\u200f", "\u202e", "\u2066", "\u2028", "\ufeff"];

describe("text for a terminal", () => {
  test("control characters are shown, not sent", () => {
    assert.equal(printable("a\u001b[31mb\n\u009b2J\u202e\u{e0001}"), "a\\u{1b}[31mb\\u{a}\\u{9b}2J\\u{202e}\\u{e0001}");
    assert.equal(printable("Zoë 李 👍 'quoted' \\"), "Zoë 李 👍 'quoted' \\");
  });

  test("JSON escapes what JSON.stringify sends as it is", () => {
    const line = jsonLine({ a: "\u001b\u007f\u009b\u202e\u2028\u{e0001}" });
    assert.equal(line, '{"a":"\\u001b\\u007f\\u009b\\u202e\\u2028\\udb40\\udc01"}\n');
    assert.deepEqual(JSON.parse(line), { a: "\u001b\u007f\u009b\u202e\u2028\u{e0001}" });
  });

  test(`nothing that drives a terminal is left of any text (seed ${SEED})`, () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.oneof(fc.string({ unit: "binary", maxLength: 1 }), fc.constantFrom(...DRIVERS)) }),
        (text) => {
          assert.doesNotMatch(printable(text), DRIVES);
          const line = jsonLine({ text });
          assert.doesNotMatch(line.slice(0, -1), DRIVES);
          assert.deepEqual(JSON.parse(line), { text });
        },
      ),
      { seed: SEED },
    );
  });
});

describe("a table", () => {
  test("aligns its columns by what the cells take on a terminal, and marks empty ones", () => {
    const table = new Table(["A", "NAME", "C"]);
    const rows = [
      ["1", "李", "x"],
      ["22", "", "y"],
      ["3", "e\u0301clair", "z"],
    ];
    assert.equal(table.lines(rows), "A   NAME    C\n1   李      x\n22  -       y\n3   e\u0301clair  z\n");
  });

  test("keeps its widths over later rows, has its header once, and ends no line with spaces", () => {
    const table = new Table(["A", "B"]);
    assert.equal(table.lines([["aaa", "b"]]), "A    B\naaa  b\n");
    assert.equal(table.lines([["a", "b"]]), "a    b\n");
    assert.equal(table.lines([["aaaaaaaaa", ""]]), "aaaaaaaaa  -\n");
  });

  test("fits every terminal: loose columns are cut or left out from the last, then the name is cut", () => {
    const columns = [
      "USER",
      { title: "STATE", toned: true },
      { title: "UNTIL", whole: true },
      "REASON",
      "EMAIL",
      "CHANGED",
    ];
    const id = "01a1ffbb-22cc-716d-b6ee-b8febf3e3d93";
    const row = [id, "INACTIVE", "without end", "SPAM", "ann.lee@example.com", "3d ago"];
    const at = (width: number): string => new Table(columns, { columns: width }).lines([row]).split("\n")[1] ?? "";
    assert.equal(at(120), `${id}  INACTIVE  without end  SPAM    ann.lee@example.com  3d ago`);
    assert.equal(at(90), `${id}  INACTIVE  without end  SPAM    ann.lee@exa…  3d ago`);
    assert.equal(at(80), `${id}  INACTIVE  without end  SPAM    ann.lee@ex…`);
    assert.equal(at(60), `${id}  INACTIVE  without end`);
    assert.equal(at(50), `${id.slice(0, 26)}…  INACTIVE  without end`);
    // Later names that are wider move their row: an id that is cut is of no use.
    const table = new Table(columns, { columns: 80 });
    table.lines([["ann", ...row.slice(1)]]);
    assert.ok(table.lines([row]).startsWith(`${id}  INACTIVE`));
    for (let width = 10; width <= 130; width++) assert.ok(widthOf(at(width)) <= width, at(width));
  });

  test("does not let a cell break out of its line", () => {
    assert.equal(new Table(["A"]).lines([["a\nb\u001b[2J"]]), "A\na\\u{a}b\\u{1b}[2J\n");
  });
});
