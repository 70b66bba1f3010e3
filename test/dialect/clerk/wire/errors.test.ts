/** Every refusal on the wire: status, headers, code and texts. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { type Running, type RunOptions, startService } from "../../../support/service.ts";
import { type Answered, type ErrorJson, send } from "../support/clients.ts";
import { PARAM_REFUSALS } from "../support/param-refusal-rows.ts";
import { assertRefusedAs, KEY_INVALID, REQUEST_REFUSALS } from "../support/refusal-rows.ts";

function start(t: TestContext, options: RunOptions = {}): Promise<Running> {
  return startService(t, { ...options, config: { dialects: ["clerk"] } });
}

interface LogLine {
  readonly callId?: string;
  readonly rpc?: string;
  readonly code?: string;
  readonly reason?: string;
  readonly userId?: string;
  readonly actor?: string;
}

function logged(running: Running, { json }: Answered): LogLine | undefined {
  const lines = running.log().trim().split("\n");
  const traceId = (json as ErrorJson).clerk_trace_id;
  return lines.map((line) => JSON.parse(line) as LogLine).find(({ callId }) => callId === traceId);
}

describe("refusals", () => {
  test("every row of the table", async (t) => {
    const { url } = await start(t);
    for (const row of [...REQUEST_REFUSALS, ...PARAM_REFUSALS]) {
      await t.test(row.name, async () => assertRefusedAs(await send(url, row.path, row.sent), row));
    }
  });

  test("all parameters at fault are reported together", async (t) => {
    const { url } = await start(t);
    const { json } = await send(url, "/users", { body: { nick: 1, first_name: 2, created_at: "x" } });
    assert.deepEqual(
      (json as ErrorJson).errors.map(({ code, meta }) => [code, meta?.param_name]),
      [
        ["form_param_unknown", "nick"],
        ["form_param_type_invalid", "first_name"],
        ["form_param_format_invalid", "created_at"],
      ],
    );
  });

  test("a key without the permission misses scopes for every operation, before the body is read", async (t) => {
    const { url, keys } = await start(t);
    const { secret: reader } = await keys.createApiKey({ displayName: "reader", permissions: ["user.read"] });
    const { secret: writer } = await keys.createApiKey({ displayName: "writer", permissions: ["user.write"] });
    const scopes = { status: 403, code: "authorization_missing_scopes", message: "Missing authorization scopes" };
    const row = { name: "", path: "", ...scopes, longMessage: scopes.message };
    for (const [key, path, method] of [
      [reader, "/users", "POST"],
      [reader, "/users/user_1", "PATCH"],
      [reader, "/users/user_1/metadata", "PUT"],
      [reader, "/users/user_1/lock", "POST"],
      [reader, "/users/user_1/unban", "POST"],
      [reader, "/users/ban", "POST"],
      [writer, "/users/user_1", "DELETE"],
      [writer, "/users/user_1", "GET"],
      [writer, "/users", "GET"],
      [writer, "/users/count", "GET"],
    ] as const) {
      const body = method === "GET" ? undefined : "{";
      assertRefusedAs(await send(url, path, { key, method, body }), row);
    }
    assert.equal((await send(url, "/users", { key: reader })).status, 200);
    assert.equal((await send(url, "/users", { key: writer, body: {} })).status, 200);
  });

  test("a revoked key is refused like a wrong one", async (t) => {
    const { url, keys } = await start(t);
    const { secret, apiKey } = await keys.createApiKey({ displayName: "gone", role: "owner" });
    assert.equal((await send(url, "/users", { key: secret })).status, 200);
    await keys.revokeApiKey({ apiKeyId: apiKey?.apiKeyId ?? "" });
    const row = {
      name: "",
      path: "",
      status: 401,
      code: "clerk_key_invalid",
      message: KEY_INVALID,
      longMessage: KEY_INVALID,
    };
    assertRefusedAs(await send(url, "/users", { key: secret }), row);
  });

  test("too many wrong keys from one address are answered with the time to wait", async (t) => {
    const { url } = await start(t, { isOneProcess: true });
    const answers = await Promise.all(Array.from({ length: 40 }, () => send(url, "/users", { key: "wrong" })));
    const throttled = answers.find(({ status }) => status === 429) ?? assert.fail("nobody was throttled");
    assertRefusedAs(throttled, {
      name: "",
      path: "",
      status: 429,
      code: "too_many_requests",
      message: "Too many requests",
      longMessage: "Too many requests, retry later",
      header: { "retry-after": "1" },
    });
  });

  test("the log names operation, user, code and reason, and contains no secret", async (t) => {
    const running = await start(t);
    const { url } = running;
    const missing = await send(url, "/users/user_nobody/lock", { method: "POST" });
    const line = logged(running, missing);
    assert.deepEqual([line?.rpc, line?.userId], ["clerk.LockUser", "user_nobody"]);
    assert.deepEqual([line?.code, line?.reason], ["NOT_FOUND", "USER_NOT_FOUND"]);
    for (const [path, sent, reason] of [
      ["/users/user_nobody", {}, "USER_NOT_FOUND"],
      ["/users", { body: { first_name: 1 } }, "FIELD_INVALID"],
      ["/users", { body: "{" }, "REQUEST_MALFORMED"],
      ["/users", { key: "wrong" }, "CREDENTIAL_INVALID"],
      ["/users", { key: null }, "CREDENTIAL_MISSING"],
      ["/users", { method: "PUT" }, "METHOD_NOT_SERVED"],
      ["/nothing", {}, "PATH_NOT_FOUND"],
      ["/users", { body: { first_name: "x".repeat(300_000) } }, "REQUEST_TOO_LARGE"],
    ] as const) {
      assert.equal(logged(running, await send(url, path, sent))?.reason, reason);
    }
    await send(url, "/users", { body: { password: "a-very-secret-word", totp_secret: "another-secret", nick: 1 } });
    await send(url, "/users", { body: { password: "a-very-secret-word", first_name: "Annabella" } });
    assert.doesNotMatch(running.log(), /a-very-secret-word|another-secret|Annabella/);
  });
});
