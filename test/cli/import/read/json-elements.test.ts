/** Objects in the lists of a document, found one by one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DocumentFault, findElements } from "../../../../src/cli/import/read/json-elements.ts";
import { seededRandom } from "../../../support/random.ts";

interface Found {
  readonly line: number;
  readonly text: string;
  readonly organization: string | undefined;
  readonly end: number;
}

async function find(text: string, chunkOf: () => number = () => text.length, offset = 0): Promise<readonly Found[]> {
  const bytes = Buffer.from(text);
  async function* chunks(): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; ) {
      const size = chunkOf();
      yield bytes.subarray(at, at + size);
      at += size;
    }
  }
  const options = { lists: ["users", "result"], organizationName: "org", bytesMax: 200, begin: 0, offset };
  const all: Found[] = [];
  for await (const batch of findElements(chunks(), options)) {
    for (const { line, bytes: content, fault, organization, end } of batch) {
      all.push({ line, text: fault ?? content.toString(), organization, end });
    }
  }
  return all;
}

const DOCUMENT = `{
  "org": "outer", "details": {"users": "not a list"},
  "orgs": [
    {"org": "one", "users": [{"id": "a", "org": "not it", "users": [{"id": "inner"}]}, {"id": "b}]"}], "x": 1},
    {"users": [
      {"id": "c", "n": ["]", "\\"}"]}
    ], "org": "late"}
  ],
  "name \\"users\\"": [{"id": "no"}],
  "big": [{"id": "no"}],
  "result": [{"id": "${"x".repeat(300)}"}, {"id": "e"}, 7, ["f"]]
}`;

test("the objects of the named lists are found, with line and organization; all else is passed over", async (t) => {
  const whole = await find(DOCUMENT);
  assert.deepEqual(
    whole.map(({ line, text, organization }) => [line, text, organization]),
    [
      [4, '{"id": "a", "org": "not it", "users": [{"id": "inner"}]}', "one"],
      [4, '{"id": "b}]"}', "one"],
      [6, '{"id": "c", "n": ["]", "\\"}"]}', "outer"],
      [11, "is longer than 200 bytes", "outer"],
      [11, '{"id": "e"}', "outer"],
    ],
  );
  const random = seededRandom(t);
  for (let n = 0; n < 100; n++) assert.deepEqual(await find(DOCUMENT, () => 1 + random.below(20)), whole);
  for (const [index, { end }] of whole.entries()) {
    assert.deepEqual(await find(DOCUMENT, undefined, end), whole.slice(index + 1));
  }
});

test("a list that is the whole document needs no name", async () => {
  assert.deepEqual(
    (await find(' [{"id":1},\n{"id":2}]')).map(({ line, text }) => [line, text]),
    [
      [1, '{"id":1}'],
      [2, '{"id":2}'],
    ],
  );
});

test("whatever is JSON is gone through", async () => {
  for (const text of [
    "[]",
    " {} ",
    "7",
    '"a"',
    "-0.5e+10",
    '[{}, [], null,true , false, 1.25, "\\u00e9\\"", [[{}]]]\r\n\t',
  ]) {
    JSON.parse(text);
    assert.ok((await find(text)).length <= 1, text);
  }
});

test("a document that is none is refused with the place", async () => {
  const rows: readonly (readonly [string, RegExp])[] = [
    ['[{"id":1}', /ends before it is complete/],
    ['["abc', /ends before it is complete/],
    ['[{"id":1}\n}', /line 2 closes a bracket that is not open/],
    ["]", /line 1 closes a bracket that is not open/],
    ['[{"id":1} garbage {"id":2}]', /line 1 is not valid JSON/],
    ['[{"id":1}\n{"id":2}]', /line 2 is not valid JSON/],
    ['[{"id":1}] trailing', /line 1 is not valid JSON/],
    ['[{"id":1}]\n[{"id":2}]', /line 2 is not valid JSON/],
    ['trailing [{"id":1}]', /is not valid JSON/],
    ['[{"id":1},]', /is not valid JSON/],
    ['[,{"id":1}]', /is not valid JSON/],
    ['[{"id":1} "x"]', /is not valid JSON/],
    ['[{"id":1}, nul]', /is not valid JSON/],
    ['[01, {"id":1}]', /is not valid JSON/],
    ['{"users" [{"id":1}]}', /is not valid JSON/],
    ['{"users":[{"id":1}], 7}', /is not valid JSON/],
    ['{"users":[{"id":1}],}', /is not valid JSON/],
    ['{"users"::[{"id":1}]}', /is not valid JSON/],
    ['[:{"id":1}]', /is not valid JSON/],
    ['{users:[{"id":1}]}', /is not valid JSON/],
    ['{"a":"x\ny","users":[{"id":1}]}', /is not valid JSON/],
    [`[${"1".repeat(500)}]`, /is not valid JSON/],
    ["7 8", /is not valid JSON/],
    ["x", /end of the document is not valid JSON/],
    ["  ", /end of the document is not valid JSON/],
    ["[".repeat(65), /line 1 nests deeper than 64 levels/],
  ];
  for (const [text, says] of rows) {
    await assert.rejects(find(text), (error) => error instanceof DocumentFault && says.test(error.message), text);
  }
});
