/** ListUserChanges: event types, order, limits and whose history is shown. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import {
  type ChangesRequest,
  eventTypeOf,
  listUserChanges,
} from "../../../../src/dialect/zitadel/users/user-changes.ts";
import type { UserEvent } from "../../../../src/domain/event.ts";
import type { EventQuery, Operations, Page, RecordedEvent } from "../../../../src/service/operations/operations.ts";
import { TestClock } from "../../../support/service.ts";
import { type Lab, makeUsers, type RestCall, startLab } from "../support/lab.ts";

interface Change {
  readonly sequence: string;
  readonly eventType: { readonly key: string; readonly localizedMessage: string };
  readonly editorId: string;
  readonly resourceOwnerId: string;
  readonly changeDate: string;
}

async function changesOf(
  lab: Lab,
  id: string,
  query: JsonObject = {},
  call: RestCall = {},
): Promise<readonly Change[]> {
  const path = `POST /management/v1/users/${id}/changes/_search`;
  const { status, json } = await lab.rest(path, { ...call, body: { query } });
  assert.equal(status, 200, JSON.stringify(json));
  return (json.result ?? []) as unknown as Change[];
}

async function typesOf(...asked: Parameters<typeof changesOf>): Promise<readonly string[]> {
  return (await changesOf(...asked)).map(({ eventType }) => eventType.key.replace(/^EventTypes\.user\./, ""));
}

describe("the history of a user", () => {
  test("names every act with the original's types and texts, newest first", async (t) => {
    const clock = new TestClock();
    const lab = await startLab(t, { clock: () => clock.now });
    const { users } = lab;
    const userId = "alice";
    await users.createUser({ userId });
    for (const [path, profile] of [
      ["profile.username", { username: "al" }],
      ["profile.email", { email: "al@example.com" }],
      ["profile.phone", { phone: "+41" }],
      ["profile.given_name", { givenName: "Al" }],
    ] as const) {
      await users.updateUser({ userId, profile, updateMask: { paths: [path] } });
    }
    await users.banUser({ userId, expiry: { case: "never", value: true } });
    await users.unbanUser({ userId });
    await users.deactivateUser({ userId });
    await users.reactivateUser({ userId });
    await lab.sessions.revokeUserSessions({ userId });
    await users.lockUser({ userId, expiry: { case: "duration", value: { seconds: 60n, nanos: 0 } } });
    clock.advance(61_000);
    await lab.rest("POST /management/v1/users/alice/_lock");
    await lab.rest("POST /management/v1/users/alice/_unlock");
    await lab.rest("DELETE /management/v1/users/alice");
    const changes = await changesOf(lab, userId);
    assert.deepEqual(
      changes.map(({ sequence, eventType }) => [sequence, eventType.key, eventType.localizedMessage]),
      [
        ["15", "EventTypes.user.removed", "User removed"],
        ["14", "EventTypes.user.unlocked", "User unlocked"],
        ["13", "EventTypes.user.locked", "User locked"],
        ["12", "EventTypes.user.unlocked", "User unlocked"],
        ["11", "EventTypes.user.locked", "User locked"],
        ["10", "EventTypes.user.human.signed.out", "User signed out"],
        ["9", "EventTypes.user.reactivated", "User reactivated"],
        ["8", "EventTypes.user.deactivated", "User deactivated"],
        ["7", "EventTypes.user.unlocked", "User unlocked"],
        ["6", "EventTypes.user.locked", "User locked"],
        ["5", "EventTypes.user.human.profile.changed", "User profile changed"],
        ["4", "EventTypes.user.human.phone.changed", "Phone number changed"],
        ["3", "EventTypes.user.human.email.changed", "Email address changed"],
        ["2", "EventTypes.user.username.changed", "Username changed"],
        ["1", "EventTypes.user.human.added", "Person added"],
      ],
    );
    const [removed, , , expired] = changes;
    assert.match(String(removed?.editorId), /^key:/);
    assert.equal(removed?.resourceOwnerId, "default");
    assert.equal(expired?.editorId, "system");
    assert.equal(expired.changeDate, "2026-01-01T00:01:00Z");
  });

  test("of a machine has the types of machines", async (t) => {
    const lab = await startLab(t);
    await lab.rest("POST /management/v1/users/machine", {
      body: { userId: "robot", userName: "robot", name: "Robot" },
    });
    const profile = { email: "robot@example.com" };
    await lab.users.updateUser({ userId: "robot", profile, updateMask: { paths: ["profile.email"] } });
    assert.deepEqual(await typesOf(lab, "robot"), ["machine.changed", "machine.added"]);
  });

  test("is selected by sequence, limit and order", async (t) => {
    const lab = await startLab(t);
    await makeUsers(lab, ["ACTIVE"], () => "alice");
    for (const act of ["lock", "unlock", "lock"]) await lab.rest(`POST /v2/users/alice/${act}`);
    const sequences = async (query: JsonObject): Promise<readonly number[]> =>
      (await changesOf(lab, "alice", query)).map(({ sequence }) => Number(sequence));
    assert.deepEqual(await sequences({}), [4, 3, 2, 1]);
    assert.deepEqual(await sequences({ asc: true }), [1, 2, 3, 4]);
    assert.deepEqual(await sequences({ limit: 2 }), [4, 3]);
    assert.deepEqual(await sequences({ limit: 2, asc: true }), [1, 2]);
    assert.deepEqual(await sequences({ sequence: "2" }), [4, 3]);
    assert.deepEqual(await sequences({ sequence: "2", asc: true, limit: 1 }), [3]);
    assert.deepEqual(await sequences({ sequence: "99" }), []);
  });

  test("is empty for an unknown user and for one of another organization", async (t) => {
    const lab = await startLab(t);
    await lab.organizations.createOrganization({ organizationId: "acme" });
    await lab.users.createUser({ userId: "carol", organizationId: "acme" });
    assert.deepEqual(await typesOf(lab, "nobody"), []);
    assert.deepEqual(await typesOf(lab, "carol"), []);
    assert.deepEqual(await typesOf(lab, "carol", {}, { organization: "acme" }), ["human.added"]);
  });
});

describe("a history of many pages", () => {
  /** Events 1 to `count` in pages of 300, every second page empty. */
  function operationsOf(count: number): { readonly operations: Operations; readonly pages: () => number } {
    let pages = 0;
    const operations = {
      readUser: async (_: string, { scope }: { readonly scope: string | null }) =>
        scope === "default" ? { user: { person: { attributes: {} } } } : undefined,
      async listUserEvents({ order, after = "0" }: EventQuery): Promise<Page<RecordedEvent>> {
        pages++;
        const [from, isEmpty] = [Number.parseInt(after, 10), after.endsWith("!")];
        const all = Array.from({ length: count }, (_, i) => (order === "oldest_first" ? i + 1 : count - i));
        const items = isEmpty ? [] : all.slice(from, from + 300).map(recorded);
        const end = from + items.length;
        return { items, ...(end >= count ? {} : { next: isEmpty ? `${end}` : `${end}!` }) };
      },
    } as unknown as Operations;
    return { operations, pages: () => pages };
  }

  function recorded(sequence: number): RecordedEvent {
    const event = { type: "UserDeleted", time: 0, actor: "key:1", data: { reasonCode: "" }, personal: {} };
    return { sequence, organizationId: "default", event } as unknown as RecordedEvent;
  }

  const call = { signal: new AbortController().signal, pass: () => undefined };

  const sequencesOf = async (query: ChangesRequest["query"]): Promise<readonly bigint[]> => {
    const changes = await listUserChanges(operationsOf(1500).operations, { userId: "alice", query }, "default", call);
    return changes.map(({ sequence = 0n }) => sequence);
  };

  test("ends at 1,000 changes, whatever the limit, and continues from a sequence", async () => {
    for (const limit of [0, 5000]) {
      const oldest = await sequencesOf({ sequence: 0n, limit, asc: true });
      assert.deepEqual([oldest.length, oldest[0], oldest.at(-1)], [1000, 1n, 1000n]);
      const newest = await sequencesOf({ sequence: 0n, limit, asc: false });
      assert.deepEqual([newest.length, newest[0], newest.at(-1)], [1000, 1500n, 501n]);
    }
    const rest = await sequencesOf({ sequence: 1000n, limit: 0, asc: true });
    assert.deepEqual([rest.length, rest[0], rest.at(-1)], [500, 1001n, 1500n]);
    const few = await sequencesOf({ sequence: 1000n, limit: 0, asc: false });
    assert.deepEqual([few.length, few[0], few.at(-1)], [500, 1500n, 1001n]);
  });

  test("is not read at all in the name of another organization", async () => {
    const { operations, pages } = operationsOf(1500);
    assert.deepEqual(await listUserChanges(operations, { userId: "alice" }, "acme", call), []);
    assert.equal(pages(), 0);
  });

  test("is read only as far as the limit needs", async () => {
    for (const query of [
      { sequence: 1400n, limit: 0, asc: false },
      { sequence: 0n, limit: 5, asc: true },
    ]) {
      const { operations, pages } = operationsOf(1500);
      await listUserChanges(operations, { userId: "alice", query }, "default", call);
      assert.equal(pages(), 1);
    }
  });
});

test("imports, and starts and expiries of restrictions, have types too", () => {
  const typeOf = (type: string, data: object): string =>
    eventTypeOf({ type, data, time: 0, actor: "", personal: {} } as unknown as UserEvent, false);
  const nothing = { set: [], cleared: [] };
  assert.equal(typeOf("UserImported", { ...nothing, created: true }), "user.human.added");
  assert.equal(
    typeOf("UserImported", { set: ["profile.email"], cleared: [], created: false }),
    "user.human.email.changed",
  );
  assert.equal(typeOf("RestrictionStarted", { kind: "LOCK" }), "user.locked");
  assert.equal(typeOf("RestrictionStarted", { kind: "BAN" }), "user.locked");
  assert.equal(typeOf("RestrictionStarted", { kind: "DEACTIVATION" }), "user.deactivated");
  assert.equal(typeOf("RestrictionExpired", { kind: "DEACTIVATION" }), "user.reactivated");
  assert.equal(typeOf("UserUpdated", { ...nothing, emailVerified: true }), "user.human.email.changed");
});
