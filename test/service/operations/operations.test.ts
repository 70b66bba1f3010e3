/** What dialects build on: decisions, reads and searches in the domain's words, refused in the domain's words. */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { describe, test } from "node:test";
import { ApiKeyCache } from "../../../src/auth/api-key-cache.ts";
import { RequestGate } from "../../../src/auth/request-gate.ts";
import { hashSecret } from "../../../src/auth/secret.ts";
import { RefusalError } from "../../../src/domain/refusal.ts";
import type { Sight } from "../../../src/domain/sight.ts";
import { refusalOf } from "../../../src/service/errors.ts";
import { ListLanes } from "../../../src/service/list-lanes.ts";
import {
  type Caller,
  createOperations,
  type Operations,
  type UserChange,
} from "../../../src/service/operations/operations.ts";
import { assertPerson } from "../../../src/service/person-rules.ts";
import { openSqliteStore, type SqliteStore } from "../../../src/store/sqlite/sqlite-store.ts";
import { createApiKey, createOrganization, createUser, deleteUser } from "../../store/support/commands.ts";
import { defer } from "../../support/cleanup.ts";
import { ADMIN_KEY, TestClock, temporaryFolder } from "../../support/service.ts";

interface Opened {
  readonly operations: Operations;
  readonly store: SqliteStore;
  readonly clock: TestClock;
}

async function open(t: TestContext): Promise<Opened> {
  const clock = new TestClock();
  const now = (): number => clock.now;
  const path = join(await temporaryFolder(t), "a.db");
  // The sweeper does not run: it would write due events at a random time.
  const store = await openSqliteStore({ path, clock: now, sweepIntervalMs: 3_600_000 });
  defer(t, () => store.close());
  await store.execute(createOrganization("default"));
  await store.execute(createOrganization("other"));
  await store.execute(createApiKey("owner", { secretHash: hashSecret(ADMIN_KEY) }));
  const keyCache = await ApiKeyCache.open({ store, clock: now, onTrouble: (error) => assert.fail(String(error)) });
  defer(t, () => keyCache.close());
  return {
    operations: createOperations({
      store,
      gate: new RequestGate({ keyCache, clock: now }),
      newId: () => "id",
      lists: new ListLanes(),
    }),
    store,
    clock,
  };
}

async function reasonOf(call: () => unknown): Promise<string | undefined> {
  try {
    await call();
  } catch (error) {
    return refusalOf(error)?.reason;
  }
  return assert.fail("the call was accepted");
}

async function callerOf(operations: Operations): Promise<Caller> {
  return { admission: { actor: await operations.authenticate(`Bearer ${ADMIN_KEY}`, "::1") }, wire: "a dialect" };
}

const NO_REASON = { reasonCode: "", note: "" };

function created(userId: string): UserChange {
  return { type: "CreateUser", userId, organizationId: "", profile: {}, attributes: {}, ...NO_REASON };
}

function locking(userId: string): Extract<UserChange, { readonly type: "LockUser" }> {
  return {
    type: "LockUser",
    userId,
    ifAlready: "refuse",
    expiry: { kind: "default" },
    revokeSessions: false,
    ...NO_REASON,
  };
}

describe("operations", () => {
  test("return the actor, or refuse as the key cache does", async (t) => {
    const { operations } = await open(t);
    assert.equal((await operations.authenticate(`Bearer ${ADMIN_KEY}`, "::1")).id, "key:owner");
    assert.equal(await reasonOf(() => operations.authenticate(null, "::1")), "CREDENTIAL_MISSING");
    assert.equal(await reasonOf(() => operations.authenticate(`Bearer ${ADMIN_KEY}!`, "::1")), "CREDENTIAL_INVALID");
  });

  test("change, read and search settled users with their state and the instant", async (t) => {
    const { operations, clock, store } = await open(t);
    const caller = await callerOf(operations);
    await operations.changeUser(created("ann"), caller);
    const locked = await operations.changeUser(
      { ...locking("ann"), expiry: { kind: "for", durationMs: 1000 } },
      caller,
    );
    assert.deepEqual([locked.state, locked.now, locked.user.state.sequence], ["LOCKED", clock.now, 2]);
    assert.equal(await reasonOf(() => operations.changeUser(locking("ann"), caller)), "USER_ALREADY_LOCKED");
    clock.advance(1000);
    const read = await operations.readUser("ann", { scope: "default" });
    assert.deepEqual([read?.state, read?.now], ["ACTIVE", clock.now]);
    const found = await operations.searchUsers({
      organizationId: null,
      where: { kind: "state", states: ["ACTIVE"] },
      order: { by: "id", descending: false },
      offset: 0,
      limit: 1,
    });
    assert.deepEqual([found.users[0]?.state, found.total, found.isTotalExact], ["ACTIVE", 1, true]);
    const history = await store.listUserEvents({ userId: "ann", order: "oldest_first", pageSize: 10 });
    assert.deepEqual(
      history.items.map(({ via, event }) => [via, event.actor]),
      [
        ["a dialect", "key:owner"],
        ["a dialect", "key:owner"],
      ],
    );
  });

  test("know no user that is deleted or in another organization", async (t) => {
    const { operations, store } = await open(t);
    await store.execute(createUser("ann"));
    await store.execute(createUser("bob"));
    await store.execute(deleteUser("bob"));
    const query = { order: "oldest_first", pageSize: 1 } as const;
    const user = async (userId: string, sight: Sight) => (await operations.readUser(userId, sight))?.user.state.id;
    const history = async (userId: string, sight: Sight) =>
      (await operations.listUserEvents({ userId, ...query }, sight)).items[0]?.userId;
    for (const read of [user, history]) {
      assert.equal(await read("ann", { scope: null }), "ann");
      assert.equal(await read("bob", { scope: "default", showDeleted: true }), "bob");
    }
    for (const [id, sight] of [
      ["ann", { scope: "other" }],
      ["bob", { scope: null }],
      ["bob", { scope: "other", showDeleted: true }],
      ["eve", { scope: null, showDeleted: true }],
    ] as const) {
      assert.equal(await user(id, sight), undefined, id);
      assert.equal(await reasonOf(() => history(id, sight)), "USER_NOT_FOUND", id);
      assert.equal(await operations.checkSignIn({ userId: id, factor: "PASSWORD" }, sight.scope), undefined, id);
    }
    const caller = await callerOf(operations);
    const elsewhere = operations.changeUser(locking("ann"), caller, { scope: "other" });
    assert.equal(await reasonOf(() => elsewhere), "USER_NOT_FOUND");
    assert.equal((await operations.readOrganization("other", null))?.id, "other");
    assert.equal(await operations.readOrganization("other", "default"), undefined);
    assert.equal(await operations.readOrganization("nowhere", null), undefined);
  });

  test("that validate only store nothing", async (t) => {
    const { operations } = await open(t);
    const caller = await callerOf(operations);
    const view = await operations.changeUser(created("ann"), caller, { validateOnly: true });
    assert.equal(view.user.state.id, "ann");
    assert.equal(await operations.readUser("ann", { scope: null }), undefined);
    const session = { userId: "ann", expiry: { kind: "default" }, idleTimeoutMs: null } as const;
    await operations.changeUser(created("ann"), caller);
    const rest = { userAgent: "", ip: "", attributes: {} };
    const { token } = await operations.openSession({ ...session, ...rest }, caller, { validateOnly: true });
    assert.equal(token, "");
  });
});

describe("assertPerson", () => {
  const refusals = [
    [{ profile: { email: "x".repeat(400) }, attributes: {} }, "profile.email"],
    [{ profile: { username: "a\0b" }, attributes: {} }, "profile"],
    [{ profile: {}, attributes: { "No Namespace": "{}" } }, "attributes"],
  ] as const;
  for (const [person, field] of refusals) {
    test(`refuses what our own API would refuse, naming ${field}`, () => {
      assert.throws(
        () => assertPerson(person),
        (error) => {
          assert.ok(error instanceof RefusalError);
          assert.equal(error.refusal.reason, "FIELD_INVALID");
          assert.ok(error.refusal.fields[0]?.field.startsWith(field), JSON.stringify(error.refusal.fields));
          return true;
        },
      );
    });
  }

  test("lets in what our own API takes", () => {
    assertPerson({ profile: { username: "ann", email: "ann@example.com" }, attributes: { "a.b": '{"c":[1]}' } });
  });
});
