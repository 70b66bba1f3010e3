/** docs/SECURITY.md: each property P1 to P30 has a row, and the tests that the row names show it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Row, tableRows } from "./support/document-table.ts";
import { filesBelow, readRootFile } from "./support/tree.ts";

const PROPERTIES = Array.from({ length: 30 }, (_, index) => `P${index + 1}`);
const HEADER = "| # | property | shown by | limits | maps to |";

/** The properties that titles of tests name, also where a table's row or a group becomes the title. */
function propertiesIn(text: string): ReadonlySet<string> {
  const titles = [...text.matchAll(/["`]((?:P\d+ )+[^"`\n]{10,}|[^"`\n]*\bP\d+ [^"`\n]{10,})["`]/g)];
  return new Set(titles.flatMap(([, title = ""]) => title.match(/\bP\d+(?= )/g) ?? []));
}

const text = readRootFile("docs/SECURITY.md") ?? "";
const rows = tableRows(text, HEADER) ?? [];
const shownBy = new Map(
  filesBelow(["test"], ".ts")
    .filter(({ path }) => path !== "test/tidy/security.test.ts")
    .map(({ path, text: source }) => [path, propertiesIn(source)]),
);

function faultsOf([property = "", , cell = "", limits = ""]: Row): readonly string[] {
  const files = cell === "–" ? [] : cell.split(", ");
  const notThere = files
    .filter((file) => shownBy.get(file)?.has(property) !== true)
    .map((file) => `${property}: ${file} does not exist or has no title that names ${property}`);
  const isNotYet = limits.startsWith("not yet: ");
  const isShown = [...shownBy.values()].some((named) => named.has(property));
  return [
    ...notThere,
    ...(files.length === 0 && !isNotYet ? [`${property}: neither a test nor a reason why not yet`] : []),
    ...(isNotYet && isShown ? [`${property}: a test shows it; name the test instead of the reason`] : []),
  ];
}

describe("docs/SECURITY.md", () => {
  test("has one row for each property, in order", () => {
    assert.deepEqual(
      rows.map(([property]) => property),
      PROPERTIES,
    );
  });

  test("names tests that exist and show the property, or says why not yet", () => {
    assert.deepEqual(rows.flatMap(faultsOf), []);
    assert.deepEqual(faultsOf(["P1", "", "test/nowhere.test.ts", ""]).length, 1);
    assert.deepEqual(faultsOf(["P1", "", "–", "not yet: reason"]).length, 1);
    assert.deepEqual(faultsOf(["P0", "", "–", ""]).length, 1);
  });

  test("no test names a property that does not exist", () => {
    const named = [...shownBy].flatMap(([path, names]) => [...names].map((name) => [path, name] as const));
    assert.ok(named.length > PROPERTIES.length);
    assert.deepEqual(
      named.filter(([, name]) => !PROPERTIES.includes(name)),
      [],
    );
  });

  test("titles are found, and one property is not taken for another", () => {
    const source = 'test("P1 the title of a test", f); const ROW = ["P12 the row of a table", 1];';
    assert.deepEqual([...propertiesIn(source)], ["P1", "P12"]);
  });
});
