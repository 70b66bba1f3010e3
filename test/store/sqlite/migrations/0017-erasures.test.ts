/** Answers that an earlier version remembered are erased like later ones. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { createUser, deleteUser, requestContext } from "../../support/commands.ts";
import { toOlderSchema } from "../../support/older-schema.ts";
import { resourceOf } from "../../support/outcomes.ts";
import { openFixture } from "../../support/sqlite-fixture.ts";

it("finds whose the answers are that an earlier version remembered", async (t) => {
  const { store, path, connect } = await openFixture(t);
  const create = createUser("u", { profile: { username: "ada" }, context: requestContext("create") });
  const user = resourceOf(await store.execute(create));
  await store.close();
  toOlderSchema(path, "0017-erasures");
  const insert = `INSERT INTO requests (actor, scope, rpc, request_id, content, resource_id, position, answer, time)
    VALUES ('a', '', 'rpc', ?, x'', ?, 1, ?, 0)`;
  const database = connect();
  database.prepare(insert).run("user", "u", JSON.stringify(user));
  database
    .prepare(insert)
    .run("session", "s", JSON.stringify({ userId: "u", ip: "192.0.2.7", attributes: { a: "{}" } }));
  const { store: reopened } = await openFixture(t, { path });
  resourceOf(await reopened.execute(deleteUser("u", { erase: true })));
  const answers = database.prepare("SELECT answer, user_id FROM requests WHERE actor = 'a' ORDER BY id").all();
  assert.deepEqual(answers, [
    { answer: JSON.stringify({ ...user, person: { profile: {}, attributes: {} } }), user_id: null },
    { answer: JSON.stringify({ userId: "u", ip: "", attributes: {} }), user_id: null },
  ]);
});
