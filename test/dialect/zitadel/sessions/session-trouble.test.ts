/** Sessions and policies when the store fails, or when another change was faster. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { create, type JsonObject, type Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { GetSessionResponse, SetSessionResponse } from "@zitadel/proto/zitadel/session/v2/session_service_pb.js";
import { zitadelMounts } from "../../../../src/dialect/zitadel/mounts.ts";
import { type Refusal, RefusalError, refuse, sequenceMismatch } from "../../../../src/domain/refusal.ts";
import { type SessionCommand, sessionNotFound } from "../../../../src/domain/session.ts";
import { ListLanes } from "../../../../src/service/list-lanes.ts";
import { createOperations, type Operations, type PolicyView } from "../../../../src/service/operations/operations.ts";
import { StoreUnavailableError } from "../../../../src/store/errors.ts";
import { openSqliteStore } from "../../../../src/store/sqlite/sqlite-store.ts";
import { createOrganization, createUser } from "../../../store/support/commands.ts";
import { defer } from "../../../support/cleanup.ts";
import { temporaryFolder } from "../../../support/service.ts";

const ACTOR = {
  id: "key:1",
  permissions: new Set(["session.read", "session.write", "session.delete", "policy.write"]),
  scope: null,
  expireTime: null,
};

/** Returns what a handler answers or throws over these operations. */
async function ask(
  operations: Partial<Operations>,
  rpc: `${string}/${string}`,
  request: JsonObject,
  permissions: ReadonlySet<string> = ACTOR.permissions,
): Promise<Message | ConnectError> {
  const [service, method = ""] = rpc.split("/");
  const mount = zitadelMounts({ lists: new ListLanes(), recheck: () => undefined, ...operations } as Operations).find(
    (each) => each.service.typeName === `zitadel.${service}`,
  );
  const handler = mount?.handlers[method] as unknown as (request: Message, call: object) => Promise<Message>;
  const input = mount?.service.method[method]?.input;
  assert.ok(input);
  const admission = { actor: { ...ACTOR, permissions }, organizationId: "default" };
  const { signal } = new AbortController();
  const call = { admission, deadlineTime: undefined, signal, takeTurn: () => undefined };
  return handler(create(input, request), call).catch((reason: unknown) => ConnectError.from(reason));
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

describe("a change between the read and the command", () => {
  const session = { id: "s", userId: "alice", organizationId: "default", attributes: {} };
  const view = { session, user: { restrictions: [] }, status: "ACTIVE" };
  const user = { user: { state: { id: "alice", organizationId: "default" } }, state: "ACTIVE", now: 0 };

  function refusing(refusal: Refusal): Partial<Operations> {
    const refused = () => Promise.reject(new RefusalError(refusal));
    const operations = {
      readUser: async () => user,
      readSession: async () => view,
      isTokenOf: async () => false,
      openSession: refused,
      changeSession: refused,
    };
    return operations as unknown as Partial<Operations>;
  }

  test("is answered as if it had come before the read", async () => {
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

  test("makes a session decide again and check its token again, until it is overtaken too often", async () => {
    let tries = 0;
    const expected: (number | undefined)[] = [];
    /** Others change it before every try; the token is the session's until `tokenTries`. */
    const overtaken = (tokenTries: number): Partial<Operations> => {
      tries = 0;
      expected.length = 0;
      const operations = {
        ...refusing(refuse("QUEUE_FULL", "so it is")),
        readSession: async () => ({ ...view, session: { ...session, sequence: tries + 1 } }),
        isTokenOf: async () => tries < tokenTries,
        async changeSession(command: SessionCommand) {
          assert.ok(command.type === "UpdateSession");
          expected.push(command.expectedSequence);
          tries++;
          throw new RefusalError(sequenceMismatch("session", "s", { expected: tries, sequence: tries + 1 }));
        },
      };
      return operations as unknown as Partial<Operations>;
    };
    const rpc = `${SESSION}/setSession` as const;
    const request = { sessionId: "s", sessionToken: "old" };
    const replaced = await failWith(overtaken(1), rpc, request, new Set());
    assert.equal(replaced.rawMessage, "Session Token is invalid (COMMAND-sGr42)");
    assert.deepEqual(expected, [1]);
    const endless = await failWith(overtaken(Number.POSITIVE_INFINITY), rpc, request, new Set());
    assert.deepEqual([endless.code, expected], [Code.Aborted, Array.from({ length: 20 }, (_, index) => index + 1)]);
    assert.match(endless.rawMessage, /\(SEQUENCE_MISMATCH\)$/);
  });

  test("makes a policy decide again, until it is overtaken too often", async () => {
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
          "the sequence of the policy that was read",
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
    assert.deepEqual([endless.code, tries], [Code.Aborted, 20]);
  });
});

describe("simultaneous calls on one session", () => {
  const NOBODY: ReadonlySet<string> = new Set();

  async function open(t: TestContext): Promise<{ operations: Operations; sessionId: string; sessionToken: string }> {
    const store = await openSqliteStore({ path: join(await temporaryFolder(t), "a.db"), clock: Date.now });
    defer(t, () => store.close());
    await store.execute(createOrganization("default"));
    await store.execute(createUser("alice"));
    const gate = { authenticate: () => assert.fail("no caller is authenticated"), stillOpens: () => true };
    const operations = createOperations({ store, gate, newId: () => "s", lists: new ListLanes() });
    const request = { checks: { user: { search: { case: "userId", value: "alice" } } } };
    const made = await ask(operations, `${SESSION}/createSession`, request);
    assert.ok(!(made instanceof ConnectError), String(made));
    const { sessionToken } = made as SetSessionResponse;
    return { operations, sessionId: "s", sessionToken };
  }

  test("keep the metadata that each of them sets", async (t) => {
    const { operations, sessionId, sessionToken } = await open(t);
    const names = Array.from({ length: 10 }, (_, index) => `m${index}`);
    const replies = await Promise.all(
      names.map((name) => {
        const request = { sessionId, metadata: { [name]: Uint8Array.of(1) } } as unknown as JsonObject;
        return ask(operations, `${SESSION}/setSession`, request);
      }),
    );
    for (const reply of replies) assert.ok(!(reply instanceof ConnectError), String(reply));
    const read = await ask(operations, `${SESSION}/getSession`, { sessionId });
    const { session } = read as GetSessionResponse;
    assert.deepEqual(Object.keys(session?.metadata ?? {}).toSorted(), names);
    assert.equal(session?.sequence, 11n);
    const old = await failWith(operations, `${SESSION}/getSession`, { sessionId, sessionToken }, NOBODY);
    assert.equal(old.code, Code.PermissionDenied);
  });

  test("with one token: one succeeds, and its new token is valid", async (t) => {
    const { operations, sessionId, sessionToken } = await open(t);
    const replies = await Promise.all(
      Array.from({ length: 4 }, () => ask(operations, `${SESSION}/setSession`, { sessionId, sessionToken }, NOBODY)),
    );
    const refused = replies.filter((reply) => reply instanceof ConnectError);
    assert.deepEqual(
      refused.map(({ rawMessage }) => rawMessage),
      Array(3).fill("Session Token is invalid (COMMAND-sGr42)"),
    );
    const won = replies.find((reply) => !(reply instanceof ConnectError)) as SetSessionResponse;
    const request = { sessionId, sessionToken: won.sessionToken };
    const read = await ask(operations, `${SESSION}/getSession`, request, NOBODY);
    assert.ok(!(read instanceof ConnectError), String(read));
  });
});
