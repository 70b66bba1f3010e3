/** The dialect's REST gateway: wrong paths, methods and bodies, and the unusual requests that it accepts. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { makeUsers, startLab } from "../support/lab.ts";

describe("the gateway", () => {
  test("answers 404, 405 and 400 as the original does", async (t) => {
    const lab = await startLab(t);
    const cases: readonly (readonly [request: string, status: number, body: JsonObject, sent?: string])[] = [
      ["GET /management/v1/nothing/here", 404, { code: 5, message: "Not Found" }],
      ["GET /v2/nothing", 404, { code: 5, message: "Not Found" }],
      ["GET /v2beta/nothing", 404, { code: 5, message: "Not Found" }],
      ["GET /resources/v3alpha/nothing", 404, { code: 5, message: "Not Found" }],
      ["PUT /v2/users/alice", 405, { code: 12, message: "Method Not Allowed" }],
      ["DELETE /management/v1/users/alice/_lock", 405, { code: 12, message: "Method Not Allowed" }],
      ["POST /v2/users/%zz/lock", 400, { code: 3, message: "Bad Request" }],
      ["GET /management/v1/users/%ff", 400, { code: 3, message: "Bad Request" }],
      ["POST /v2/users", 400, { code: 3, message: "the request body is JSON that ends too early" }, "{"],
    ];
    for (const [request, status, body, sent] of cases) {
      const reply = await lab.rest(request, sent === undefined ? {} : { body: sent });
      assert.deepEqual([reply.status, reply.json], [status, body], request);
      assert.equal(reply.headers["content-type"], "application/json");
    }
  });

  test("accepts absent bodies, any content type, unknown members and both spellings of names", async (t) => {
    const lab = await startLab(t);
    await makeUsers(lab, ["ACTIVE"], () => "alice");
    const headers = { "content-type": "text/plain" };
    const lock = await lab.rest("POST /v2/users/alice/lock", { body: { unknown: 1, userId: "bob" }, headers });
    assert.equal(lock.status, 200, JSON.stringify(lock.json));
    assert.equal((await lab.rest("POST /v2/users/alice/unlock?unknown=1")).status, 200);
    const stray = await lab.rest("POST /resources/v3alpha/users/alice/_lock", { body: { stray: 1 } });
    assert.equal(stray.status, 200, JSON.stringify(stray.json));
    const body = { queries: [{ in_user_ids_query: { user_ids: ["alice"] } }], query: { limit: 1, offset: "0" } };
    const list = await lab.rest("POST /management/v1/users/_search", { body });
    assert.deepEqual((list.json.details as JsonObject).totalResult, "1");
  });

  test("answers UNIMPLEMENTED for what is not served, to callers with a credential", async (t) => {
    const lab = await startLab(t);
    const paths = ["GET /management/v1/policies/login", "POST /v2/users/a/passkeys", "GET /resources/v3alpha/users/a"];
    for (const path of paths) {
      assert.equal((await lab.rest(path, { key: null })).status, 401, path);
      const { status, json } = await lab.rest(path);
      assert.equal(status, 501, path);
      assert.equal(json.code, 12);
      assert.equal(json.details, undefined);
    }
  });
});
