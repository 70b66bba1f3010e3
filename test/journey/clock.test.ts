/** A wall clock that jumps under the running service: what is recorded, logged, counted and said to balancers. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { State } from "../../gen/lockkeeper/user/v1/user_pb.ts";
import { parseExposition, sumOf } from "../support/exposition.ts";
import { ADMIN_KEY, type Running, startService, temporaryFolder } from "../support/service.ts";
import { until } from "../support/until.ts";

const HOUR = 3_600_000;

interface Lab {
  readonly service: Running;
  /** Moves the wall clock alone. */
  readonly jump: (ms: number) => void;
  /** Lets time pass on both clocks. */
  readonly pass: (ms: number) => void;
  /** Resolves when the log has a line with it. */
  readonly logged: (words: RegExp) => Promise<void>;
  readonly metric: (name: string) => Promise<number>;
  readonly readyz: () => Promise<string>;
}

/**
 * A service with the user `u`, who is locked for an hour, and the user `v`. On a file: on PostgreSQL the database's clock
 * decides.
 */
async function open(t: TestContext): Promise<Lab> {
  let [wall, monotonic] = [Date.UTC(2026, 0, 1), 0];
  const path = join(await temporaryFolder(t), "lockkeeper.db");
  const service = await startService(t, { clock: () => wall, monotonic: () => monotonic, path });
  await service.users.createUser({ userId: "u" });
  await service.users.createUser({ userId: "v" });
  const expiry = { case: "duration", value: { seconds: 3600n, nanos: 0 } } as const;
  await service.users.lockUser({ userId: "u", expiry });
  const read = async (path: string): Promise<string> => {
    const response = await fetch(service.url + path, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
    return `${response.status} ${await response.text()}`;
  };
  return {
    service,
    jump: (ms) => (wall += ms),
    pass: (ms) => {
      wall += ms;
      monotonic += ms;
    },
    logged: (words) => until(() => words.test(service.log()), `a line with ${words}`),
    metric: async (name) => sumOf(parseExposition((await read("/metrics")).slice(4)), name),
    readyz: () => read("/readyz"),
  };
}

/** Begins a change, which waits, and lets it be judged by `settle`. */
async function lockMeanwhile({ service, logged }: Lab, settle: () => void): Promise<void> {
  const locked = service.users.lockUser({ userId: "v" });
  await logged(/"error".*the clock jumped 10800 s/);
  settle();
  await locked;
}

async function stateOf({ service }: Lab, userId: string): Promise<State | undefined> {
  return (await service.users.getUser({ userId })).user?.state;
}

describe("the clock", () => {
  test("+3 h for one write and back: nothing expires, and time goes on", async (t) => {
    const lab = await open(t);
    lab.jump(3 * HOUR);
    assert.equal(await stateOf(lab, "u"), State.LOCKED, "a read counts nothing as due either");
    await lockMeanwhile(lab, () => lab.jump(-3 * HOUR));
    await lab.logged(/nothing was recorded with a wrong time/);
    assert.equal(await stateOf(lab, "u"), State.LOCKED);
    assert.equal(await lab.metric("lockkeeper_clock_jumps_total"), 1);
    assert.equal(await lab.metric("lockkeeper_clock_behind_seconds"), 0);
    lab.pass(HOUR);
    assert.equal(await stateOf(lab, "u"), State.ACTIVE);
  });

  test("+3 h and on, as after a suspension: the time is taken with the second reading", async (t) => {
    const lab = await open(t);
    lab.jump(3 * HOUR);
    await lockMeanwhile(lab, () => lab.pass(5000));
    await lab.logged(/runs evenly 10800 s ahead/);
    assert.equal(await stateOf(lab, "u"), State.ACTIVE);
    const { user } = await lab.service.users.getUser({ userId: "v" });
    assert.equal(Number(user?.details?.changeDate?.seconds), (Date.UTC(2026, 0, 1) + 3 * HOUR + 5000) / 1000);
  });

  test("back by 3 h: time stands still, readyz says why, and both end when the record time is reached", async (t) => {
    const lab = await open(t);
    lab.jump(-3 * HOUR);
    await lockMeanwhile(lab, () => lab.pass(5000));
    await lab.logged(/runs evenly 10800 s back.*time stands still .*: set the clock/);
    await until(async () => (await lab.readyz()).startsWith("503"), "a service that is not ready");
    await lab.logged(/"error","message":"not ready","cause":"the clock is/);
    assert.match(await lab.readyz(), /^503 not serving: the clock is \d+ s behind the newest record.*set the clock/);
    assert.ok((await lab.metric("lockkeeper_clock_behind_seconds")) > 10_000);
    await lab.service.users.unlockUser({ userId: "v" });
    lab.pass(3 * HOUR);
    await until(async () => (await lab.readyz()) === "200 ok\n", "a service that is ready");
    await lab.logged(/"message":"ready again"/);
    assert.equal(lab.service.log().match(/"not ready"/g)?.length, 1);
    lab.pass(HOUR);
    assert.equal(await stateOf(lab, "u"), State.ACTIVE);
  });
});
