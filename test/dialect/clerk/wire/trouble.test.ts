/** Refusals under load and during failures, through the SDK: never an empty list, never an unknown user. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { PERMISSIONS } from "../../../../src/auth/permissions.ts";
import { backendApi } from "../../../../src/dialect/clerk/wire/backend-api.ts";
import { RefusalError, refuse } from "../../../../src/domain/refusal.ts";
import { ListLanes } from "../../../../src/service/list-lanes.ts";
import type { Operations, SessionView } from "../../../../src/service/operations/operations.ts";
import { StoreUnavailableError } from "../../../../src/store/errors.ts";
import type { HttpMount } from "../../../../src/transport/mount.ts";
import { until } from "../../../support/until.ts";
import { type Lab, withLab } from "../../../transport/support/lab.ts";
import { newestClient, refusedBySdk, send } from "../support/clients.ts";

interface Row {
  readonly name: string;
  readonly thrown: Error;
  readonly status: number;
  readonly code: string;
  readonly longMessage: string | RegExp;
  readonly retryAfter?: number;
  /** As the record has it. */
  readonly reason: string;
}

const ROWS: readonly Row[] = [
  {
    name: "a store that cannot be read",
    thrown: new StoreUnavailableError("disk", undefined),
    status: 503,
    code: "service_unavailable",
    longMessage: "The store cannot be read now; nothing is known of the user's state.",
    retryAfter: 1,
    reason: "[unavailable]",
  },
  {
    name: "a store that did not write",
    thrown: new StoreUnavailableError("disk", "NOT_APPLIED"),
    status: 503,
    code: "service_unavailable",
    longMessage: "The store cannot be written now; nothing was applied.",
    retryAfter: 1,
    reason: "[unavailable]",
  },
  {
    name: "a commit whose fate is unknown, which must not be repeated blindly",
    thrown: new StoreUnavailableError("disk", "UNKNOWN"),
    status: 503,
    code: "service_unavailable",
    longMessage: /^The store did not confirm the commit/,
    reason: "[unavailable]",
  },
  {
    name: "a full queue",
    thrown: new RefusalError(refuse("QUEUE_FULL", "the queue is full", { retryAfterMs: 1500 })),
    status: 429,
    code: "too_many_requests",
    longMessage: "Too many requests, retry later",
    retryAfter: 2,
    reason: "[resource_exhausted]",
  },
  {
    name: "a deadline that passed",
    thrown: new RefusalError(refuse("DEADLINE_PASSED", "it is too late; nothing was applied")),
    status: 504,
    code: "gateway_timeout",
    longMessage: "It is too late; nothing was applied.",
    reason: "[deadline_exceeded]",
  },
  {
    name: "a search that is too broad",
    thrown: new RefusalError(refuse("SEARCH_TOO_BROAD", "the search looked at 9 users without an end")),
    status: 422,
    code: "form_param_value_invalid",
    longMessage: "The search looked at 9 users without an end.",
    reason: "[failed_precondition]",
  },
  {
    name: "a scope that does not reach",
    thrown: new RefusalError(refuse("SCOPE_EXCEEDED", "it is another organization's")),
    status: 403,
    code: "authorization_invalid",
    longMessage: "You are not authorized to perform this request",
    reason: "[permission_denied]",
  },
  {
    name: "a change that always comes second",
    thrown: new RefusalError(refuse("SEQUENCE_MISMATCH", "somebody was first")),
    status: 409,
    code: "resource_locked",
    longMessage: "This resource is currently being modified by another request. Please try again.",
    reason: "[aborted]",
  },
  {
    name: "a command that the database refused",
    thrown: new RefusalError(refuse("STORE_REJECTED", "constraint users_secret_index failed")),
    status: 500,
    code: "internal_clerk_error",
    longMessage: "Oops, an unexpected error occurred",
    reason: "[internal]",
  },
  {
    name: "what nobody foresaw",
    thrown: new TypeError("users_secret_index is undefined"),
    status: 500,
    code: "internal_clerk_error",
    longMessage: "Oops, an unexpected error occurred",
    reason: "[internal]",
  },
];

/** The dialect on its own transport, over operations that all fail in this way, except some. */
function withTrouble(
  thrown: Error,
  check: (lab: Lab) => Promise<void>,
  others: Partial<Operations> = {},
): Promise<void> {
  const fail = (): Promise<never> => Promise.reject(thrown);
  const actor = { id: "key:1", permissions: new Set(PERMISSIONS), scope: null };
  const operations: Operations = {
    authenticate: () => ({ ...actor, expireTime: null }),
    recheck: () => undefined,
    newId: () => "0-1",
    generation: 1,
    changeUser: fail,
    importUser: fail,
    redactEvent: fail,
    readUser: fail,
    listUsers: fail,
    searchUsers: fail,
    listUserEvents: fail,
    listEvents: fail,
    changeOrganization: fail,
    readOrganization: fail,
    listOrganizations: fail,
    checkSignIn: fail,
    beginAttempt: fail,
    completeAttempt: fail,
    recordAttempt: fail,
    listAttempts: fail,
    openSession: fail,
    changeSession: fail,
    readSession: fail,
    listSessions: fail,
    sessionKeyOf: () => ({ tokenHash: "" }),
    isTokenOf: fail,
    now: fail,
    policyIdOf: fail,
    readPolicy: fail,
    changePolicy: fail,
    simulatePolicy: fail,
    lists: new ListLanes(),
    ...others,
  };
  const mounted = { prefix: "/clerk/v1", handler: backendApi(operations, "/clerk/v1") };
  return withLab({ httpMounts: [mounted as unknown as HttpMount<string>] }, check);
}

for (const { name, thrown, status, code, longMessage, retryAfter, reason } of ROWS) {
  test(name, async () => {
    await withTrouble(thrown, async (lab) => {
      const { users, sessions } = newestClient(lab.url, "any");
      const calls = [
        () => users.lockUser("user_1"),
        () => users.getUser("user_1"),
        () => users.getUserList(),
        () => users.createUser({}),
        () => users.createUser({ banned: true }),
        () => users.updateUserMetadata("user_1", { publicMetadata: { a: 1 } }),
        () => sessions.getSessionList({ userId: "user_1" }),
        () => sessions.getSessionList({ clientId: "client_sess_1" }),
        () => sessions.getSession("sess_1"),
        () => sessions.createSession({ userId: "user_1" }),
        () => sessions.revokeSession("sess_1"),
        () => sessions.verifySession("sess_1", "any"),
      ];
      for (const call of calls) {
        const refused = await refusedBySdk(call());
        assert.equal(refused.status, status);
        assert.deepEqual(
          refused.errors.map((error) => error.code),
          [code],
        );
        const text = refused.errors[0]?.longMessage ?? "";
        if (typeof longMessage === "string") assert.equal(text, longMessage);
        else assert.match(text, longMessage);
        assert.equal(refused.retryAfter, retryAfter);
        assert.match(refused.clerkTraceId, /^call-\d+$/);
      }
      const record = await lab.record();
      assert.ok(record.error?.message.startsWith(reason), record.error?.message);
      assert.equal(record.httpStatus, status);
      // Only a masked error is logged with its cause.
      if (status === 500) await until(() => lab.internals.length >= calls.length, "the causes in the log");
      assert.equal(lab.internals.includes(thrown), status === 500);
    });
  });
}

const ENDLESS_VIEW = {
  session: {
    id: "sess_1",
    userId: "u",
    organizationId: "default",
    epoch: 1,
    creationTime: 0,
    changeTime: 0,
    sequence: 1,
    expireTime: 1,
    idleTimeoutMs: null,
    lastActivityTime: 0,
    revokeTime: null,
    userAgent: "",
    ip: "",
    attributes: {},
    createdBy: "",
  },
  status: "ACTIVE",
} as unknown as SessionView;

test("the store is not asked for an id that no user can have", async () => {
  await withTrouble(new StoreUnavailableError("disk", undefined), async ({ url }) => {
    for (const userId of ["a%00b", "x".repeat(201), "%20a", "e%CC%81"]) {
      assert.equal((await send(url, `/users/${userId}`)).status, 404, userId);
    }
    assert.equal((await send(url, "/users/a")).status, 503);
    for (const id of ["a%00b", "x".repeat(201)]) {
      assert.equal((await send(url, `/sessions/${id}`)).status, 404, id);
      assert.equal((await send(url, `/sessions?user_id=${id}`)).status, 200, id);
      assert.equal((await send(url, `/sessions?client_id=client_${id}`)).status, 200, id);
    }
    assert.equal((await send(url, "/sessions/a")).status, 503);
  });
});

test("an endless list of sessions is counted up to the limit, and never truncated silently", async () => {
  let asked = 0;
  const listSessions: Operations["listSessions"] = async ({ pageSize, after }) => {
    assert.equal(after, asked++ === 0 ? undefined : "more");
    const items = Array.from({ length: pageSize }, () => ENDLESS_VIEW);
    return { items, next: "more" };
  };
  const trouble = new StoreUnavailableError("disk", undefined);
  await withTrouble(
    trouble,
    async ({ url }) => {
      const { sessions } = newestClient(url, "any");
      const { data, totalCount } = await sessions.getSessionList({ userId: "u", limit: 7, offset: 49_990 });
      assert.deepEqual([data.length, totalCount, asked], [7, 50_000, 50]);
      asked = 0;
      const bare = await send(url, "/sessions?user_id=u&limit=7&offset=3", { key: "any" });
      assert.deepEqual([(bare.json as readonly unknown[]).length, asked], [7, 1]);
      asked = 0;
      const refused = await refusedBySdk(sessions.getSessionList({ userId: "u", limit: 7, offset: 49_994 }));
      assert.deepEqual([refused.status, refused.errors[0]?.meta?.paramName, asked], [422, "offset", 50]);
    },
    { listSessions },
  );
});
