/** A move whose process is killed with -9 at random moments, and run again until it is over. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createUser, lockUser } from "../../../store/support/commands.ts";
import { resourceOf } from "../../../store/support/outcomes.ts";
import { openPostgresFixture } from "../../../store/support/postgres-fixture.ts";
import { openFixture } from "../../../store/support/sqlite-fixture.ts";
import { noPostgres, startPostgres } from "../../../support/postgres.ts";
import { seededRandom } from "../../../support/random.ts";
import { cliEnvironment, MAIN } from "../../support/cli.ts";

const USERS = 15_000;
const KILLS = 12;

test("a move that is killed with -9 again and again", { skip: (await noPostgres()) ?? false }, async (t) => {
  const random = seededRandom(t);
  const { store, path, clock, connect } = await openFixture(t);
  const ids = Array.from({ length: USERS }, (_, index) => `user-${index}`);
  for (let begin = 0; begin < USERS; begin += 1_000) {
    const some = ids.slice(begin, begin + 1_000);
    await Promise.all(some.map(async (id) => resourceOf(await store.execute(createUser(id)))));
  }
  resourceOf(await store.execute(lockUser("user-7")));
  await store.close();
  const server = await startPostgres(t);
  const url = server.url();
  const file = connect();
  const isMarked = (): boolean => file.prepare("SELECT 1 FROM moves WHERE end_time > 0").get() !== undefined;
  const isUsable = async (): Promise<boolean> => {
    const [table] = await server.query<{ name: string | null }>("SELECT to_regclass('moves')::text AS name");
    if (table?.name == null) return false;
    return (await server.query("SELECT FROM moves WHERE end_time > 0")).length > 0;
  };
  const words = [MAIN, "migrate", "--from", `sqlite:${path}`, "--to", url];
  const environment = cliEnvironment("http://127.0.0.1:1");
  let kills = 0;
  for (let code: number | null = null; code !== 0; ) {
    const child = spawn(process.execPath, words, { stdio: ["ignore", "ignore", "pipe"], env: environment });
    let said = "";
    child.stderr.on("data", (piece: Buffer) => (said += piece.toString()));
    const exited = once(child, "exit") as Promise<[number | null]>;
    if (kills < KILLS) {
      await Promise.race([sleep(400 + random.below(1_500)), exited]);
      if (child.kill("SIGKILL")) kills++;
    }
    [code] = await exited;
    assert.ok(code === 0 || code === null, said);
    assert.ok(isMarked() || !(await isUsable()), `both sides can be used after ${kills} kills`);
  }
  t.diagnostic(`${kills} kills`);
  assert.ok(isMarked() && (await isUsable()));
  const moved = await openPostgresFixture(server, t, { url, clock: clock.read });
  assert.equal((await moved.store.readUser("user-7"))?.state.restrictions.length, 1);
  assert.equal((await server.query("SELECT FROM user_state")).length, USERS);
  assert.equal((await server.query("SELECT FROM events")).length, USERS + 2);
  resourceOf(await moved.store.execute(lockUser("user-8")));
});
