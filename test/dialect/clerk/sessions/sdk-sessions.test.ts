/** Every method of the real SDK for sessions, in each of its release lines. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { startService } from "../../../support/service.ts";
import { type BackendClient, LINES, refusedBySdk } from "../support/clients.ts";
import { openSession } from "../support/session-calls.ts";

interface Case {
  readonly method: string;
  /** `userId`: a new user without sessions and restrictions. */
  readonly run: (client: BackendClient, userId: string, url: string) => Promise<void>;
}

/** The declared type of `refreshSession` asks for more. */
function refresh(client: BackendClient, id: string): Promise<unknown> {
  return client.sessions.refreshSession(id, { expired_token: "x" } as never);
}

const CASES: readonly Case[] = [
  {
    method: "createSession",
    async run({ sessions }, userId) {
      const session = await sessions.createSession({ userId });
      assert.match(session.id, /^sess_[0-9a-f]{32}$/);
      assert.deepEqual([session.userId, session.status], [userId, "active"]);
      assert.deepEqual(await sessions.getSession(session.id), session);
    },
  },
  {
    method: "getSession",
    async run({ sessions }, userId) {
      const { id } = await sessions.createSession({ userId });
      const session = await sessions.getSession(id);
      for (const [name, value] of Object.entries(session)) assert.notEqual(value, undefined, name);
      assert.equal(session.expireAt - session.createdAt, 30 * 86_400_000);
      const refused = await refusedBySdk(sessions.getSession("sess_nobody"));
      assert.deepEqual([refused.status, refused.errors[0]?.code], [404, "resource_not_found"]);
      assert.equal(refused.errors[0]?.longMessage, "No session was found with id sess_nobody");
    },
  },
  {
    method: "getSessionList",
    async run({ sessions }, userId) {
      assert.deepEqual(await sessions.getSessionList({ userId }), { data: [], totalCount: 0 });
      const opened = [];
      for (let n = 0; n < 3; n++) opened.unshift(await sessions.createSession({ userId }));
      assert.deepEqual(await sessions.getSessionList({ userId }), { data: opened, totalCount: 3 });
      const page = await sessions.getSessionList({ userId, status: "active", limit: 1, offset: 1 });
      assert.deepEqual(page, { data: opened.slice(1, 2), totalCount: 3 });
      const ofClient = await sessions.getSessionList({ clientId: opened[2]?.clientId ?? "" });
      assert.deepEqual(ofClient, { data: opened.slice(2), totalCount: 1 });
      const refused = await refusedBySdk(sessions.getSessionList());
      assert.deepEqual([refused.status, refused.errors[0]?.code], [400, "missing_query_parameter"]);
    },
  },
  {
    method: "revokeSession",
    async run({ sessions }, userId) {
      const { id } = await sessions.createSession({ userId });
      const kept = await sessions.createSession({ userId });
      const revoked = await sessions.revokeSession(id);
      assert.deepEqual([revoked.id, revoked.status], [id, "revoked"]);
      assert.deepEqual(await sessions.revokeSession(id), revoked);
      assert.deepEqual(await sessions.getSession(id), revoked);
      assert.equal((await sessions.getSession(kept.id)).status, "active");
      assert.equal((await refusedBySdk(sessions.revokeSession("sess_nobody"))).status, 404);
    },
  },
  {
    method: "verifySession",
    async run({ sessions }, userId, url) {
      const { id, token } = await openSession(url, userId);
      const { lastActiveAt, ...found } = await sessions.verifySession(id, token);
      const { lastActiveAt: used, ...rest } = await sessions.getSession(id);
      assert.deepEqual(found, rest);
      assert.ok(used >= lastActiveAt);
      const refused = await refusedBySdk(sessions.verifySession(id, "tok"));
      assert.deepEqual([refused.status, refused.errors[0]?.code], [400, "invalid_session_token"]);
    },
  },
  {
    method: "banUser ends them",
    async run({ users, sessions }, userId, url) {
      const { id, token } = await openSession(url, userId);
      await sessions.createSession({ userId });
      await users.lockUser(userId);
      assert.equal((await sessions.verifySession(id, token)).status, "active");
      await users.banUser(userId);
      for (const change of ["banned", "unbanned"]) {
        const { data, totalCount } = await sessions.getSessionList({ userId });
        assert.deepEqual(
          [totalCount, ...data.map(({ status }) => status)],
          [2, "revoked", "revoked"],
          `${change}: all of them`,
        );
        assert.equal((await sessions.getSessionList({ userId, status: "active" })).totalCount, 0);
        const refused = await refusedBySdk(sessions.verifySession(id, token));
        assert.deepEqual([refused.status, refused.errors[0]?.code], [400, "invalid_session_token"], change);
        if (change === "banned") {
          const none = await refusedBySdk(sessions.createSession({ userId }));
          assert.deepEqual([none.status, none.errors[0]?.code], [403, "user_banned"]);
        }
        await users.unbanUser(userId);
      }
    },
  },
  {
    method: "updateUser with signOutOfOtherSessions",
    async run({ users, sessions }, userId, url) {
      const { id, token } = await openSession(url, userId);
      await users.updateUser(userId, { password: "correct horse" });
      assert.equal((await sessions.verifySession(id, token)).status, "active");
      await users.updateUser(userId, { password: "battery staple", signOutOfOtherSessions: true });
      assert.equal((await sessions.getSession(id)).status, "revoked");
      assert.equal((await sessions.createSession({ userId })).status, "active");
    },
  },
  {
    method: "getToken and refreshSession, which are not served",
    async run(client, userId) {
      const { id } = await client.sessions.createSession({ userId });
      const calls = [client.sessions.getToken(id), client.sessions.getToken(id, "template"), refresh(client, id)];
      for (const call of calls) {
        const refused = await refusedBySdk(call);
        assert.deepEqual([refused.status, refused.errors[0]?.code], [404, "resource_not_found"]);
      }
    },
  },
];

for (const line of LINES) {
  describe(`@clerk/backend ${line.name}`, () => {
    test("every method of sessions", async (t) => {
      const { url } = await startService(t, { config: { dialects: ["clerk"] } });
      const client = line.client(url);
      for (const { method, run } of CASES) {
        await t.test(method, async () => run(client, (await client.users.createUser({})).id, url));
      }
    });
  });
}
