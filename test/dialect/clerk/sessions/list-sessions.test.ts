/** Lists of sessions, refusals of every call on sessions, and the permissions it needs. */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { scaled } from "../../../support/scale.ts";
import { type Running, startService, TestClock } from "../../../support/service.ts";
import { startStopwatch } from "../../../support/stopwatch.ts";
import { send } from "../support/clients.ts";
import { assertRefusedAs } from "../support/refusal-rows.ts";
import { list, openSession, refusedWith, revoke, type SessionJson } from "../support/session-calls.ts";
import { SESSION_REFUSALS } from "../support/session-refusal-rows.ts";

async function start(t: TestContext): Promise<Running & { readonly clock: TestClock }> {
  const clock = new TestClock();
  const running = await startService(t, { config: { dialects: ["clerk"] }, clock: () => clock.now });
  await running.users.createUser({ userId: "u" });
  await running.users.createUser({ userId: "other" });
  return { ...running, clock };
}

function idsOf(sessions: readonly Pick<SessionJson, "id">[]): readonly string[] {
  return sessions.map(({ id }) => id);
}

/** 25 of one user, a second apart, the newest first; every fifth is revoked. */
async function openMany({ url, clock }: { url: string; clock: TestClock }): Promise<readonly SessionJson[]> {
  const opened: SessionJson[] = [];
  for (let n = 0; n < 25; n++) {
    opened.unshift(await openSession(url, "u"));
    clock.advance(1000);
  }
  await Promise.all(opened.filter((_, index) => index % 5 === 0).map(({ id }) => revoke(url, id)));
  return opened;
}

test("every window, status and id finds the right sessions with their total", async (t) => {
  const running = await start(t);
  const { url } = running;
  const all = idsOf(await openMany(running));
  await openSession(url, "other");
  const revoked = all.filter((_, index) => index % 5 === 0);
  const active = all.filter((_, index) => index % 5 !== 0);
  const first = all[0] ?? "";
  for (const [query, found, total] of [
    ["user_id=u", all.slice(0, 10), 25],
    ["user_id=u&limit=500", all, 25],
    ["user_id=u&limit=7&offset=20", all.slice(20), 25],
    ["user_id=u&limit=1&offset=25", [], 25],
    ["user_id=u&offset=9007199254740000", [], 25],
    ["user_id=u&status=active&limit=30", active, 20],
    ["user_id=u&status=active&limit=3&offset=4", active.slice(4, 7), 20],
    ["user_id=u&status=revoked", revoked, 5],
    ["user_id=u&status=revoked&limit=2&offset=4", revoked.slice(4), 5],
    ...["ended", "removed", "replaced", "pending", "expired", "abandoned"].map(
      (status) => [`user_id=u&status=${status}`, [], 0] as const,
    ),
    [`client_id=client_${first}`, [first], 1],
    [`client_id=client_${first}&user_id=u&status=revoked`, [first], 1],
    [`client_id=client_${first}&status=active`, [], 0],
    [`client_id=client_${first}&user_id=other`, [], 0],
    [`client_id=client_${first}&offset=1`, [], 1],
    [`client_id=${first}`, [], 0],
    ["client_id=client_", [], 0],
    ["client_id=client_a%00b", [], 0],
    ["user_id=nobody", [], 0],
    ["user_id=u%00", [], 0],
    [`user_id=${"x".repeat(201)}`, [], 0],
  ] as const) {
    const { data, total_count: count } = await list(url, query);
    assert.deepEqual([idsOf(data), count], [found, total], query);
    for (const paginated of ["", "&paginated=false", "&paginated=0"]) {
      const { status, json } = await send(url, `/sessions?${query}${paginated}`);
      assert.deepEqual([status, idsOf(json as readonly SessionJson[])], [200, found], query + paginated);
    }
  }
});

test("a list of thousands is complete over its pages, and counted", async (t) => {
  const { url, sessions } = await start(t);
  const length = scaled({ quick: 1_200, soak: 10_000 });
  for (let n = 0; n < length; n += 100) {
    await Promise.all(Array.from({ length: 100 }, () => sessions.createSession({ userId: "u" })));
  }
  const seen = new Set<string>();
  for (let offset = 0; offset < length; offset += 500) {
    const watch = startStopwatch();
    const { data, total_count: total } = await list(url, `user_id=u&limit=500&offset=${offset}`);
    t.diagnostic(`a page of 500 of ${length} in ${watch.text()}`);
    assert.equal(total, length);
    for (const { id } of data) seen.add(id);
  }
  assert.equal(seen.size, length);
  const bare = await send(url, `/sessions?user_id=u&limit=100&offset=${length - 50}`);
  assert.equal((bare.json as readonly SessionJson[]).length, 50);
});

test("a few sessions of one status are found behind hundreds of newer ones", async (t) => {
  const { url, clock, sessions } = await start(t);
  const open = async (count: number, idleSeconds?: bigint): Promise<void> => {
    const idle = idleSeconds === undefined ? {} : { idleTimeout: { seconds: idleSeconds } };
    await Promise.all(Array.from({ length: count }, () => sessions.createSession({ userId: "u", ...idle })));
    clock.advance(1000);
  };
  const { id: revoked } = await openSession(url, "u");
  await revoke(url, revoked);
  clock.advance(1000);
  const { id: active } = await openSession(url, "u");
  clock.advance(1000);
  await open(505, 10n);
  const find = async (query: string): Promise<readonly string[]> => {
    const { status, json } = await send(url, `/sessions?user_id=u&${query}`);
    assert.equal(status, 200, JSON.stringify(json));
    return idsOf(json as readonly SessionJson[]);
  };
  assert.deepEqual(await find("status=revoked"), [revoked]);
  assert.deepEqual(await find("status=revoked&limit=1"), [revoked]);
  assert.deepEqual(await find("status=replaced"), []);
  // The store knows that a session is idle only after it has cut the page.
  clock.advance(10_000);
  assert.deepEqual(await find("status=active"), [active]);
  assert.equal((await find("status=abandoned&limit=3&offset=501")).length, 3);
});

test("every refusal of the table", async (t) => {
  const { url } = await start(t);
  for (const row of SESSION_REFUSALS) {
    await t.test(row.name, async () => assertRefusedAs(await send(url, row.path, row.sent), row));
  }
});

test("each call needs its permission before its body is read", async (t) => {
  const { url, keys } = await start(t);
  const { id } = await openSession(url, "u");
  const permissions = ["session.read", "session.write", "session.delete", "user.write"] as const;
  const secrets = await Promise.all(
    permissions.map(async (permission) => {
      const { secret } = await keys.createApiKey({ displayName: permission, permissions: [permission] });
      return [permission, secret] as const;
    }),
  );
  for (const [path, method, needed] of [
    ["/sessions?user_id=u", "GET", "session.read"],
    [`/sessions/${id}`, "GET", "session.read"],
    [`/sessions/${id}/verify`, "POST", "session.read"],
    ["/sessions", "POST", "session.write"],
    [`/sessions/${id}/revoke`, "POST", "session.delete"],
  ] as const) {
    for (const [permission, key] of secrets) {
      const answer = await send(url, path, { key, method, body: method === "GET" ? undefined : "{" });
      if (permission !== needed) {
        assert.deepEqual(refusedWith(answer), [403, "authorization_missing_scopes"], `${method} ${path} ${permission}`);
      } else {
        assert.notEqual(answer.status, 403, `${method} ${path} ${permission}`);
      }
    }
  }
});

test("the log names the call and contains no token", async (t) => {
  const running = await start(t);
  const { id, token } = await openSession(running.url, "u");
  await send(running.url, `/sessions/${id}/verify`, { body: { token } });
  await send(running.url, `/sessions/${id}/verify`, { body: { token: `${token}x` } });
  await send(running.url, `/sessions/${id}/verify`, { body: { token, nick: 1 } });
  await send(running.url, "/sessions/sess_nobody");
  const log = running.log();
  for (const name of ["CreateSession", "VerifySession", "GetSession"]) assert.match(log, new RegExp(`clerk.${name}`));
  assert.match(log, /SESSION_NOT_FOUND/);
  assert.doesNotMatch(log, new RegExp(token.slice(4, 20)));
});
