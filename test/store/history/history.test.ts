/** The history, for those who verify it, on both engines: slices, steps of a verification, and checkpoints. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openNote, parseVerifierKey } from "../../../src/domain/signed-note.ts";
import { findEvent } from "../../../src/service/operations/events.ts";
import { createUser, deleteUser, lockUser, redactEvent } from "../support/commands.ts";
import { ENGINES, type Opened, verify } from "../support/history-engines.ts";
import { resourceOf } from "../support/outcomes.ts";

/** More events than a slice has. */
async function fill({ store }: Opened): Promise<void> {
  for (let round = 0; round < 4; round++) {
    const ids = Array.from({ length: 16 }, (_, index) => `u${round}-${index}`);
    await Promise.all(ids.map((id) => store.execute(createUser(id, { note: "n", profile: { username: id } }))));
    await Promise.all(ids.map((id) => store.execute(lockUser(id, { note: `why ${id}` }))));
  }
}

for (const [engine, skip, open] of ENGINES) {
  describe(`the history on ${engine}`, { skip }, () => {
    it("is read in slices that are small however large its events are", async (t) => {
      const { store } = await open(t);
      const attributes = { billing: JSON.stringify("x".repeat(60_000)) };
      await Promise.all(
        Array.from({ length: 30 }, (_, index) => store.execute(createUser(`u${index}`, { attributes }))),
      );
      const head = await store.history.head();
      const counts: number[] = [];
      for (let after = 0; after < head.position; ) {
        const { events, position } = await store.history.slice(after, head);
        assert.deepEqual(
          events.map((event) => event.position),
          events.map((_, index) => after + 1 + index),
        );
        counts.push(events.length);
        after = position;
      }
      assert.equal(
        counts.reduce((sum, count) => sum + count, 0),
        head.position,
      );
      assert.ok(Math.max(...counts) <= 9, `${counts} events`);
    });

    it("is read slice by slice up to one head, and verified with its checkpoints, while commits go on", async (t) => {
      const opened = await open(t);
      const { store, clock } = opened;
      await fill(opened);
      await store.sweep();
      const head = await store.history.head();
      clock.time += 1;
      await store.execute(createUser("later"));
      await store.sweep();
      const events = [];
      const links = [];
      for (let after = 0; after < head.position; ) {
        const slice = await store.history.slice(after, head);
        events.push(...slice.events);
        links.push(...slice.links);
        assert.ok(slice.position > after);
        after = slice.position;
      }
      assert.deepEqual(
        events.map(({ position }) => position),
        Array.from({ length: head.position }, (_, index) => index + 1),
      );
      assert.deepEqual(links.at(-1), { position: head.position, link: head.link });
      const judged = await verify(store, [], head);
      assert.deepEqual([judged.faults, judged.events, judged.checkpoints], [[], head.position, 1]);
      assert.deepEqual((await verify(store)).checkpoints, 2);
    });

    it("has a checkpoint when the log grew, signed by the key of the instance", async (t) => {
      const { store, clock } = await open(t);
      await store.sweep();
      await store.sweep();
      clock.time += 1;
      await store.execute(createUser("u"));
      await store.sweep();
      const { items, next } = await store.history.checkpoints({ pageSize: 1 });
      const rest = await store.history.checkpoints({ pageSize: 9, ...(next === undefined ? {} : { after: next }) });
      const found = [...items, ...rest.items];
      assert.deepEqual(
        found.map(({ position, time }) => [position, time]),
        [
          [2, clock.time],
          [1, clock.time - 1],
        ],
      );
      const keys = (await store.history.verifierKeys()).map(parseVerifierKey);
      const { link } = await store.history.head();
      const [newest] = found;
      assert.equal(
        openNote(newest?.note ?? "", keys),
        `${keys[0]?.name}\n2\n${Buffer.from(link).toString("base64")}\n`,
      );
      assert.equal(await store.history.sign({ position: 2, link }), newest?.note);
    });

    const longer = (column: string): string =>
      engine === "SQLite" ? `CAST(${column} || x'00' AS BLOB)` : `${column} || '\\x00'::bytea`;
    const TAMPERINGS: readonly (readonly [string, string, number])[] = [
      ["an event that was edited", `UPDATE events SET body = ${longer("body")} WHERE position = 40`, 40],
      ["an event that was removed", "DELETE FROM events WHERE position = 41", 41],
      [
        "an event that was inserted in front",
        "UPDATE events SET position = -events.position WHERE position = 60; UPDATE events SET position = 0 WHERE position = -60",
        60,
      ],
      [
        "two events that were swapped",
        "UPDATE events SET position = -50 WHERE position = 50; UPDATE events SET position = 50 WHERE position = 51; UPDATE events SET position = 51 WHERE position = -50",
        50,
      ],
      [
        "a personal value that was edited",
        "UPDATE event_private SET personal = replace(personal, 'why', 'who') WHERE position = 18",
        18,
      ],
      ["a link that was edited", `UPDATE links SET link = ${longer("link")} WHERE last_position = 1`, 1],
    ];
    it("names the first bad position, whatever was done to the database", async (t) => {
      const opened = await open(t);
      await fill(opened);
      // From the end to the begin, so that each fault is in front of those before.
      for (const [what, statement, position] of TAMPERINGS.toSorted((a, b) => b[2] - a[2])) {
        await opened.tamper(statement);
        assert.equal((await verify(opened.store)).faults[0]?.position, position, what);
      }
    });

    it("tells a personal value that was removed from one that was erased, also after the head", async (t) => {
      const opened = await open(t);
      const { store, tamper } = opened;
      await fill(opened);
      const redact = async (eventSequence: number, field: string): Promise<void> => {
        const found = await findEvent(store, (await store.readUser("u0-3")) ?? assert.fail(), eventSequence, {});
        const fields = [field];
        resourceOf(await store.execute(redactEvent("u0-3", { eventSequence, fields, ...(found ? { found } : {}) })));
      };
      await redact(2, "note");
      const head = await store.history.head();
      resourceOf(await store.execute(deleteUser("u0-1", { erase: true })));
      for (const end of [head, undefined]) assert.deepEqual((await verify(store, [], end)).faults, []);
      // An event that the walk of before has met is followed by more.
      await redact(1, "profile.username");
      assert.deepEqual((await verify(store)).faults, []);
      await tamper("DELETE FROM event_private WHERE position IN (SELECT position FROM events WHERE user_id = 'u0-3')");
      const [fault] = (await verify(store)).faults;
      assert.match(fault?.fault ?? "", /^the personal value note is gone, and no event says that it was erased$/);
      // A row of an erasure that nobody recorded hides values.
      await tamper("INSERT INTO erasures SELECT id, 9, 9, 0, last_position, NULL FROM user_state WHERE id = 'u0-0'");
      const positions = (await verify(store)).faults.map((each) => each.position);
      assert.ok(positions.length === 4 && positions[0] !== fault?.position, `${positions}`);
    });

    it("finds a tail that was cut by a checkpoint, in the database and in a file", async (t) => {
      const opened = await open(t);
      const { store } = opened;
      await fill(opened);
      await store.sweep();
      const [checkpoint] = (await store.history.checkpoints({ pageSize: 1 })).items;
      const cut =
        "DELETE FROM events WHERE position > 17; DELETE FROM event_private WHERE position > 17; DELETE FROM links WHERE last_position > 17; " +
        "UPDATE log_head SET position = (SELECT max(last_position) FROM links), link = (SELECT link FROM links ORDER BY last_position DESC LIMIT 1)";
      await opened.tamper(cut);
      const faults = (await verify(store)).faults;
      assert.match(faults[0]?.fault ?? "", /^the history ends at \d+, and a checkpoint was made at 129$/);
      await opened.tamper("DELETE FROM checkpoints");
      assert.deepEqual((await verify(store)).faults, [], "an unkeyed chain alone cannot show it");
      assert.match(
        (await verify(store, [checkpoint?.note ?? ""])).faults[0]?.fault ?? "",
        /a checkpoint was made at 129/,
      );
    });

    it("finds a chain that was made again: the link at a checkpoint is another one", async (t) => {
      const opened = await open(t);
      const { store } = opened;
      await store.execute(createUser("a"));
      const other = await open(t);
      await other.store.execute(createUser("a"));
      await other.store.sweep();
      const [foreign] = (await other.store.history.checkpoints({ pageSize: 1 })).items;
      assert.match(
        (await verify(store, [foreign?.note ?? ""])).faults[0]?.fault ?? "",
        /a checkpoint is of "lockkeeper\//,
      );
      const own = (await store.history.sign({ ...(await store.history.head()), link: new Uint8Array(32) })) ?? "";
      assert.match((await verify(store, [own])).faults[0]?.fault ?? "", /is not the one that a checkpoint was made of/);
      const signedBy = (id: Uint8Array): string => {
        const signature = Buffer.concat([id, new Uint8Array(64)]).toString("base64");
        return own.replace(/ [A-Za-z0-9+/=]+\n$/, ` ${signature}\n`);
      };
      const unknown = signedBy(Buffer.from("0a0b0c0d", "hex"));
      assert.match(
        (await verify(store, [unknown])).faults[0]?.fault ?? "",
        /not the one that a checkpoint by the unknown key 0a0b0c0d was made of$/,
      );
      const head = await store.history.head();
      const right = unknown.replace(/^[^\n]{43}=$/m, Buffer.from(head.link).toString("base64"));
      const judged = await verify(store, [right]);
      const signer = { position: head.position, keyIds: ["0a0b0c0d"] };
      assert.deepEqual([judged.faults, judged.unknownSigners], [[], [signer]], "its link is right");
      const [, id = ""] = (await store.history.verifierKeys())[0]?.split("+") ?? [];
      const forged = signedBy(Buffer.from(id, "hex"));
      assert.match(
        (await verify(store, [forged])).faults[0]?.fault ?? "",
        /is forged: its signature is not of its text$/,
      );
    });
  });
}
