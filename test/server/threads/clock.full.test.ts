/** A wall clock that jumps under two serving threads: both go on with the former time until the jump is accepted. */
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ADMIN_KEY, clientsOf, spawnService, temporaryFolder } from "../../support/service.ts";
import { until } from "../../support/until.ts";

const HALF_HOUR_S = 1_800;

/** Moves the wall clock of all threads by an hour while the file is there; "uneven": it also runs three times too fast. */
const JUMP = `import { readFileSync } from "node:fs";
const now = Date.now;
Date.now = () => {
  try {
    const isUneven = readFileSync(process.env.JUMP_FILE, "utf8") === "uneven";
    return now() + 3_600_000 + (isUneven ? 2_000 * process.uptime() : 0);
  } catch { return now(); }
};`;

test("locks, sessions and keys end in no thread by a jump in doubt, and in each by an accepted one", async (t) => {
  const folder = await temporaryFolder(t);
  const file = join(folder, "jump");
  const service = await spawnService(t, {
    path: join(folder, "lockkeeper.db"),
    arguments: ["--threads", "2"],
    environment: { JUMP_FILE: file },
    nodeArguments: ["--import", `data:text/javascript,${encodeURIComponent(JUMP)}`],
  });
  const owner = clientsOf(service.url, ADMIN_KEY);
  const duration = { seconds: BigInt(HALF_HOUR_S), nanos: 0 };
  const expiry = { case: "duration", value: duration } as const;
  await owner.users.createUser({ userId: "locked" });
  await owner.users.lockUser({ userId: "locked", expiry });
  await owner.users.createUser({ userId: "free" });
  const { token } = await owner.sessions.createSession({ userId: "free", expiry });
  const endTime = Date.now() + HALF_HOUR_S * 1000;
  const { secret } = await owner.keys.createApiKey({ role: "owner", expireTime: timestampFromMs(endTime) });
  // One connection each, so one thread each.
  const callers = [clientsOf(service.url, secret), clientsOf(service.url, secret)];
  const assertBefore = async (when: string): Promise<void> => {
    for (const { signIns, sessions, admin } of callers) {
      assert.equal((await signIns.checkSignIn({ userId: "locked" })).decision?.allowed, false, when);
      assert.equal((await sessions.verifySession({ key: { case: "token", value: token } })).active, true, when);
      const { serverTime } = await admin.whoAmI({});
      assert.ok(Number(serverTime?.seconds) * 1000 < endTime, when);
    }
  };
  await assertBefore("at first");
  writeFileSync(file, "uneven");
  await assertBefore("after a jump that nobody may have noticed");
  await until(() => /the clock jumped/.test(service.stderr()), "the jump to be noticed");
  await assertBefore("while the jump is in doubt");
  await until(() => /the clock keeps jumping/.test(service.stderr()), "the clock to be called uneven");
  await assertBefore("while the clock is uneven");
  rmSync(file);
  await assertBefore("when the jump is undone");
  writeFileSync(file, "even");
  await until(() => /the clock runs evenly/.test(service.stderr()), "the jump to be accepted");
  for (const { admin } of callers) await assert.rejects(admin.whoAmI({}), /\[unauthenticated\]/);
  const others = [clientsOf(service.url, ADMIN_KEY), clientsOf(service.url, ADMIN_KEY)];
  for (const { signIns, sessions } of others) {
    assert.equal((await signIns.checkSignIn({ userId: "locked" })).decision?.allowed, true);
    assert.notEqual((await sessions.verifySession({ key: { case: "token", value: token } })).active, true);
  }
});
