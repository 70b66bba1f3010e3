/** A person whose values stand wherever a personal value can, and what readers see of it. */
import assert from "node:assert/strict";
import type { RedactEvent } from "../../../src/domain/command.ts";
import { findEvent } from "../../../src/service/operations/events.ts";
import { replayUser } from "../../../src/store/log/replay.ts";
import type { ListedEvent } from "../../../src/store/queries.ts";
import { begin, kept, record, setPolicy } from "../support/attempts.ts";
import * as commands from "../support/commands.ts";
import { verify } from "../support/history-engines.ts";
import { resourceOf } from "../support/outcomes.ts";
import type { ContractStore } from "./contract.ts";

const { context, createUser, deleteUser, requestContext } = commands;

/** In every personal value that these tests write. */
export const SECRET = "Lovelace";

export const PERSON = {
  profile: { username: `${SECRET} 1`, email: `${SECRET}@example.com`, locale: "en" },
  attributes: { billing: JSON.stringify({ name: SECRET, long: "x".repeat(9_000) }) },
} as const;

export function createSession(sessionId: string, userId = "u") {
  return {
    type: "CreateSession",
    ...{ sessionId, tokenHash: `token of ${sessionId}`, idleTimeoutMs: null, userId },
    expiry: { kind: "default" },
    ...{ userAgent: SECRET, ip: "192.0.2.77", attributes: { x: JSON.stringify(SECRET) } },
    context: context(),
  } as const;
}

export const EXTEND = {
  type: "UpdateSession",
  sessionId: "s1",
  expiry: { kind: "for", durationMs: 90_000 },
  context: requestContext("extend"),
} as const;

/** Whether something that a reader gets tells anything of the person. */
export function tells(seen: unknown): boolean {
  const text = JSON.stringify(seen, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value));
  return text.toLowerCase().includes(SECRET.toLowerCase()) || text.includes("192.0.2.77");
}

export async function eventsOf({ store }: ContractStore, userId = "u"): Promise<readonly ListedEvent[]> {
  const page = await store.listUserEvents({ userId, order: "oldest_first", pageSize: 1_000 });
  assert.equal(page.next, undefined);
  return page.items;
}

/** Everything that a reader can ask for a user, and for the sessions that the tests open. */
export async function seen(opened: ContractStore): Promise<unknown> {
  const { store } = opened;
  const query = { userId: "u", order: "newest_first", pageSize: 1_000 } as const;
  return [
    await store.readUser("u"),
    (await store.listUserEvents(query)).items,
    await eventsOf(opened),
    await store.listSessions({ organizationId: null, userId: "u", activeOnly: false, pageSize: 100 }),
    await store.listSessions({ organizationId: null, activeOnly: false, pageSize: 100 }),
    await store.readSession({ id: "s1", scope: null }, { touch: false }),
    await store.readSession({ tokenHash: "token of s2", scope: null }, { touch: false }),
    await kept(opened),
    await store.findByIdentifier("default", `${SECRET} 1`),
  ];
}

/** A user whose values stand wherever a personal value can. */
export async function withPerson(opened: ContractStore): Promise<ContractStore["store"]> {
  const { store, clock } = opened;
  const done = async (command: Parameters<typeof store.execute>[0]) => resourceOf(await store.execute(command));
  await done(setPolicy({ attemptsMax: { PASSWORD: 5 } }));
  await done(createUser("u", { ...PERSON, note: SECRET, context: requestContext("create") }));
  await done(createSession("s1"));
  await done(createSession("s2"));
  await done(EXTEND);
  await done({ ...record({ userId: "u" }), ip: "192.0.2.77", userAgent: SECRET });
  await done({ ...begin({ userId: "u" }, "under-way"), ip: "192.0.2.77", userAgent: SECRET });
  await done(commands.banUser("u", { note: SECRET, expiry: { kind: "never" } }));
  clock.time += 10;
  return store;
}

/** Asserts that the row of the user is what its events give, and that they and what is erased agree. */
export async function assertReplays(opened: ContractStore, userId = "u"): Promise<void> {
  assert.deepEqual(replayUser(await eventsOf(opened, userId)), await opened.store.readUser(userId));
  assert.deepEqual((await verify(opened.store)).faults, []);
}

export function erase(more: Parameters<typeof deleteUser>[1] = {}) {
  return deleteUser("u", { erase: true, ...more });
}

export async function redact(
  { store }: ContractStore,
  eventSequence: number,
  fields: readonly string[] = [],
  more: Partial<RedactEvent> = {},
) {
  const user = (await store.readUser("u")) ?? assert.fail();
  const found = await findEvent(store, user, eventSequence, {});
  const command = commands.redactEvent("u", { eventSequence, fields, ...(found ? { found } : {}), ...more });
  return store.execute(command);
}
