/** Sessions and policies when the store is in trouble, or when somebody else was quicker. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { create, type JsonObject, type Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { zitadelMounts } from "../../../src/dialect/zitadel/mounts.ts";
import { type Refusal, RefusalError, refuse, sequenceMismatch } from "../../../src/domain/refusal.ts";
import { sessionNotFound } from "../../../src/domain/session.ts";
import type { Operations, PolicyView } from "../../../src/service/operations.ts";
import { StoreUnavailableError } from "../../../src/store/store.ts";

const ACTOR = {
  id: "key:1",
  permissions: new Set(["session.read", "session.write", "session.delete", "policy.write"]),
  scope: null,
  expireTime: null,
};

/** What a handler answers or throws over these operations. */
async function ask(
  operations: Partial<Operations>,
  rpc: `${string}/${string}`,
  request: JsonObject,
): Promise<Message | ConnectError> {
  const [service, method = ""] = rpc.split("/");
  const mount = zitadelMounts(operations as Operations).find((each) => each.service.typeName === `zitadel.${service}`);
  const handler = mount?.handlers[method] as unknown as (request: Message, call: object) => Promise<Message>;
  const input = mount?.service.method[method]?.input;
  assert.ok(input);
  const admission = { actor: ACTOR, organizationId: "default" };
  return handler(create(input, request), { admission, deadlineTime: undefined }).catch((reason: unknown) =>
    ConnectError.from(reason),
  );
}

async function failWith(...asked: Parameters<typeof ask>): Promise<ConnectError> {
  const answer = await ask(...asked);
  assert.ok(answer instanceof ConnectError, "it succeeded");
  return answer;
}

const SESSION = "session.v2.SessionService";
const MANAGEMENT = "management.v1.ManagementService";

test("a store that cannot be read is UNAVAILABLE: never an empty list, never a missing session or policy", async () => {
  const down = async (): Promise<never> => {
    throw new StoreUnavailableError("the disk is full", undefined);
  };
  const operations = { readSession: down, listSessions: down, readUser: down, readPolicy: down };
  const calls: readonly (readonly [rpc: `${string}/${string}`, request: JsonObject])[] = [
    [`${SESSION}/listSessions`, {}],
    [`${SESSION}/listSessions`, { queries: [{ query: { case: "idsQuery", value: { ids: ["s"] } } }] }],
    [`${SESSION}/getSession`, { sessionId: "s" }],
    [`${SESSION}/setSession`, { sessionId: "s" }],
    [`${SESSION}/deleteSession`, { sessionId: "s" }],
    [`${SESSION}/createSession`, { checks: { user: { search: { case: "userId", value: "alice" } } } }],
    [`${MANAGEMENT}/getLockoutPolicy`, {}],
    [`${MANAGEMENT}/addCustomLockoutPolicy`, {}],
    ["settings.v2.SettingsService/getLockoutSettings", {}],
  ];
  for (const [rpc, request] of calls) {
    const error = await failWith(operations, rpc, request);
    assert.equal(error.code, Code.Unavailable, rpc);
    assert.match(error.rawMessage, /\(STORE_UNAVAILABLE\)$/, rpc);
  }
});

describe("what became true between the read and the command", () => {
  const session = { id: "s", userId: "alice", organizationId: "default", attributes: {} };
  const view = { session, user: { restrictions: [] }, status: "ACTIVE" };
  const user = { user: { state: { id: "alice", organizationId: "default" } }, state: "ACTIVE", now: 0 };

  function refusing(refusal: Refusal): Partial<Operations> {
    const operations = {
      readUser: async () => user,
      readSession: async () => view,
      newSessionToken: () => ({ token: "t", tokenHash: "h" }),
      sessionKeyOf: () => undefined,
      newId: () => "s",
      async changeSession() {
        throw new RefusalError(refusal);
      },
    };
    return operations as unknown as Partial<Operations>;
  }

  test("is told as if it had been true before", async () => {
    const ended = (status: string): Refusal => refuse("SESSION_ENDED", "so it is", { metadata: { status } });
    const cases: readonly (readonly [method: string, refusal: Refusal, message: string])[] = [
      ["createSession", refuse("USER_MAY_NOT_ACT", "so it is"), "Errors.User.NotActive (SESSION-Gj4ko)"],
      ["createSession", refuse("USER_NOT_FOUND", "so it is"), "User could not be found (QUERY-Dfbg2)"],
      ["setSession", ended("ENDED"), "Session already terminated (COMMAND-Hewfq)"],
      ["setSession", ended("REVOKED"), "Session already terminated (COMMAND-Hewfq)"],
      ["setSession", ended("EXPIRED"), "Session has expired (COMMAND-Hkl3d)"],
      ["setSession", ended("IDLE"), "Session has expired (COMMAND-Hkl3d)"],
      ["setSession", sessionNotFound("s"), "Session does not exist (COMMAND-Flk38)"],
      ["setSession", refuse("QUEUE_FULL", "so it is"), "so it is (QUEUE_FULL)"],
    ];
    for (const [method, refusal, message] of cases) {
      const request = { sessionId: "s", checks: { user: { search: { case: "userId", value: "alice" } } } };
      const error = await failWith(refusing(refusal), `${SESSION}/${method}`, request);
      assert.equal(error.rawMessage, message, method);
      assert.ok(error.cause instanceof RefusalError, "the log names our reason");
    }
  });

  test("has the change of a policy decided anew, until it is overtaken too often", async () => {
    const limits = { PASSWORD: 1, OTP: 1 };
    const none = { stored: undefined, effective: { attemptsMax: limits } } as unknown as PolicyView;
    const stored = { id: "default", values: { attemptsMax: limits }, sequence: 1, creationTime: 0, changeTime: 0 };
    const custom: PolicyView = { ...none, stored };
    const mismatch = new RefusalError(sequenceMismatch("policy", "default", { expected: 0, sequence: 1 }));
    let tries = 0;
    const overtaken = (now: PolicyView): Partial<Operations> => ({
      readPolicy: async () => (tries === 0 ? none : now),
      async changePolicy(command) {
        assert.equal(
          command.type === "UpdatePolicy" && command.expectedSequence,
          0,
          "of the policy that was looked at",
        );
        tries++;
        throw mismatch;
      },
    });
    const rpc = `${MANAGEMENT}/addCustomLockoutPolicy` as const;
    const added = await failWith(overtaken(custom), rpc, {});
    assert.deepEqual([added.code, tries], [Code.AlreadyExists, 1]);
    tries = 0;
    const endless = await failWith(overtaken(none), rpc, {});
    assert.deepEqual([endless.code, tries], [Code.Aborted, 10]);
  });
});
