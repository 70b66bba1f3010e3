/** Sessions through real clients: opened, verified, extended, ended one by one and all at once. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { SessionStatus } from "../../../gen/lockkeeper/session/v1/session_service_pb.ts";
import { State } from "../../../gen/lockkeeper/user/v1/user_pb.ts";
import { seededRandom } from "../../support/random.ts";
import { assertRefused } from "../../support/refusals.ts";
import { scaled } from "../../support/scale.ts";
import { ADMIN_KEY, GENERATION, startService, TestClock, temporaryFolder } from "../../support/service.ts";
import { openSession, startWithAnn, statusOf } from "../support/sessions.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

describe("sessions", () => {
  test("are opened with what the client says, and verified by token and by id", async (t) => {
    const running = await startWithAnn(t);
    const { clock, sessions } = running;
    const { session, token } = await sessions.createSession({
      userId: "ann",
      expiry: { case: "duration", value: { seconds: 3600n } },
      idleTimeout: { seconds: 600n },
      userAgent: "Browser 1",
      ip: "192.0.2.1",
      attributes: { app: { device: "phone" } },
    });
    assert.match(token, /^lks_[0-9A-Za-z]{43}_[0-9a-f]{8}$/);
    assert.ok(session !== undefined);
    assert.equal(session.status, SessionStatus.ACTIVE);
    assert.equal(session.details?.resourceOwner, "default");
    assert.equal(session.expireTime?.seconds, BigInt(clock.now / 1000 + 3600));
    assert.deepEqual(
      [session.userAgent, session.ip, session.attributes],
      ["Browser 1", "192.0.2.1", { app: { device: "phone" } }],
    );
    clock.advance(1000);
    for (const key of [
      { case: "token", value: token },
      { case: "sessionId", value: session.sessionId },
    ] as const) {
      const verified = await sessions.verifySession({ key });
      assert.deepEqual(
        [verified.active, verified.userState, verified.revocationEpoch, verified.serverTime?.seconds],
        [true, State.ACTIVE, GENERATION + 1n, BigInt(clock.now / 1000)],
      );
    }
    const { session: read } = await sessions.getSession({ sessionId: session.sessionId });
    assert.equal(read?.lastActivityTime?.seconds, BigInt(clock.now / 1000), "known before it is on disk");
    assert.doesNotMatch(running.log(), new RegExp(token), "no token in the log");
  });

  test("end by their own time, by idleness and by revocation, and say which", async (t) => {
    const running = await startWithAnn(t);
    const { clock } = running;
    const short = await openSession(running, { expiry: { case: "duration", value: { seconds: 60n } } });
    const idle = await openSession(running, { idleTimeout: { seconds: 600n } });
    const revoked = await openSession(running);
    const plain = await openSession(running);
    await running.sessions.revokeSession({ sessionId: revoked.id });
    assert.equal(await statusOf(running, revoked.token), "REVOKED");
    clock.advance(MINUTE_MS - 1);
    assert.equal(await statusOf(running, short.token), "ACTIVE");
    clock.advance(1);
    assert.equal(await statusOf(running, short.token), "EXPIRED");
    for (let i = 0; i < 5; i++) {
      assert.equal(await statusOf(running, idle.token), "ACTIVE", "use keeps it");
      clock.advance(599_999);
    }
    assert.equal(await statusOf(running, idle.token, true), "ACTIVE");
    clock.advance(1);
    assert.equal(await statusOf(running, idle.token), "IDLE", "a passive read does not count as use");
    clock.now = Date.UTC(2026, 0, 1) + 30 * DAY_MS - 1;
    assert.equal(await statusOf(running, plain.token), "ACTIVE");
    clock.advance(1);
    assert.equal(await statusOf(running, plain.token), "EXPIRED", "30 days unless the caller says otherwise");
  });

  test("P9 end with a ban, a deactivation, a deletion and a lock that says so; a plain lock leaves them", async (t) => {
    const running = await startWithAnn(t);
    const { users } = running;
    const acts = [
      ["USER_BANNED", (userId: string) => users.banUser({ userId })],
      ["USER_INACTIVE", (userId: string) => users.deactivateUser({ userId })],
      ["USER_DELETED", (userId: string) => users.deleteUser({ userId })],
      ["ENDED", (userId: string) => users.lockUser({ userId, revokeSessions: true })],
      ["ENDED", (userId: string) => running.sessions.revokeUserSessions({ userId })],
      ["ACTIVE", (userId: string) => users.lockUser({ userId })],
    ] as const;
    for (const [index, [expected, act]] of acts.entries()) {
      const userId = `user-${index}`;
      await users.createUser({ userId });
      const tokens = await Promise.all(Array.from({ length: 20 }, () => openSession(running, { userId })));
      await act(userId);
      for (const { token } of tokens) assert.equal(await statusOf(running, token), expected, `${index}`);
    }
  });

  test("P11 no unban, reactivation, unlocking or re-creation revives one", async (t) => {
    const running = await startWithAnn(t);
    const { users } = running;
    const acts = [
      [(userId: string) => users.banUser({ userId }), (userId: string) => users.unbanUser({ userId })],
      [(userId: string) => users.deactivateUser({ userId }), (userId: string) => users.reactivateUser({ userId })],
      [
        (userId: string) => users.lockUser({ userId, revokeSessions: true }),
        (userId: string) => users.unlockUser({ userId }),
      ],
      [(userId: string) => users.deleteUser({ userId }), (userId: string) => users.createUser({ userId })],
    ] as const;
    for (const [index, [impose, lift]] of acts.entries()) {
      const userId = `user-${index}`;
      await users.createUser({ userId });
      const { token } = await openSession(running, { userId });
      await impose(userId);
      await lift(userId);
      assert.equal(await statusOf(running, token), "ENDED", `${index}`);
      const { token: fresh } = await openSession(running, { userId });
      assert.equal(await statusOf(running, fresh), "ACTIVE");
    }
  });

  test("P10 of bans and openings at the same moment no session survives", async (t) => {
    const running = await startWithAnn(t);
    const random = seededRandom(t);
    for (let round = 0; round < scaled({ quick: 8, full: 20, soak: 200 }); round++) {
      const userId = `racer-${round}`;
      await running.users.createUser({ userId });
      const opened: string[] = [];
      const work = Array.from({ length: 20 }, async () => {
        await openSession(running, { userId }).then(
          ({ token }) => opened.push(token),
          () => undefined,
        );
      });
      const banAt = random.below(20);
      work.splice(
        banAt,
        0,
        running.users.banUser({ userId }).then(() => undefined),
      );
      await Promise.all(work);
      await assertRefused(openSession(running, { userId }), "FailedPrecondition", "USER_MAY_NOT_ACT");
      for (const token of opened) assert.equal(await statusOf(running, token), "USER_BANNED");
      await running.users.unbanUser({ userId });
      for (const token of opened) assert.equal(await statusOf(running, token), "ENDED");
    }
  });

  test("P9 of 10,000 sessions none passes once the ban has returned, however the calls interleave", async (t) => {
    const running = await startWithAnn(t);
    const count = scaled({ quick: 500, full: 1_000, soak: 10_000 });
    const tokens: string[] = [];
    while (tokens.length < count) {
      tokens.push(
        ...(await Promise.all(Array.from({ length: 250 }, () => openSession(running)))).map(({ token }) => token),
      );
    }
    const ban: { isOver: boolean } = { isOver: false };
    let late = 0;
    const verify = async (token: string): Promise<void> => {
      const sentAfterBan = ban.isOver;
      const status = await statusOf(running, token);
      if (sentAfterBan) {
        late++;
        assert.equal(status, "USER_BANNED");
      }
    };
    // A connection carries 100 streams: that many calls are under way, including the ban.
    const waiting = tokens.slice();
    const worker = async (): Promise<void> => {
      for (let token = waiting.pop(); token !== undefined; token = waiting.pop()) await verify(token);
    };
    const workers = Array.from({ length: 64 }, worker);
    await running.users.banUser({ userId: "ann" });
    ban.isOver = true;
    await Promise.all(workers);
    waiting.push(...tokens);
    await Promise.all(Array.from({ length: 64 }, worker));
    assert.ok(late >= count, `${late} were verified after the ban`);
    const { sessions } = await running.sessions.listSessions({ userId: "ann", activeOnly: true });
    assert.deepEqual(sessions, []);
  });

  test("are extended while they hold, and no longer", async (t) => {
    const running = await startWithAnn(t);
    const { clock, sessions } = running;
    const { id, token } = await openSession(running, { expiry: { case: "duration", value: { seconds: 60n } } });
    const extended = await sessions.extendSession({
      sessionId: id,
      expiry: { case: "duration", value: { seconds: 600n } },
    });
    assert.deepEqual(
      [extended.session?.details?.sequence, extended.session?.expireTime?.seconds],
      [2n, BigInt(clock.now / 1000 + 600)],
    );
    clock.advance(599_999);
    assert.equal(await statusOf(running, token), "ACTIVE");
    clock.advance(1);
    const late = await assertRefused(sessions.extendSession({ sessionId: id }), "FailedPrecondition", "SESSION_ENDED");
    assert.deepEqual(late.metadata, { sessionId: id, status: "EXPIRED" });
    const again = await assertRefused(sessions.revokeSession({ sessionId: id }), "FailedPrecondition", "SESSION_ENDED");
    assert.match(again.message, /has ended: EXPIRED/);
  });

  test("are listed the newest first, in pages, by user and by whether they hold", async (t) => {
    const running = await startWithAnn(t);
    const { clock, sessions } = running;
    await running.users.createUser({ userId: "bob" });
    const ids: string[] = [];
    for (let i = 0; i < 7; i++) {
      clock.advance(1);
      const { id } = await openSession(running, { userId: i % 3 === 0 ? "bob" : "ann" });
      ids.unshift(id);
      if (i === 5) await sessions.revokeSession({ sessionId: id });
    }
    const all = async (request: { userId?: string; activeOnly?: boolean }): Promise<readonly string[]> => {
      const found: string[] = [];
      for (let pageToken = ""; ; ) {
        const page = await sessions.listSessions({ ...request, pageSize: 2, pageToken });
        found.push(...page.sessions.map(({ sessionId }) => sessionId));
        pageToken = page.nextPageToken;
        if (pageToken === "") return found;
      }
    };
    assert.deepEqual(await all({}), ids);
    assert.deepEqual(await all({ userId: "bob" }), [ids[0], ids[3], ids[6]]);
    assert.deepEqual(
      await all({ activeOnly: true }),
      ids.filter((_, index) => index !== 1),
    );
    const { nextPageToken } = await sessions.listSessions({ pageSize: 2 });
    await assertRefused(
      sessions.listSessions({ userId: "bob", pageToken: nextPageToken }),
      "InvalidArgument",
      "FIELD_INVALID",
    );
  });

  test("remember their last use over a restart", async (t) => {
    const clock = new TestClock();
    const path = join(await temporaryFolder(t), "a.db");
    const first = await startService(t, { clock: () => clock.now, path });
    await first.users.createUser({ userId: "ann" });
    const idle = await openSession(first, {
      idleTimeout: { seconds: 600n },
      expiry: { case: "duration", value: { seconds: 86_400n } },
    });
    clock.advance(500_000);
    assert.equal(await statusOf(first, idle.token), "ACTIVE");
    await first.stop();
    const second = await startService(t, { clock: () => clock.now, path });
    clock.advance(599_999);
    assert.equal(await statusOf(second, idle.token), "ACTIVE");
    clock.advance(600_000);
    assert.equal(await statusOf(second, idle.token), "IDLE");
  });

  test("answer plain JSON as well", async (t) => {
    const running = await startWithAnn(t);
    const call = async (path: string, body?: object): Promise<Record<string, unknown>> => {
      const answer = await fetch(running.url + path, {
        method: body === undefined ? "GET" : "POST",
        headers: { authorization: `Bearer ${ADMIN_KEY}`, "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: answer.status, ...((await answer.json()) as object) };
    };
    const { token, session } = (await call("/v1/sessions", { userId: "ann" })) as {
      token: string;
      session: { sessionId: string };
    };
    const verified = await call("/v1/sessions:verify", { token });
    assert.deepEqual(
      [verified.status, verified.active, verified.userState],
      ["SESSION_STATUS_ACTIVE", true, "STATE_ACTIVE"],
    );
    assert.equal((await call(`/v1/sessions/${session.sessionId}`)).status, 200);
    assert.equal((await call(`/v1/sessions/${session.sessionId}:extend`, {})).status, 200);
    assert.equal((await call("/v1/users/ann:revokeSessions", {})).status, 200);
    assert.equal((await call(`/v1/sessions/${session.sessionId}:revoke`, {})).status, 400);
    assert.equal(((await call("/v1/sessions?userId=ann")).sessions as unknown[]).length, 1);
  });
});
