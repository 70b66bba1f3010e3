/** Repeated requests: what one batch loads of their histories is bounded, and each gets its own answer. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { requestKey } from "../../../../src/store/commit/entries.ts";
import { WorkingSet } from "../../../../src/store/commit/working-set.ts";
import { RequestLoader } from "../../../../src/store/postgres/write/request-loader.ts";
import { noPostgres, sharedPostgres } from "../../../support/postgres.ts";
import { createUser, requestContext, updateUser } from "../../support/commands.ts";
import { resourceOf } from "../../support/outcomes.ts";
import { openPostgresFixture } from "../../support/postgres-fixture.ts";
import { connect } from "../support/connect.ts";

const UPDATES = 40;

describe("PostgreSQL: repeated requests", { skip: (await noPostgres()) ?? false }, () => {
  test("with large histories take several batches", async (t) => {
    const { store, url } = await openPostgresFixture(await sharedPostgres(), t, { limits: { batchCommands: 1_000 } });
    resourceOf(await store.execute(createUser("u")));
    const commands = Array.from({ length: UPDATES }, (_, index) =>
      updateUser("u", {
        attributes: { large: JSON.stringify({ text: `${index}`.padEnd(50_000, "x") }) },
        namespaces: ["large"],
        context: requestContext(`r-${index}`),
      }),
    );
    for (const command of commands) resourceOf(await store.execute(command));
    const connection = await connect(t, url);
    const keys = commands.map((command) => requestKey(command)).filter((key) => key !== undefined);
    const set = new WorkingSet();
    const loader = new RequestLoader(connection, commands);
    await loader.load(set, keys);
    const ready = await loader.loadAnswers(set);
    assert.ok(4 <= ready && ready < UPDATES, `${ready} of ${UPDATES}`);
    for (const [index, key] of keys.entries()) {
      const { request } = set.get(key);
      if (index >= ready) assert.throws(() => request?.answer(), /was not loaded/);
      else assert.deepEqual(request?.answer().event?.data, { set: ["attributes.large"], cleared: [], reasonCode: "" });
    }
    const again = await Promise.all(commands.map((command) => store.execute(command)));
    assert.deepEqual(
      again.map((outcome) => outcome.ok && outcome.replayed && outcome.resource.state.sequence),
      commands.map((_, index) => index + 2),
    );
  });
});
