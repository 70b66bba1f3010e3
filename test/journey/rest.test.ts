/** Plain HTTP and JSON against the whole service: the exact documents, and what is said of requests that are wrong. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { type HttpAnswer, type HttpRequest, httpRequest } from "../support/http-client.ts";
import { refusedByStatusJson } from "../support/outcome.ts";
import { type Running, startService, TestClock } from "../support/service.ts";

type Send = (path: string, request?: HttpRequest) => Promise<HttpAnswer>;

async function start(t: TestContext): Promise<Running & { readonly send: Send; readonly clock: TestClock }> {
  const clock = new TestClock();
  const service = await startService(t, { clock: () => clock.now });
  return { ...service, clock, send: (path, request) => httpRequest(service.url, path, request) };
}

function post(value: unknown): HttpRequest {
  return { method: "POST", body: JSON.stringify(value) };
}

/** The refusal of an answer, with what every refusal must have looked at on the way. */
function refusalOf(answer: HttpAnswer): { code: string; reason: string; fields: readonly string[]; message: string } {
  assert.equal(answer.headers["content-type"], "application/json", answer.text);
  const document = JSON.parse(answer.text) as JsonObject;
  assert.deepEqual(Object.keys(document), ["code", "message", "details"]);
  const outcome = refusedByStatusJson(document);
  return "refusal" in outcome ? outcome.refusal : assert.fail(answer.text);
}

test("a lock answers details and user in proto3 JSON, to the letter", async (t) => {
  const { users, keys, send, clock } = await start(t);
  await users.createUser({ userId: "u1", profile: { givenName: "Ada" }, attributes: { billing: { plan: "free" } } });
  const [owner] = (await keys.listApiKeys({})).apiKeys;
  clock.advance(3_250);
  const answer = await send("/v1/users/u1:lock", post({ reasonCode: "ABUSE", note: "drei «Anzeigen»" }));
  assert.equal(answer.status, 200);
  assert.equal(answer.headers["content-type"], "application/json");
  const details =
    '{"sequence":"2","creationDate":"2026-01-01T00:00:00Z","changeDate":"2026-01-01T00:00:03.250Z","resourceOwner":"default"}';
  const { restrictionId } = JSON.parse(answer.text).user.restrictions[0] as { restrictionId: string };
  assert.match(restrictionId, /^[0-9a-f-]{36}$/);
  assert.equal(
    answer.text,
    `{"details":${details},"user":{"userId":"u1","state":"STATE_LOCKED","details":${details},"restrictions":[{"restrictionId":"${restrictionId}","kind":"RESTRICTION_KIND_LOCK","cause":"CAUSE_ADMIN","reasonCode":"ABUSE","note":"drei «Anzeigen»","actor":"key:${owner?.apiKeyId}","startTime":"2026-01-01T00:00:03.250Z","expireTime":"2026-01-01T01:00:03.250Z","scheduled":false,"revokeSessions":false}],"revocationEpoch":"4194305","profile":{"emailVerified":false,"givenName":"Ada"},"attributes":{"billing":{"plan":"free"}}}}`,
  );
});

test("64-bit numbers are taken as texts and as numbers, durations and times as proto3 JSON writes them", async (t) => {
  const { users, send } = await start(t);
  const lockWith = async (body: JsonObject): Promise<string> => {
    await users.createUser({ userId: "u1" });
    const answer = await send("/v1/users/u1:lock", post(body));
    assert.equal(answer.status, 200, answer.text);
    const [lock] = JSON.parse(answer.text).user.restrictions as { expireTime?: string }[];
    await users.deleteUser({ userId: "u1" });
    return lock?.expireTime ?? "never";
  };
  assert.equal(await lockWith({ expectedSequence: "1", duration: "90s" }), "2026-01-01T00:01:30Z");
  // Each round has made three events: created, locked, deleted; the next one goes on from there.
  assert.equal(await lockWith({ expectedSequence: 4, duration: "0.5s" }), "2026-01-01T00:00:00.500Z");
  assert.equal(await lockWith({ expireTime: "2026-02-01T12:00:00+02:00" }), "2026-02-01T10:00:00Z");
  assert.equal(await lockWith({ expire_time: "2026-02-01T10:00:00.1234Z" }), "2026-02-01T10:00:00.124Z");
  assert.equal(await lockWith({ never: true, note: null }), "never");
});

test("an empty body is an empty request, with and without a content type", async (t) => {
  const { users, send } = await start(t);
  await users.createUser({ userId: "u1" });
  assert.equal((await send("/v1/users/u1:lock", { method: "POST" })).status, 200);
  assert.equal((await send("/v1/users/u1:unlock", { method: "POST", body: "" })).status, 200);
  assert.equal((await send("/v1/users/u1:ban", { method: "POST", body: "{}" })).status, 200);
  const length = { "content-length": "0" };
  assert.equal((await send("/v1/users/u1:unban", { method: "POST", headers: length })).status, 200);
  assert.equal((await users.getUser({ userId: "u1" })).user?.details?.sequence, 5n);
});

/** Body, the field that the refusal names (empty: none), and what its sentence says. */
const BAD_LOCKS: readonly (readonly [string | Uint8Array, string, RegExp])[] = [
  ['{"reasonCod":"A"}', "reasonCod", /reasonCod is unknown; did you mean reasonCode/],
  ['{"reasonCode":7}', "reasonCode", /text; received 7/],
  ['{"reasonCode":["A"]}', "reasonCode", /text/],
  ['{"revokeSessions":"true"}', "revokeSessions", /true or false|boolean/],
  ['{"expectedSequence":"one"}', "expectedSequence", /whole number.*"one"/],
  ['{"expectedSequence":1.5}', "expectedSequence", /whole number.*1\.5/],
  ['{"expectedSequence":-1}', "expectedSequence", /whole number/],
  ['{"expectedSequence":"18446744073709551616"}', "expectedSequence", /18446744073709551615/],
  ['{"expireTime":"tomorrow"}', "expireTime", /RFC 3339.*"tomorrow"/],
  ['{"expireTime":"2026-02-30T00:00:00Z"}', "expireTime", /RFC 3339/],
  ['{"expireTime":1767225600}', "expireTime", /RFC 3339/],
  ['{"duration":"1h"}', "duration", /"1h"/],
  ['{"duration":60}', "duration", /60/],
  ['{"never":true,"duration":"60s"}', "never", /only one of/],
  ['{"note":"a","note":"b"}', "note", /twice/],
  ['{"userId":"u2"}', "userId", /"u1" in the path and "u2" in the body/],
  ['{"reasonCode":"not a code"}', "reasonCode", /"not a code" is not allowed/],
  ['{"expireTime":"2025-01-01T00:00:00Z"}', "expireTime", /2025-01-01/],
  ['{"duration":"-1s"}', "duration", /-1|greater/],
  ['{"never":false}', "never", /false/],
  ['{"note":"a\\u0000b"}', "note", /U\+0000/],
  ["{", "", /ends too early/],
  ['{"note":"a"}}', "", /JSON/],
  ["{'note':'a'}", "", /JSON/],
  ['{"note":"a",}', "", /JSON/],
  ["[]", "", /JSON object; received an array/],
  ['"note"', "", /JSON object/],
  ["null", "", /JSON object; received null/],
  ['{"note":NaN}', "", /JSON/],
  ['{"note":"\\ud800"}', "note", /note must be a text/],
  [Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), "", /UTF-8/],
  [`${'{"a":'.repeat(100)}1${"}".repeat(100)}`, "", /deep|64/],
];

test("a wrong body is a 400 that names the field and changes nothing", async (t) => {
  const { users, send } = await start(t);
  await users.createUser({ userId: "u1" });
  for (const [body, field, sentence] of BAD_LOCKS) {
    const answer = await send("/v1/users/u1:lock", { body });
    const shown = `${body} → ${answer.text}`;
    assert.equal(answer.status, 400, shown);
    const { code, fields, message } = refusalOf(answer);
    assert.equal(code, "InvalidArgument", shown);
    assert.match(message, sentence, shown);
    assert.deepEqual(
      fields.filter((name) => name !== undefined && name !== ""),
      field === "" ? [] : [field],
      shown,
    );
  }
  assert.equal((await users.getUser({ userId: "u1" })).user?.details?.sequence, 1n);
});

test("the same wrong bodies are refused in the same words on the Connect path", async (t) => {
  const { users, send } = await start(t);
  await users.createUser({ userId: "u1" });
  for (const [body] of BAD_LOCKS) {
    if (typeof body !== "string" || !body.startsWith("{") || body.includes("u2")) continue;
    const named = body.startsWith('{"') ? body.replace("{", '{"userId":"u1",') : body;
    const rest = await send("/v1/users/u1:lock", { body: named });
    const connect = await send("/lockkeeper.user.v1.UserService/LockUser", { body: named });
    assert.equal(connect.status, 400, connect.text);
    const document = JSON.parse(connect.text) as { code: string; message: string };
    assert.deepEqual([document.code, document.message], ["invalid_argument", refusalOf(rest).message], body);
  }
});

test("a body of another content type is a 415 that says what is taken", async (t) => {
  const { users, send } = await start(t);
  await users.createUser({ userId: "u1" });
  const body = '{"reasonCode":"A"}';
  for (const type of [
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/json; charset=utf-16",
    undefined,
  ]) {
    const answer = await send("/v1/users/u1:lock", { body, headers: { "content-type": type } });
    assert.equal(answer.status, 415, `${type}: ${answer.text}`);
    assert.equal(answer.headers.accept, "application/json");
    assert.match(refusalOf(answer).message, /application\/json/);
  }
  const unknown = await send("/v1/users/u1:lock", { body, headers: { "content-encoding": "zstd" } });
  assert.equal(unknown.status, 415, unknown.text);
  const taken = { "content-type": 'Application/JSON; Charset="UTF-8"' };
  assert.equal((await send("/v1/users/u1:lock", { body, headers: taken })).status, 200);
});

test("a body on GET is refused, not ignored", async (t) => {
  const { users, send } = await start(t);
  await users.createUser({ userId: "u1" });
  const answer = await send("/v1/users/u1", { method: "GET", body: '{"showDeleted":true}' });
  assert.equal(answer.status, 400, answer.text);
  assert.match(refusalOf(answer).message, /GET request takes no body/);
});

test("paths and methods that are not served say what is", async (t) => {
  const { users, send } = await start(t);
  await users.createUser({ userId: "u1" });
  const notFound = ["/v1", "/v1/", "/v1/users/", "/v1/users/u1/", "/v1/users//events", "/v1/nothing", "/V1/users"];
  for (const path of [...notFound, "/v1/users/../users/u1", "/v1/users/u1/../u1"]) {
    const answer = await send(path);
    assert.equal(answer.status, 404, path);
    assert.equal(refusalOf(answer).code, "NotFound", path);
  }
  const lock = refusalOf(await send("/v1/users/u1/lock", { method: "POST" }));
  const meant = 'nothing is served at the path "/v1/users/u1/lock"; did you mean /v1/users/{user_id}:lock?';
  assert.deepEqual([lock.reason, lock.message], ["PATH_NOT_FOUND", meant]);
  const wrongMethods = [
    ["PUT", "/v1/users/u1", "DELETE, GET, HEAD, PATCH"],
    ["DELETE", "/v1/users", "GET, HEAD, POST"],
    ["DELETE", "/v1/users/u1/events", "GET, HEAD"],
    ["POST", "/v1/users/u1:nothing", "DELETE, GET, HEAD, PATCH"],
    ["GET", "/v1/attempts:recordFailure", "POST"],
  ] as const;
  for (const [method, path, allow] of wrongMethods) {
    const answer = await send(path, { method });
    assert.equal(answer.status, 405, `${method} ${path}: ${answer.text}`);
    assert.equal(answer.headers.allow, allow, path);
    assert.equal(refusalOf(answer).code, "Unimplemented", path);
    assert.equal(refusalOf(answer).message, `the path "${path}" allows ${allow} only`);
  }
  const verb = refusalOf(await send("/v1/users/u1:lok", { method: "POST" }));
  assert.match(String(verb.message), / only; did you mean \/v1\/users\/\{user_id\}:lock\?$/);
  for (const [path, closest] of [
    ["/health", "/healthz"],
    ["/metric", "/metrics"],
    ["/openapi.yaml", "/openapi.json"],
  ] as const) {
    assert.match(String(refusalOf(await send(path)).message), new RegExp(`did you mean ${closest}\\?$`));
  }
});

test("HEAD answers as GET does without its body, and OPTIONS says what is allowed to anyone", async (t) => {
  const { users, send } = await start(t);
  await users.createUser({ userId: "u1" });
  const get = await send("/v1/users/u1");
  const head = await send("/v1/users/u1", { method: "HEAD" });
  assert.deepEqual([head.status, head.text], [200, ""]);
  assert.equal(head.headers["content-length"], get.headers["content-length"]);
  assert.equal(head.headers["content-length"], String(Buffer.byteLength(get.text)));
  assert.equal((await send("/v1/users/nobody", { method: "HEAD" })).status, 404);
  assert.equal((await send("/v1/users/u1", { method: "HEAD", key: null })).status, 401);
  const options = await send("/v1/users/u1", { method: "OPTIONS", key: null });
  assert.deepEqual([options.status, options.text], [204, ""]);
  assert.match(options.headers.allow ?? "", /^DELETE, GET, HEAD, PATCH\b/);
});

test("a refusal is a google.rpc.Status with its ErrorInfo and BadRequest", async (t) => {
  const { users, send } = await start(t);
  await users.createUser({ userId: "u1" });
  await users.lockUser({ userId: "u1" });
  const rows = [
    ["/v1/users/u1:lock", post({}), 400, "FailedPrecondition", "USER_ALREADY_LOCKED", []],
    ["/v1/users/nobody:lock", post({}), 404, "NotFound", "USER_NOT_FOUND", []],
    ["/v1/users", post({ userId: "u1" }), 409, "AlreadyExists", "USER_ALREADY_EXISTS", []],
    ["/v1/users/u1:unlock", post({ expectedSequence: "9" }), 409, "Aborted", "SEQUENCE_MISMATCH", []],
    ["/v1/users/u1:ban", post({ reasonCode: "-" }), 400, "InvalidArgument", "FIELD_INVALID", ["reasonCode"]],
    ["/v1/users/u1", { key: null }, 401, "Unauthenticated", "CREDENTIAL_MISSING", []],
    ["/v1/users/u1", { key: "wrong" }, 401, "Unauthenticated", "CREDENTIAL_INVALID", []],
  ] as const;
  for (const [path, request, status, code, reason, fields] of rows) {
    const answer = await send(path, request);
    const refusal = refusalOf(answer);
    assert.deepEqual([answer.status, refusal.code, refusal.reason], [status, code, reason], answer.text);
    assert.deepEqual(refusal.fields, fields);
    assert.equal(answer.headers["www-authenticate"], status === 401 ? "Bearer" : undefined);
    const info = JSON.parse(answer.text).details[0] as JsonObject;
    assert.equal(info["@type"], "type.googleapis.com/google.rpc.ErrorInfo");
    assert.equal(info.domain, "lockkeeper");
  }
});

test("a request that cannot be decoded is refused with an ErrorInfo, as one that is not valid is", async (t) => {
  const { users, send } = await start(t);
  await users.createUser({ userId: "u1" });
  for (const path of ["/v1/users/u1:lock", "/lockkeeper.user.v1.UserService/LockUser"]) {
    const { text } = await send(path, post({ reasonCode: 7 }));
    assert.match(text, /"reason":"FIELD_INVALID"/, path);
  }
  assert.equal(refusalOf(await send("/v1/users?pageSize=x")).reason, "FIELD_INVALID");
});

test("BadRequest names a field in one spelling, whatever found it wrong", async (t) => {
  const { users, send } = await start(t);
  await users.createUser({ userId: "u1" });
  const fieldOf = async (reasonCode: unknown): Promise<string | undefined> =>
    refusalOf(await send("/v1/users/u1:lock", post({ reasonCode }))).fields[0];
  assert.equal(await fieldOf(7), await fieldOf("not a code"));
});
