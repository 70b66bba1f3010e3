/** A database with rows of every kind, and everything that readers of a store can see of it. */
import type { Store } from "../../../src/store/store.ts";
import type { Random } from "../../support/random.ts";
import type { ContractStore } from "../contract/contract.ts";
import { begin, complete, kept, record, setPolicy } from "./attempts.ts";
import * as commands from "./commands.ts";
import { resourceOf } from "./outcomes.ts";
import { EVERYBODY, fill, ORDERS, searchOf } from "./predicates.ts";

const { context, requestContext } = commands;

/** Ids whose order differs between languages, in UTF-16 and in UTF-8. */
const ODD_IDS = ["Zoë", "zoe", "éclair", "\ufb01n", "😀", "\uffee", "a\\b", 'a"b', "{a,b}", "NULL", "-"] as const;

export const LOCK_REQUEST = () => commands.lockUser("Zoë", { note: "n", context: requestContext("lock") });
/** A session of a user, whose token has this hash. */
export const TOKEN_HASH = "ab".repeat(32);

function createSession(sessionId: string, tokenHash: string, idleTimeoutMs: number | null) {
  return {
    type: "CreateSession",
    ...{ sessionId, tokenHash, idleTimeoutMs, userId: "Zoë" },
    expiry: { kind: "default" },
    userAgent: "Browser",
    ip: "192.0.2.1",
    attributes: { device: '{"name":"\\u0000 é"}' },
    context: context(),
  } as const;
}

/** Fills every table of a store that has the organization `default` alone. */
export async function fillEveryTable(opened: ContractStore, random: Random): Promise<void> {
  const { store, clock } = opened;
  const done = async (command: Parameters<Store["execute"]>[0]) => resourceOf(await store.execute(command));
  await fill(opened, random);
  for (const id of ODD_IDS) {
    await done(commands.createUser(id, { profile: { username: `name of ${id}` }, attributes: { x: '["\\u0000"]' } }));
  }
  await done(setPolicy({ attemptsMax: { PASSWORD: 3 } }));
  await done(commands.createApiKey("plain"));
  await done(commands.createApiKey("rotated", { organizationId: "other", expireTime: clock.time + 1_000_000 }));
  await done(commands.rotateApiKey("rotated", { overlapMs: 3_600_000 }));
  await done(commands.createApiKey("revoked"));
  await done(commands.revokeApiKey("revoked"));
  await done(createSession("plain", TOKEN_HASH, null));
  await done(createSession("idle", "cd".repeat(32), 600_000));
  await done(createSession("revoked", "ef".repeat(32), null));
  await done({ type: "RevokeSession", sessionId: "revoked", ifAlready: "refuse", context: context() });
  await done(LOCK_REQUEST());
  await done(commands.lockUser("éclair", { startTime: clock.time + 60_000 }));
  await done(record({ userId: "zoe" }));
  await done(begin({ userId: "zoe" }, "under-way"));
  await done(begin({ userId: "😀" }, "ended"));
  await done(complete("ended"));
  await done(commands.createUser("erased", { note: "n" }));
  await done(commands.deleteUser("erased", { erase: true }));
  await done(record({ shadow: await store.shadowOf("default", { identifier: "nobody" }) }));
  await store.touchApiKeys(new Map([["plain", "2026-01-01"]]));
  clock.time += 10;
}

/** Returns everything that readers see: equal on two stores that hold the same at the same time. */
export async function everythingIn(opened: ContractStore): Promise<Readonly<Record<string, unknown>>> {
  const { store } = opened;
  const all = { organizationId: null, where: EVERYBODY, showDeleted: true, pageSize: 1_000 } as const;
  const users = await store.listUsers({ ...all, order: "creation_asc" });
  const ids = users.items.map(({ state }) => state.id);
  const events = ids.map(async (userId) => {
    const { items, next } = await store.listUserEvents({ userId, order: "oldest_first", pageSize: 100 });
    // Bytes have another class on each engine.
    return { next, items: items.map((event) => ({ ...event, hash: Buffer.from(event.hash).toString("hex") })) };
  });
  const signIns = ids.map((userId) => store.readSignIn({ userId, factor: "PASSWORD" }));
  const sessions = ["plain", "idle", "revoked"].map((id) => store.readSession({ id, scope: null }, { touch: false }));
  const keys = await store.listApiKeys({ organizationId: null, pageSize: 100 });
  return {
    users,
    changed: await store.listUsers({ ...all, order: "change_desc" }),
    read: await Promise.all(ids.map((id) => store.readUser(id))),
    events: await Promise.all(events),
    signIns: await Promise.all(signIns),
    searched: await Promise.all(
      ORDERS.map((by) => store.searchUsers(searchOf({ order: { by, descending: true }, limit: 1_000 }))),
    ),
    sessions: await Promise.all(sessions),
    listed: await store.listSessions({ organizationId: null, activeOnly: false, pageSize: 100 }),
    token: await store.readSession({ tokenHash: TOKEN_HASH, scope: null }, { touch: false }),
    keys,
    byFormerSecret: await store.readApiKey({ secretHash: "hash-of-rotated" }),
    effective: new Set(await store.loadApiKeys()),
    policies: await Promise.all(["default", ""].map((id) => store.readPolicy(id))),
    organizations: await store.listOrganizations({ pageSize: 100 }),
    attempts: await kept(opened),
    shadow: await store.shadowOf("default", { identifier: "Nobody" }),
    found: await store.findByIdentifier("default", "NAME of Zoë"),
    generation: store.generation,
    now: await store.now(),
  };
}
