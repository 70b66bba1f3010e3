/** The properties P1 to P30 of account locking: each is shown by a test that bears its name, or it is said why not yet. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { filesBelow } from "../tidy/support/tree.ts";

const PROPERTIES = 30;

/** What does not apply yet, or not wholly, and why. */
const NOT_YET: Readonly<Record<string, string>> = {
  P7: "every path of a credential passes the gate: lockkeeper verifies no credential itself, the application asks BeginAttempt; a generated list of paths belongs to the issue of examples and guides",
  P8: "refresh, exchange and token grants of a banned user: lockkeeper issues no tokens; sessions are covered by P9, and resource servers compare the revocation epoch",
  P22: "every write path emits the same event: events come from the store alone (P21), and the command line calls the same RPCs; the path by directory does not exist yet",
  P30: "a revocation reaches open streams: the feed of changes is an issue of its own; until then a resource server compares epochs",
};

/** Where the test shows less than the property says. */
const IN_PART: Readonly<Record<string, string>> = {
  P1: "on SQLite, across connections of one process; several nodes and PostgreSQL come with that engine",
  P5: "what the gate answers; the answer to the person is the application's",
  P6: "factors and recovery; trusted devices and addresses do not exist yet",
  P15: "success, unlocking and the lock's end; a password is not kept here, so its reset is a success of recovery",
  P25: "the last owner key of the instance; users are no administrators here",
  P28: "logs, errors and the time that attempts are kept; addresses are erased with the issue of privacy",
};

interface Named {
  readonly path: string;
  readonly title: string;
}

/** Titles of tests, and of groups and table rows that become titles, by the properties that they name. */
function titlesIn({ path, text }: { readonly path: string; readonly text: string }): readonly Named[] {
  return [...text.matchAll(/["`]((?:P\d+ )+[^"`\n]{10,}|[^"`\n]*\bP\d+ [^"`\n]{10,})["`]/g)].map(([, title = ""]) => ({
    path,
    title,
  }));
}

const files = filesBelow(["test"], ".ts").filter(({ path }) => path !== "test/journey/properties.test.ts");
const titles = files.flatMap(titlesIn);

function testsOf(property: string): readonly Named[] {
  return titles.filter(({ title }) => new RegExp(`\\b${property} `).test(title));
}

describe("the properties of the field", () => {
  for (let number = 1; number <= PROPERTIES; number++) {
    const property = `P${number}`;
    test(`${property} is shown, or it is said why not yet`, (t) => {
      const found = testsOf(property);
      const reason = NOT_YET[property];
      for (const path of new Set(found.map((each) => each.path))) t.diagnostic(`shown in ${path}`);
      if (reason !== undefined) t.diagnostic(`not yet: ${reason}`);
      if (IN_PART[property] !== undefined) t.diagnostic(`in part: ${IN_PART[property]}`);
      assert.ok(found.length > 0 || reason !== undefined, "neither a test bears its name nor is there a reason");
      assert.ok(found.length === 0 || reason === undefined, "a test bears its name: take the reason away");
    });
  }

  test("no reason is given for what is no property, and no test names one", () => {
    const known = new Set(Array.from({ length: PROPERTIES }, (_, index) => `P${index + 1}`));
    const named = titles.flatMap(({ title }) => title.match(/\bP\d+(?= )/g) ?? []);
    const strays = [...Object.keys(NOT_YET), ...Object.keys(IN_PART), ...named].filter((name) => !known.has(name));
    assert.deepEqual(strays, []);
    assert.deepEqual(
      Object.keys(IN_PART).filter((name) => testsOf(name).length === 0),
      [],
    );
  });

  test("the search finds titles, and does not take one property for another", () => {
    const text = 'test("P1 a title of a test", f); const ROW = ["P12 a row of a table", 1];';
    const [first, second, ...others] = titlesIn({ path: "", text });
    assert.deepEqual([first?.title, second?.title, others], ["P1 a title of a test", "P12 a row of a table", []]);
    assert.ok(testsOf("P1").every(({ title }) => !/^P1\d/.test(title)));
  });
});
