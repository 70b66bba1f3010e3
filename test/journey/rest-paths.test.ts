/** REST paths and queries against the whole service: ids that need encoding, filters, and both ways to delete. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { httpRequest } from "../support/http-client.ts";
import { startService } from "../support/service.ts";

type Send = (method: string, path: string, body?: JsonObject) => Promise<{ status: number; json: Answer }>;

interface Answer {
  readonly user?: { readonly userId: string; readonly state: string };
  readonly users?: readonly { readonly userId: string }[];
  readonly details?: JsonObject & { readonly sequence: string };
  readonly events?: readonly { readonly sequence: string }[];
  readonly nextPageToken?: string;
  readonly message?: string;
}

async function start(t: TestContext): Promise<Send> {
  const { url } = await startService(t);
  return async (method, path, body) => {
    const request = body === undefined ? { method } : { method, body: JSON.stringify(body) };
    const { status, text } = await httpRequest(url, path, request);
    return { status, json: text === "" ? {} : (JSON.parse(text) as Answer) };
  };
}

const IDS = [
  "a/b",
  "a/b/events",
  "did:web:example.com",
  "alice:lock",
  "urn:x:y:unlock",
  "grüße 🎈",
  "with space",
  "100%",
  "%2F",
  "a+b",
  "a?b=c&d#e",
  "..%2f..",
  "a\\b",
  "...",
  'quo"te',
  "x".repeat(200),
  "ü".repeat(200),
];

test("an id with any character in it is reached once it is percent-encoded", async (t) => {
  const send = await start(t);
  for (const userId of IDS) {
    const path = `/v1/users/${encodeURIComponent(userId)}`;
    assert.equal((await send("POST", "/v1/users", { userId })).status, 200, userId);
    const locked = await send("POST", `${path}:lock`);
    assert.deepEqual([locked.status, locked.json.user?.userId], [200, userId], JSON.stringify(locked.json));
    assert.equal((await send("GET", path)).json.user?.state, "STATE_LOCKED", userId);
    assert.equal((await send("GET", `${path}/events`)).json.events?.length, 2, userId);
    assert.equal((await send("POST", `${path}:unlock`, { userId })).json.user?.state, "STATE_ACTIVE", userId);
  }
  const { users } = (await send("GET", "/v1/users")).json;
  assert.deepEqual(users?.map((user) => user.userId).toSorted(), IDS.toSorted());
});

test("a colon belongs to the verb where the method has that verb, and to the id otherwise", async (t) => {
  const send = await start(t);
  for (const userId of ["alice", "alice:lock", "did:web:x"]) await send("POST", "/v1/users", { userId });
  assert.equal((await send("POST", "/v1/users/alice:lock")).json.user?.userId, "alice");
  assert.equal((await send("POST", "/v1/users/alice:lock:lock")).json.user?.userId, "alice:lock");
  assert.equal((await send("GET", "/v1/users/alice:lock")).json.user?.userId, "alice:lock");
  assert.equal((await send("POST", "/v1/users/did:web:x:ban")).json.user?.userId, "did:web:x");
  assert.equal((await send("DELETE", "/v1/users/did:web:x")).json.user?.state, "STATE_DELETED");
});

test("dots are ids that do not exist, never steps up the path", async (t) => {
  const send = await start(t);
  for (const userId of [".", ".."]) {
    assert.equal((await send("POST", "/v1/users", { userId })).status, 400);
    for (const segment of [userId, userId.replaceAll(".", "%2e")]) {
      const { status, json } = await send("GET", `/v1/users/${segment}`);
      assert.deepEqual([status, /no user/.test(json.message ?? "")], [404, true], segment);
    }
  }
});

test("percent signs that encode nothing, bytes that are not UTF-8 and raw ones beyond ASCII are refused", async (t) => {
  const send = await start(t);
  for (const path of ["/v1/users/%", "/v1/users/%zz", "/v1/users/%ff", "/v1/users/%c3%28", "/v1/users/%ed%a0%80"]) {
    assert.equal((await send("GET", path)).status, 400, path);
  }
  const nul = await send("GET", "/v1/users/a%00b");
  assert.deepEqual([nul.status, /U\+0000/.test(nul.json.message ?? "")], [400, true]);
  assert.equal((await send("GET", "/v1/users/gr\u00fc\u00dfe")).status, 400);
});

test("filters of a list are query parameters; repeated ones and both spellings count", async (t) => {
  const send = await start(t);
  for (const userId of ["a1", "a2", "b1", "b2"]) {
    await send("POST", "/v1/users", { userId, profile: { username: `Name ${userId}` } });
  }
  await send("POST", "/v1/users/a1:lock", { reasonCode: "SPAM" });
  await send("POST", "/v1/users/b1:ban", { reasonCode: "FRAUD" });
  await send("POST", "/v1/users/b2:deactivate");
  const ids = async (query: string): Promise<string | undefined> => {
    const { status, json } = await send("GET", `/v1/users?${query}`);
    return status === 200 ? json.users?.map((user) => user.userId).join(" ") : `${status}: ${json.message}`;
  };
  assert.equal(await ids("states=STATE_LOCKED&states=STATE_BANNED"), "a1 b1");
  assert.equal(await ids("states=2"), "a1");
  assert.equal(await ids("restrictionKinds=RESTRICTION_KIND_DEACTIVATION"), "b2");
  assert.equal(await ids("restriction_kinds=RESTRICTION_KIND_BAN&restrictionKinds=RESTRICTION_KIND_LOCK"), "a1 b1");
  assert.equal(await ids("reasonCodes=SPAM&reasonCodes=FRAUD"), "a1 b1");
  assert.equal(await ids("userIdPrefix=a&states=STATE_ACTIVE"), "a2");
  assert.equal(await ids("search=name+b&order=USER_ORDER_CREATION_DATE_DESC"), "b2 b1");
  assert.equal(await ids("search=n%61me%20A2"), "a2");
  assert.equal(await ids("organizationId=default&pageSize=3"), "a1 a2 b1");
  assert.equal(await ids(""), "a1 a2 b1 b2");
  const { nextPageToken } = (await send("GET", "/v1/users?pageSize=3")).json;
  assert.equal(await ids(`pageSize=3&pageToken=${encodeURIComponent(nextPageToken ?? "")}`), "b2");
});

test("a query that is wrong is a 400 that names the parameter", async (t) => {
  const send = await start(t);
  await send("POST", "/v1/users", { userId: "u1" });
  const rows: [string, RegExp][] = [
    ["/v1/users?state=STATE_ACTIVE", /"state" is unknown; did you mean states/],
    ["/v1/users?states=ACTIVE", /states.*"ACTIVE"/],
    ["/v1/users?states=77", /states.*77/],
    ["/v1/users?states=STATE_UNSPECIFIED", /states/],
    ["/v1/users?pageSize=1&pageSize=2", /pageSize is given twice/],
    ["/v1/users?pageSize=1&page_size=1", /page_?[sS]ize/],
    ["/v1/users?pageSize=1e1", /pageSize.*"1e1"/],
    ["/v1/users?pageSize=0x10", /pageSize.*"0x10"/],
    ["/v1/users?pageSize=", /pageSize/],
    ["/v1/users?pageSize=-1", /pageSize: -1/],
    ["/v1/users?pageToken=nonsense", /pageToken/],
    ["/v1/users?organizationId=", /organizationId is empty/],
    ["/v1/apiKeys?organization_id=", /organizationId is empty/],
    ["/v1/users?search=", /search/],
    ["/v1/users?userIdPrefix=%ff", /userIdPrefix|UTF-8/],
    ["/v1/users/u1?showDeleted=yes", /showDeleted.*"yes"/],
    ["/v1/users/u1?nothing", /"nothing" is unknown/],
    ["/v1/users/u1?__proto__=1", /"__proto__" is unknown/],
  ];
  for (const [path, sentence] of rows) {
    const { status, json } = await send("GET", path);
    assert.equal(status, 400, `${path}: ${JSON.stringify(json)}`);
    assert.match(json.message ?? "", sentence, path);
  }
  const posted = await send("POST", "/v1/users/u1:lock?note=x", {});
  assert.deepEqual([posted.status, /"note" is unknown/.test(posted.json.message ?? "")], [400, true]);
  assert.equal((await send("GET", "/v1/users/u1?userId=u1")).status, 200);
  assert.equal((await send("GET", "/v1/users?pageToken=")).status, 200);
});

test("a user is deleted by DELETE with a query and by POST with a body alike", async (t) => {
  const send = await start(t);
  const remove: Readonly<Record<string, () => ReturnType<Send>>> = {
    d: () => send("DELETE", "/v1/users/d?expectedSequence=1&reasonCode=GONE&note=auf%20Wunsch"),
    p: () => send("POST", "/v1/users/p:delete", { expectedSequence: "1", reasonCode: "GONE", note: "auf Wunsch" }),
  };
  const answers: JsonObject[] = [];
  for (const [userId, act] of Object.entries(remove)) {
    await send("POST", "/v1/users", { userId });
    const { status, json } = await act();
    assert.deepEqual([status, json.user?.state, json.details?.sequence], [200, "STATE_DELETED", "2"]);
    assert.equal((await send("GET", `/v1/users/${userId}`)).status, 404);
    assert.equal((await send("GET", `/v1/users/${userId}?showDeleted=true`)).json.user?.state, "STATE_DELETED");
    const { events } = (await send("GET", `/v1/users/${userId}/events?showDeleted=true`)).json;
    const [last] = events as unknown as readonly JsonObject[];
    answers.push({ reasonCode: last?.reasonCode ?? "", payload: JSON.stringify(last?.userDeleted ?? null) });
    assert.equal((await act()).status, 404);
  }
  assert.deepEqual(answers[0], answers[1]);
  assert.notEqual(answers[0]?.payload, "null");
});
