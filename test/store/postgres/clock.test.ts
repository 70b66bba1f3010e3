/** The time by which replicas decide: the database's, however wrong their own clocks are. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { noPostgres, sharedPostgres } from "../../support/postgres.ts";
import { createUser, lockUser } from "../support/commands.ts";
import { resourceOf } from "../support/outcomes.ts";
import { openPostgresFixture } from "../support/postgres-fixture.ts";

describe("PostgreSQL: the clock", { skip: (await noPostgres()) ?? false }, () => {
  for (const [seconds, where] of [
    [-3, "behind"],
    [3, "ahead of"],
    [-90, "behind"],
    [90, "ahead of"],
  ] as const) {
    test(`of a replica that is ${Math.abs(seconds)} s ${where} the database's decides nothing, and is reported`, async (t) => {
      const warnings: string[] = [];
      const { store, query } = await openPostgresFixture(await sharedPostgres(), t, {
        clock: () => Date.now() + seconds * 1_000,
        usesDatabaseClock: true,
        onWarning: (sentence) => warnings.push(sentence),
      });
      const serverTime = async (): Promise<number> => {
        const [row] = await query<{ time: string }>("SELECT extract(epoch FROM clock_timestamp()) * 1000 AS time");
        return Math.floor(Number(row?.time));
      };
      resourceOf(await store.execute(createUser("u")));
      const before = await serverTime();
      const { state } = resourceOf(await store.execute(lockUser("u")));
      const after = await serverTime();
      assert.ok(before <= state.changeTime && state.changeTime <= after, `${before} ${state.changeTime} ${after}`);
      assert.match(warnings.join(), new RegExp(`clock of this machine is [\\d.]+ s ${where} the database's: `));
      if (Math.abs(seconds) < 60) await store.check();
      else
        await assert.rejects(store.check(), new RegExp(`clock of this machine is [\\d.]+ s ${where} the database's`));
    });
  }
});
