/** The examples of the OpenAPI document are true: each is sent to a real service and answers as the document says. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { EXAMPLES, MADE } from "../../src/openapi/examples.ts";
import { ADMIN_KEY, type Running, startService } from "../support/service.ts";
import {
  at,
  exampleBody,
  isConnect,
  type Operation,
  operationsOf,
  readDocument,
  refusalsIn,
  schemaChecker,
  send,
} from "./support/operations.ts";

/** `Service_Method` in the order in which the examples succeed. */
const ORDER = Object.keys(EXAMPLES).map((name) => name.replace(/^.*\.(\w+)\/(\w+)$/, "$1_$2"));

function rankOf({ operationId }: Operation): number {
  return ORDER.indexOf(operationId.split("_").slice(0, 2).join("_"));
}

/** What must exist again before another route of the same RPC can succeed. */
const RENEWED: Readonly<Record<string, (running: Running) => Promise<unknown>>> = {
  UserService_DeleteUser_2: ({ users }) => users.createUser({ userId: "alice" }),
};

async function sendAll(t: TestContext, connect: boolean): Promise<number> {
  const running = await startService(t);
  const document = await readDocument(running.url);
  const faultsOf = schemaChecker(document);
  const made: Record<string, string> = {};
  const operations = operationsOf(document).filter((each) => isConnect(each) === connect);
  for (const operation of operations.toSorted((a, b) => rankOf(a) - rankOf(b))) {
    const { operationId, pointer } = operation;
    await RENEWED[operationId]?.(running);
    const body = exampleBody(operation);
    const shape = `${pointer}/requestBody/content/application~1json/schema`;
    if (body !== undefined) assert.deepEqual(faultsOf(shape, body), [], operationId);
    const sent = await send(running.url, operation, { key: ADMIN_KEY, made });
    assert.equal(sent.status, 200, `${operationId}: ${JSON.stringify(sent.body)}`);
    const answered = at(operation.object, "responses", "200", "content", "application/json", "schema", "$ref");
    assert.deepEqual(
      faultsOf(String(answered).slice(1), sent.body),
      [],
      `${operationId}: ${JSON.stringify(sent.body)}`,
    );
    if (operationId.startsWith("SessionService_CreateSession")) {
      made[MADE.sessionId] = String(at(sent.body, "session", "sessionId"));
      made[MADE.token] = String(at(sent.body, "token"));
    }
    if (operationId.startsWith("ApiKeyService_CreateApiKey")) {
      made[MADE.apiKeyId] = String(at(sent.body, "apiKey", "apiKeyId"));
    }
  }
  return operations.length;
}

describe("each example is answered as the document says", () => {
  test("over REST", async (t) => {
    const count = await sendAll(t, false);
    assert.ok(count > ORDER.length, `${count} operations`);
  });
  test("over Connect", async (t) => {
    assert.equal(await sendAll(t, true), ORDER.length);
  });
});

test("refusals have the statuses, reasons and forms that the document says", async (t) => {
  const { url, keys } = await startService(t);
  const document = await readDocument(url);
  const faultsOf = schemaChecker(document);
  const { secret } = await keys.createApiKey({ role: "viewer" });
  const viewer = secret;
  const cases: readonly (readonly [
    rpc: string,
    key: string | undefined,
    body: JsonObject,
    status: number,
    reason: string,
  ])[] = [
    ["CreateUser", undefined, {}, 401, "CREDENTIAL_MISSING"],
    ["CreateUser", "lk_wrong", {}, 401, "CREDENTIAL_INVALID"],
    ["CreateUser", viewer, {}, 403, "PERMISSION_MISSING"],
    ["CreateUser", ADMIN_KEY, { reasonCode: "no" }, 400, "FIELD_INVALID"],
    ["CreateUser", ADMIN_KEY, { userId: "alice" }, 200, ""],
    ["CreateUser", ADMIN_KEY, { userId: "alice" }, 409, "USER_ALREADY_EXISTS"],
    ["UnlockUser", ADMIN_KEY, { userId: "alice" }, 400, "USER_NOT_LOCKED"],
    ["UnlockUser", ADMIN_KEY, { userId: "alice", expectedSequence: "7" }, 409, "SEQUENCE_MISMATCH"],
    ["BanUser", ADMIN_KEY, { userId: "nobody" }, 404, "USER_NOT_FOUND"],
  ];
  for (const wire of ["rest", "connect"] as const) {
    for (const [rpc, key, body, status, reason] of cases) {
      const operationId = `UserService_${rpc}${wire === "connect" ? "_Connect" : ""}`;
      const operation = operationsOf(document).find((each) => each.operationId === operationId);
      assert.ok(operation !== undefined);
      const { userId = "", ...rest } = body;
      const inPath = operation.path.includes("{user_id}");
      const path = operation.path.replace("{user_id}", String(userId));
      const userIdHere = wire === "connect" && rpc === "CreateUser" && userId !== "" ? "bob" : userId;
      const whole = inPath || userId === "" ? rest : { userId: userIdHere, ...rest };
      const sent = await send(url, { ...operation, path }, { ...(key === undefined ? {} : { key }), body: whole });
      assert.equal(sent.status, status, `${operationId}: ${JSON.stringify(sent.body)}`);
      if (status === 200) continue;
      const response = String(at(operation.object, "responses", `${status}`, "$ref")).slice(1);
      assert.ok(Object.hasOwn(refusalsIn(document, operation, status), reason), reason);
      assert.deepEqual(
        faultsOf(`${response}/content/application~1json/schema`, sent.body),
        [],
        JSON.stringify(sent.body),
      );
      const infos = (at(sent.body, "details") as JsonObject[]).map(
        (each) => each.reason ?? at(each, "debug", "reason"),
      );
      assert.ok(infos.includes(reason), JSON.stringify(sent.body));
    }
  }
});
