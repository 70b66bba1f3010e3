/** Values that are erased are in no file after the next checkpoint, whatever was written around them before. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { it } from "node:test";
import { seededRandom } from "../../../support/random.ts";
import { until } from "../../../support/until.ts";
import { record } from "../../support/attempts.ts";
import { banUser, context, createUser, deleteUser, requestContext, updateUser } from "../../support/commands.ts";
import { resourceOf } from "../../support/outcomes.ts";
import { openFixture } from "../../support/sqlite-fixture.ts";

/** In every value of the users who are erased, and of nobody else. */
const SECRET = "qZ7erasedvalue";

/** Returns the names of the files next to the database that have the secret, in any case. */
function filesWith(path: string): readonly string[] {
  const folder = dirname(path);
  return readdirSync(folder).filter((name) =>
    readFileSync(join(folder, name), "latin1").toLowerCase().includes(SECRET.toLowerCase()),
  );
}

it("leaves erased values in no file, in free pages and overwritten rows neither", async (t) => {
  const { store, path, clock } = await openFixture(t);
  const random = seededRandom(t);
  const done = async (command: Parameters<typeof store.execute>[0]) => resourceOf(await store.execute(command));
  const word = (size: number): string => Array.from({ length: size }, () => random.below(36).toString(36)).join("");
  const personOf = (text: string) => ({
    profile: { username: `${text}-${word(8)}`, email: `${text}-${word(8)}@example.com` },
    attributes: { app: JSON.stringify({ text: text.repeat(1 + random.below(400)) }) },
  });
  const ids = Array.from({ length: 60 }, (_, index) => `u${index}`);
  const isErased = (id: string): boolean => Number(id.slice(1)) % 2 === 0;
  const textOf = (id: string): string => (isErased(id) ? SECRET : `kept${word(9)}`);
  await Promise.all(ids.map((id) => done(createUser(id, { ...personOf(textOf(id)), context: requestContext(id) }))));
  for (let round = 0; round < 4; round++) {
    const changes = ids.map((id) =>
      updateUser(id, { ...personOf(textOf(id)), fields: ["username", "email"], namespaces: ["app"], note: textOf(id) }),
    );
    await Promise.all(changes.map(done));
    await Promise.all(ids.map((userId) => done({ ...record({ userId }, true), userAgent: textOf(userId) })));
  }
  for (const userId of ids) {
    await done({
      type: "CreateSession",
      ...{ sessionId: `s-${userId}`, tokenHash: `t-${userId}`, userId, idleTimeoutMs: null, ip: "192.0.2.1" },
      expiry: { kind: "default" },
      ...{ userAgent: textOf(userId), attributes: { x: JSON.stringify(textOf(userId)) }, context: context() },
    });
  }
  await Promise.all(ids.map((id) => done(banUser(id, { note: textOf(id), expiry: { kind: "never" } }))));
  clock.time += 1_000;
  assert.ok(filesWith(path).length > 0);
  await Promise.all(ids.filter(isErased).map((id) => done(deleteUser(id, { erase: true }))));
  // On a busy machine the steps of an erasure are short, and a caller does not wait for all of them.
  for (let rounds = 0; store.stats().openErasures > 0; rounds++) {
    assert.ok(rounds < 100, "an erasure never ends");
    await store.sweep();
  }
  await until(() => filesWith(path).length === 0, "files without the erased values");
  assert.deepEqual(filesWith(path), []);
  assert.notEqual((await store.readUser("u1"))?.person.profile.email, undefined);
});
