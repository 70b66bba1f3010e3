/** Moves that are refused, and files that were moved: one sentence each, and nothing is lost. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { migrateFile } from "../../../src/store/sqlite/offline/inspect-file.ts";
import { raiseFileGeneration } from "../../../src/store/sqlite/offline/raise-generation.ts";
import { noPostgres, sharedPostgres } from "../../support/postgres.ts";
import { createUser, deleteUser } from "../support/commands.ts";
import { TOKEN_HASH } from "../support/every-table.ts";
import { move, moveInPart, moveWith, prepare, query } from "../support/moves.ts";
import { resourceOf } from "../support/outcomes.ts";
import { openPostgresFixture } from "../support/postgres-fixture.ts";
import { openFixture } from "../support/sqlite-fixture.ts";

describe("a move to PostgreSQL", { skip: (await noPostgres()) ?? false }, () => {
  it("is refused when the target is not empty, or is another one's", async (t) => {
    const { path, url, place } = await prepare(t);
    const server = await sharedPostgres();
    const used = await openPostgresFixture(server, t);
    await assert.rejects(move(path, used.url), {
      message: `the database ${place} is not empty: organizations has rows; name an empty one`,
    });
    assert.notEqual(await used.store.readOrganization("default"), undefined);
    assert.equal(await moveInPart(path, url, (_, taken) => taken > 8), false);
    const other = await openFixture(t);
    await other.store.close();
    await assert.rejects(move(other.path, url), {
      message: `the database ${place} holds an interrupted move of another database, ${path}; finish that one, or name an empty database`,
    });
    await move(path, url);
    await assert.rejects(move(other.path, url), {
      message: `the database ${place} is not empty: ${path} was moved there on 2026-01-01T00:00:00.000Z; name an empty one`,
    });
    await assert.rejects(move(path, await server.createDatabase(t)), {
      message: `the database ${path} was moved to ${place} on 2026-01-01T00:00:00.000Z, and ${place} does not hold that move`,
    });
  });

  it("is refused when a service uses the file, when its history is damaged, and for what cannot be stored", async (t) => {
    const { path, url, open, connect } = await prepare(t);
    const { store } = await open();
    await assert.rejects(move(path, url), /is in use by another process, which holds \S+\.lock; stop it first/);
    await store.close();
    await assert.rejects(move(`${path}.none`, url), /^Error: there is no database \S+\.none$/);
    const database = connect();
    const rename = database.prepare("UPDATE sessions SET user_agent = ? WHERE id = 'idle'");
    rename.run("a\0b");
    await assert.rejects(move(path, url), {
      message:
        'the column user_agent of the row ["idle"] of sessions has the character U+0000, which PostgreSQL cannot store',
    });
    rename.run("");
    const note = `lockkeeper/x\n5\n${Buffer.alloc(32).toString("base64")}\n\n— lockkeeper/x ${Buffer.alloc(68).toString("base64")}\n`;
    database.prepare("INSERT INTO checkpoints VALUES (5, 1, ?)").run(note);
    await assert.rejects(
      move(path, url),
      /is not as it was written, at position 5: a checkpoint is of "lockkeeper\/x"/,
    );
    database.exec("DELETE FROM checkpoints; UPDATE events SET hash = zeroblob(32) WHERE position = 7");
    await assert.rejects(move(path, url), /^Error: the history in \S+ is not as it was written, at position 7: /);
    const [target] = await query<{ ended: boolean }>(url, "SELECT end_time IS NOT NULL AS ended FROM moves");
    assert.equal(target?.ended, false);
  });

  it("is refused when a user is not what the history gives, and when erased values are there", async (t) => {
    const { path, url, open, connect } = await prepare(t);
    const database = connect();
    const before = await open();
    resourceOf(await before.store.execute(createUser("late", { note: "n" })));
    await before.store.close();
    const last = "(SELECT last_position FROM user_state WHERE id = 'late')";
    const kept = database.prepare<[], { readonly position: number }>(
      `SELECT * FROM event_private WHERE position = ${last}`,
    );
    const values = kept.get();
    const { store } = await open();
    resourceOf(await store.execute(deleteUser("late", { erase: true })));
    await store.close();
    const changes: readonly (readonly [string, string, RegExp])[] = [
      [
        "UPDATE user_profile SET profile = '{}' WHERE id = 'Zoë'",
        `UPDATE user_profile SET profile = '{"username":"name of Zoë"}' WHERE id = 'Zoë'`,
        /^Error: the user "Zoë" in \S+ is not what its history gives: user_profile is not what the events give$/,
      ],
      [
        "INSERT INTO erasures VALUES ('zoe', 9, 9, 9, NULL, NULL)",
        "DELETE FROM erasures WHERE user_id = 'zoe'",
        /^Error: the user "zoe" in .* erasures has a row, and no event says that values were erased$/,
      ],
      [
        "UPDATE sessions SET user_id = 'late', epoch = 1 WHERE id = 'idle'",
        "UPDATE sessions SET user_id = 'Zoë', epoch = 1 WHERE id = 'idle'",
        /^Error: the user "late" in .* sessions are there from before the user was erased$/,
      ],
    ];
    for (const [change, undo, says] of changes) {
      database.exec(change);
      await assert.rejects(move(path, url), says);
      database.exec(undo);
    }
    const putBack = database.prepare("INSERT INTO event_private (position, personal) VALUES (@position, @personal)");
    putBack.run(values);
    await assert.rejects(move(path, url), /: the personal value note is there, and an event says that it was erased$/);
    database.prepare("DELETE FROM event_private WHERE position = ?").run(values?.position);
    await move(path, url);
  });

  it("is refused when the copy differs", async (t) => {
    const { path, url, place, connect } = await prepare(t);
    const database = connect();
    const last = "(SELECT max(position) FROM event_private)";
    const changes = {
      "UPDATE sessions SET epoch = epoch + 1 WHERE id = 'idle'": 'the row ["idle"] of sessions differs',
      [`DELETE FROM event_private WHERE position = ${last}`]: "the table event_private has ",
    };
    for (const [change, says] of Object.entries(changes)) {
      const sabotage = (name: string): unknown => (name === "write attempts" ? query(url, change) : undefined);
      await assert.rejects(moveWith(path, url, sabotage), ({ message }: Error) =>
        message.startsWith(`the copy in ${place} is not what was written: ${says}`),
      );
      // So that the next one begins again.
      database.exec("DELETE FROM moves");
    }
  });

  it("leaves a file that is served only when it is taken back", async (t) => {
    const { path, url, place, open } = await prepare(t);
    await move(path, url);
    const told = `moved to ${place} on 2026-01-01T00:00:00.000Z`;
    const message = `the database ${path} was ${told}; use that one, or take this file back: start the service once with --force true`;
    await assert.rejects(open(), { message });
    await assert.rejects(migrateFile(path, { check: false }), { message });
    const warnings: string[] = [];
    const forced = await open({ takesBackMoved: true, onWarning: (sentence) => warnings.push(sentence) });
    assert.deepEqual(warnings, [
      `the database ${path} is taken back: it was ${told}, and from now on the two have histories of their own`,
    ]);
    await forced.store.close();
    await (await open()).store.close();
    await assert.rejects(move(path, url), /is not empty: \S+ was moved there on/);
  });

  it("leaves a file that a recovery gives a history of its own", async (t) => {
    const { path, clock, url, open } = await prepare(t);
    await move(path, url);
    const { generation } = await raiseFileGeneration(path, clock.read);
    const { store } = await open();
    assert.equal(store.generation, generation);
    const session = await store.readSession({ tokenHash: TOKEN_HASH, scope: null }, { touch: false });
    assert.equal(session?.status, "ENDED");
  });
});
