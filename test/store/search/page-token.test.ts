/** Page tokens: the numbers of a sealed token are checked before a query uses them. */
import assert from "node:assert/strict";
import { it } from "node:test";
import Database from "better-sqlite3";
import type { Json } from "../../../src/domain/canonical-json.ts";
import { parsePageToken, toPageToken } from "../../../src/store/search/page-token.ts";
import { TokenSeal } from "../../../src/store/search/token-seal.ts";
import { SqliteLists } from "../../../src/store/sqlite/read/sqlite-lists.ts";
import { createUser } from "../support/commands.ts";
import { openFixture } from "../support/sqlite-fixture.ts";

const seal = new TokenSeal(Buffer.alloc(32, 1), 1);
const FAR = 253_402_300_800_000;

const SHAPES: readonly (readonly [part: "time" | "sequence" | "position" | "id", good: Json[], bad: Json[]])[] = [
  ["time", [0, FAR - 1], [-1, FAR, 0.5, "1", null]],
  ["sequence", [0, Number.MAX_SAFE_INTEGER], [-9_007_199_254_740_991, -1, 2 ** 53, 1.5, "1", null]],
  ["position", [1], [0, -1, 2 ** 53, [1], null]],
  ["id", ["", "ü", "x".repeat(1_000)], [1, null, {}, "x".repeat(1_001)]],
];

for (const [part, good, bad] of SHAPES) {
  it(`a ${part} is checked`, () => {
    const asked = { seal, asked: ["a list"], shape: [part] } as const;
    const token = (value: Json) => seal.seal('["a list"]', Buffer.from(JSON.stringify([value])));
    for (const value of good) assert.deepEqual(parsePageToken(asked, token(value)), [value]);
    for (const value of bad) assert.throws(() => parsePageToken(asked, token(value)), { name: "PageTokenError" });
    const two = toPageToken(asked, ["1", "2"]);
    assert.throws(() => parsePageToken(asked, two), { name: "PageTokenError" });
  });
}

it("a sequence out of range is refused, and the reader still answers", async (t) => {
  const { store, path, troubles } = await openFixture(t);
  await store.execute(createUser("u"));
  const database = new Database(path, { readonly: true });
  const { seal: own } = new SqliteLists(database);
  database.close();
  const events = { userId: "u", order: "oldest_first", pageSize: 10 } as const;
  const after = own.seal('["events","u","oldest_first"]', Buffer.from("[-9007199254740991]"));
  await assert.rejects(store.listUserEvents({ ...events, after }), { name: "PageTokenError" });
  const forged = Buffer.from('[1,"AAAAAAAAAAA",-9007199254740991]').toString("base64url");
  await assert.rejects(store.listUserEvents({ ...events, after: forged }), { name: "PageTokenError" });
  assert.equal((await store.listUserEvents(events)).items.length, 1);
  assert.deepEqual(troubles, []);
});
