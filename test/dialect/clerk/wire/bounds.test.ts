/** Many changes at once, wide requests, pasted secrets: nothing is lost, too large or logged. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { startService } from "../../../support/service.ts";
import { newestClient, rawOf, send } from "../support/clients.ts";

const start = (t: Parameters<typeof startService>[0]) => startService(t, { config: { dialects: ["clerk"] } });

describe("bounds", () => {
  test("200 simultaneous merges of one user's metadata all succeed, and none is lost", async (t) => {
    const { url } = await start(t);
    const { users } = newestClient(url);
    const { id } = await users.createUser({ firstName: "Ann" });
    const keys = Array.from({ length: 200 }, (_, i) => `key${i}`);
    await Promise.all(keys.map((key) => users.updateUserMetadata(id, { publicMetadata: { [key]: 1 } })));
    const { public_metadata: merged } = rawOf(await users.getUser(id));
    assert.deepEqual(Object.keys(merged as object).sort(), keys.toSorted());
  });

  test("at most 20 faults of a request are reported, and the number of the others", async (t) => {
    const { url } = await start(t);
    const body = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`unknown_${i}`, 1]));
    const { status, json } = await send(url, "/users", { method: "POST", body });
    assert.equal(status, 422);
    const { errors } = json as { errors: readonly { readonly long_message: string }[] };
    assert.equal(errors.length, 20);
    assert.match(errors.at(-1)?.long_message ?? "", / \(and 4980 more\)$/);
    const escaped = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`${"\u0001".repeat(100)}${i}`, 1]));
    const long = await send(url, "/users", { method: "POST", body: escaped });
    assert.ok(JSON.stringify(long.json).length <= 8 * 1024);
    const values = await send(url, "/users", {
      method: "POST",
      body: { public_metadata: { a: Array(20_000).fill([]) } },
    });
    assert.equal(values.status, 413);
    assert.match(JSON.stringify(values.json), /maximum allowed number of 10000 values/);
  });

  test("text in the path that is not an id is not logged", async (t) => {
    const running = await start(t);
    const pasted = `sk_live_${"x".repeat(300)}`;
    assert.equal((await send(running.url, `/users/${pasted}`)).status, 404);
    assert.doesNotMatch(running.log(), /sk_live/);
  });

  test("a page of users that would be too large is refused, a smaller one is served", async (t) => {
    const { url } = await start(t);
    const { users } = newestClient(url);
    const large = { text: "x".repeat(60_000) };
    await Promise.all(Array.from({ length: 150 }, () => users.createUser({ privateMetadata: large })));
    const refused = await send(url, "/users?limit=150");
    assert.equal(refused.status, 422);
    assert.match(JSON.stringify(refused.json), /page has more than \d+ characters/);
    const { status, json } = await send(url, "/users?limit=50");
    assert.deepEqual([status, (json as unknown[]).length], [200, 50]);
  });
});
