/** Rows of erasures that no event explains, and values that are there although an event says they are not, on both engines. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { redact } from "../contract/erased-person.ts";
import { record } from "../support/attempts.ts";
import * as commands from "../support/commands.ts";
import { ENGINES, type Opened, verify } from "../support/history-engines.ts";
import { resourceOf } from "../support/outcomes.ts";

const TABLES = ["erasures", "event_private", "sessions", "attempts", "requests"] as const;

function createSession(sessionId: string, userId: string) {
  return {
    type: "CreateSession",
    ...{ sessionId, tokenHash: `token of ${sessionId}`, idleTimeoutMs: null, userId },
    expiry: { kind: "default" },
    ...{ userAgent: "Browser", ip: "192.0.2.77", attributes: {} },
    context: commands.requestContext(sessionId),
  } as const;
}

/** Users with values; the tables `had_…` keep what is erased of them afterwards. Every command is an event of its own time. */
async function fill(opened: Opened): Promise<void> {
  const { store, clock, tamper } = opened;
  const done = async (command: Parameters<typeof store.execute>[0]): Promise<void> => {
    clock.time += 1;
    resourceOf(await store.execute(command));
  };
  const person = { note: "n", profile: { username: "x" } };
  for (const id of ["plain", "gone", "back", "u"]) {
    await done(commands.createUser(id, { ...person, profile: { username: id } }));
    await done(createSession(`first of ${id}`, id));
    await done(record({ userId: id }));
  }
  await done(commands.lockUser("back", { revokeSessions: true, note: "n" }));
  for (const table of TABLES) await tamper(`CREATE TABLE had_${table} AS SELECT * FROM ${table}`);
  await done(commands.deleteUser("gone", { erase: true, note: "by letter" }));
  await done(commands.deleteUser("back", { erase: true }));
  await done(commands.createUser("back", { note: "again" }));
  await done(createSession("second of back", "back"));
  await done(record({ userId: "back" }));
  await done(commands.lockUser("back", { revokeSessions: true }));
  clock.time += 1;
  resourceOf(await redact(opened, 1, ["note"]));
  await store.sweep();
  for (const table of TABLES) await tamper(`CREATE TABLE has_${table} AS SELECT * FROM ${table}`);
}

const atFirst = (userId: string): string => `(SELECT min(position) FROM events WHERE user_id = '${userId}')`;
const putBack = (table: string, where: string): string =>
  `INSERT INTO ${table} SELECT * FROM had_${table} WHERE ${where}`;
const NO_EVENT = /"(plain|nobody|)".*: erasures has a row, and no event says that values were erased$/;

/** What is done, the statements, and what both verifications say. */
const TAMPERINGS: readonly (readonly [string, string, RegExp])[] = [
  ["a row of a user who was not erased", "INSERT INTO erasures VALUES ('plain', 9, 9, 9, NULL, 9)", NO_EVENT],
  ["a row that hides nothing but sessions", "INSERT INTO erasures VALUES ('plain', 0, 9, 0, NULL, NULL)", NO_EVENT],
  ["a row of nobody", "INSERT INTO erasures VALUES ('nobody', 9, 9, 9, NULL, NULL)", NO_EVENT],
  ["a row of an empty id", "INSERT INTO erasures VALUES ('', 9, 9, 9, NULL, NULL)", NO_EVENT],
  [
    "a row of another user's erasure",
    "INSERT INTO erasures SELECT 'plain', sequence, epoch, time, NULL, NULL FROM erasures WHERE user_id = 'gone'",
    NO_EVENT,
  ],
  [
    "a row that erases what came later",
    "UPDATE erasures SET sequence = 99, end_time = NULL WHERE user_id = 'back'",
    /"back".*: erasures has the sequence 99, and the events give 3$/,
  ],
  [
    "a row that hides later sessions",
    "UPDATE erasures SET epoch = epoch + 1, end_time = NULL WHERE user_id = 'back'",
    /"back".*: erasures has the epoch 4, and the events give 3$/,
  ],
  [
    "a row that hides later answers",
    "UPDATE erasures SET time = time + 1, end_time = NULL WHERE user_id = 'back'",
    /"back".*: erasures has the time \d+, and the events give \d+$/,
  ],
  [
    "a redaction as an erasure",
    "UPDATE erasures SET sequence = 2, epoch = 2, end_time = NULL WHERE user_id = 'u'",
    /"u".*: erasures has the sequence 2, and the events give 0$/,
  ],
  [
    "a walk through another user's history",
    `UPDATE erasures SET next_position = ${atFirst("plain")}, end_time = NULL WHERE user_id = 'back'`,
    /"back".*: erasures has the next_position 2, where no event waits for its erasure$/,
  ],
  [
    "a walk of a redaction",
    `UPDATE erasures SET next_position = ${atFirst("u")}, end_time = NULL WHERE user_id = 'u'`,
    /"u".*: erasures has the next_position \d+, where no event waits for its erasure$/,
  ],
  [
    "no row of an erasure",
    "DELETE FROM erasures WHERE user_id = 'gone'",
    /an event says that values were erased, and erasures has no row$/,
  ],
  [
    "no row of a redaction",
    "DELETE FROM erasures WHERE user_id = 'u'",
    /an event says that values were erased, and erasures has no row$/,
  ],
  [
    "a value that is there",
    putBack("event_private", `position = ${atFirst("gone")}`),
    /: the personal value \S+ is there, and an event says that it was erased$/,
  ],
  [
    "a value that is there and hidden, and that no walk will meet",
    `UPDATE erasures SET end_time = NULL WHERE user_id = 'gone'; ${putBack("event_private", `position = ${atFirst("gone")}`)}`,
    /: the personal value \S+ is there, and an event says that it was erased$/,
  ],
  [
    "a redacted value that is there",
    `DELETE FROM event_private WHERE position = ${atFirst("u")}; ${putBack("event_private", `position = ${atFirst("u")}`)}`,
    /: the personal value note is there, and an event says that it was erased$/,
  ],
  [
    "a session that is there",
    putBack("sessions", "user_id = 'gone'"),
    /"gone".*: sessions are there from before the user was erased$/,
  ],
  [
    "a session of the former life that is there",
    putBack("sessions", "user_id = 'back'"),
    /"back".*: sessions are there from before the user was erased$/,
  ],
  [
    "an attempt that is there",
    putBack("attempts", "subject = 'user:back'"),
    /"back".*: attempts are there from before the user was erased$/,
  ],
  [
    "an answer that is there",
    "UPDATE requests SET user_id = 'gone' WHERE request_id = 'first of gone'",
    /"gone".*: answers are there from before the user was erased$/,
  ],
];

for (const [engine, skip, open] of ENGINES) {
  describe(`erasures on ${engine}`, { skip }, () => {
    it("are tied to the events that say so: an invented row, and a value that is there, are named", async (t) => {
      const opened = await open(t);
      await fill(opened);
      const { store, tamper, verifyOffline } = opened;
      const reset = TABLES.map((table) => `DELETE FROM ${table}; INSERT INTO ${table} SELECT * FROM has_${table}`).join(
        "; ",
      );
      for (const [what, statements, says] of TAMPERINGS) {
        assert.deepEqual((await verify(store)).faults, [], `before ${what}`);
        await verifyOffline();
        await tamper(statements);
        const { faults } = await verify(store);
        assert.ok(
          faults.some(({ fault }) => says.test(fault)),
          `${what}: ${JSON.stringify(faults)}`,
        );
        await assert.rejects(verifyOffline(), says, what);
        await tamper(reset);
      }
    });

    it("may be under way: what the walk has not met may be there", async (t) => {
      const opened = await open(t);
      await fill(opened);
      const { store, tamper, verifyOffline } = opened;
      const left = [putBack("event_private", `position = ${atFirst("gone")}`), putBack("sessions", "user_id = 'gone'")];
      await tamper(
        `UPDATE erasures SET next_position = ${atFirst("gone")}, end_time = NULL WHERE user_id = 'gone'; ${left.join("; ")}`,
      );
      assert.deepEqual((await verify(store)).faults, []);
      await verifyOffline();
      await store.sweep();
      assert.deepEqual((await verify(store)).faults, []);
      await verifyOffline();
    });

    it("of long histories are verified in slices", async (t) => {
      const opened = await open(t, { searchSliceMs: 0.001 });
      const { store, tamper } = opened;
      for (const id of ["a", "b"]) {
        await store.execute(commands.createUser(id, { note: "n" }));
        const changes = Array.from({ length: 120 }, () => [
          store.execute(commands.lockUser(id, { note: "n" })),
          store.execute(commands.unlockUser(id)),
        ]);
        await Promise.all(changes.flat());
        resourceOf(await store.execute(commands.deleteUser(id, { erase: true })));
      }
      // Each round erases a part of both histories at least.
      for (let step = 0; step < 4; step++) await store.sweep();
      assert.deepEqual((await verify(store)).faults, []);
      await tamper("UPDATE erasures SET epoch = 7");
      const { faults } = await verify(store);
      assert.deepEqual(
        faults.map(({ fault }) => fault),
        ["a", "b"].map((id) => `of the user "${id}": erasures has the epoch 7, and the events give 2`),
      );
    });
  });
}
