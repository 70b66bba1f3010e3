/** How long a store on a database that hangs takes to close. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { StoreUnavailableError } from "../../../src/store/errors.ts";
import { noPostgres, sharedPostgres } from "../../support/postgres.ts";
import { createUser, lockUser } from "../support/commands.ts";
import { resourceOf } from "../support/outcomes.ts";
import { openPostgresFixture } from "../support/postgres-fixture.ts";
import { startSilentProxy } from "../support/silent-proxy.ts";
import { atEnd } from "../support/sqlite-fixture.ts";

/** 3 s for what was accepted and 1 s for what is under way, with the goodbyes of idle connections. */
const CLOSE_MS_MAX = 7_000;

describe("PostgreSQL: a store on a database that hangs", { skip: (await noPostgres()) ?? false }, () => {
  test("closes in time, and tells each caller what became of its change", async (t) => {
    const server = await sharedPostgres();
    const proxy = await startSilentProxy({ after: (close) => atEnd(t, close) }, server.port);
    const direct = await openPostgresFixture(server, t);
    const store = await direct.openReplica({ url: direct.url.replace(`:${server.port}/`, `:${proxy.port}/`) });
    resourceOf(await store.execute(createUser("u")));
    proxy.isMute = true;
    const locking = assert.rejects(store.execute(lockUser("u")), StoreUnavailableError);
    const begin = performance.now();
    await store.close();
    const tookMs = performance.now() - begin;
    t.diagnostic(`closed after ${Math.round(tookMs)} ms`);
    assert.ok(tookMs < CLOSE_MS_MAX, `${tookMs} ms`);
    await locking;
    assert.equal((await direct.store.readUser("u"))?.state.sequence, 1);
  });
});
