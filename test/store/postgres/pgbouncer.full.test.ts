/** Behind pgbouncer in transaction mode, with `--database-prepare false`: the contract, and two stores at once. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { findPgbouncer, startPgbouncer } from "../../support/pgbouncer.ts";
import { sharedPostgres } from "../../support/postgres.ts";
import { describeAttempts } from "../contract/attempts.ts";
import { describeBatches } from "../contract/batches.ts";
import { describeCommands } from "../contract/commands.ts";
import type { OpenStore } from "../contract/contract.ts";
import { describeLists } from "../contract/lists.ts";
import { describeRequests } from "../contract/requests.ts";
import { createUser, lockUser } from "../support/commands.ts";
import { resourceOf, tally } from "../support/outcomes.ts";
import { openPostgresFixture } from "../support/postgres-fixture.ts";
import { atEnd } from "../support/sqlite-fixture.ts";

const program = findPgbouncer();

if (program === undefined) {
  test("behind pgbouncer", { skip: "pgbouncer is not installed" });
} else {
  const server = await sharedPostgres();
  const port = await startPgbouncer({ after }, program, server);
  const open = async (t: Parameters<OpenStore>[0], options: Parameters<OpenStore>[1] = {}) => {
    const direct = await server.createDatabase({ after: (close: () => unknown) => atEnd(t, close) });
    const url = direct.replace(`:${server.port}/`, `:${port}/`);
    return await openPostgresFixture(server, t, { ...options, url, prepare: false });
  };
  const NAME = "PostgreSQL behind pgbouncer";
  describeCommands(NAME, open);
  describeRequests(NAME, open);
  describeBatches(NAME, open);
  describeLists(NAME, open);
  describeAttempts(NAME, open);

  describe(NAME, () => {
    test("two stores share its connections, more than it has", async (t) => {
      const { store, openReplica } = await open(t);
      const stores = [store, await openReplica()] as const;
      const ids = Array.from({ length: 100 }, (_, index) => `user-${index}`);
      await Promise.all(ids.map(async (id) => resourceOf(await store.execute(createUser(id)))));
      const outcomes = await Promise.all(
        ids.map(async (id, index) => {
          const [first, second] = index % 2 === 0 ? stores : [stores[1], stores[0]];
          const outcome = await first.execute(lockUser(id));
          assert.equal((await second.readUser(id))?.state.sequence, 2);
          return outcome;
        }),
      );
      assert.deepEqual(tally(outcomes), { OK: ids.length });
    });
  });
}
