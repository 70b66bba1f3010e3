/** Moves that are refused, and files that were moved: one sentence each, and nothing is lost. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { migrateFile } from "../../../src/store/sqlite/offline/inspect-file.ts";
import { raiseFileGeneration } from "../../../src/store/sqlite/offline/raise-generation.ts";
import { noPostgres, sharedPostgres } from "../../support/postgres.ts";
import { TOKEN_HASH } from "../support/every-table.ts";
import { move, moveInPart, moveWith, prepare, query } from "../support/moves.ts";
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
    const rename = database.prepare("UPDATE user_profile SET profile = ? WHERE id = 'zoe'");
    rename.run('{"username":"a\0b"}');
    await assert.rejects(move(path, url), {
      message:
        'the column profile of the row ["zoe"] of user_profile has the character U+0000, which PostgreSQL cannot store',
    });
    rename.run("{}");
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
