/** An engine that cannot read while a batch runs: what keysOf names in three rounds is all that the batch touches. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import Database from "better-sqlite3";
import type { CommandContext } from "../../../src/domain/command.ts";
import { FACTORS, INSTANCE_POLICY_ID } from "../../../src/domain/policy.ts";
import type { Command, Outcome } from "../../../src/store/commands.ts";
import { Batch } from "../../../src/store/commit/batch.ts";
import type { EntryKey, Kind, Stored } from "../../../src/store/commit/entries.ts";
import { keysOf } from "../../../src/store/commit/keys-of.ts";
import { type Loaders, WorkingSet } from "../../../src/store/commit/working-set.ts";
import { entryLoaders } from "../../../src/store/sqlite/write/entry-loaders.ts";
import { prepareHotStatements } from "../../../src/store/sqlite/write/hot-statements.ts";
import { writeChanges } from "../../../src/store/sqlite/write/write-batch.ts";
import { type Random, seededRandom } from "../../support/random.ts";
import { scaled } from "../../support/scale.ts";
import { begin, complete, record } from "../support/attempts.ts";
import {
  banUser,
  context,
  createApiKey,
  createOrganization,
  createUser,
  deleteUser,
  importUser,
  lockUser,
  ORGANIZATION_ID,
  redactEvent,
  revokeApiKey,
  rotateApiKey,
  settleUser,
  unbanUser,
  unlockUser,
  updateUser,
} from "../support/commands.ts";
import { openFixture, START_TIME } from "../support/sqlite-fixture.ts";

const ROUNDS_MAX = 3;
const BATCHES = scaled({ quick: 2_000, full: 2_000, soak: 20_000 });
const PLAIN = { reasonCode: "", note: "" } as const;

type Make = (random: Random, context: CommandContext) => Command;

let lastId = 0;
/** Sessions, API keys and attempts get each id once. */
const made = { session: 0, apiKey: 0, attempt: 0 };

function fresh(kind: keyof typeof made): string {
  return `${kind}-${made[kind]++}`;
}

function earlier(random: Random, kind: keyof typeof made): string {
  return `${kind}-${Math.max(0, made[kind] - 1 - random.below(3))}`;
}

const user = (random: Random): string => random.pick(["a", "b", "c", "d"]);
const organization = (random: Random): string => random.pick([ORGANIZATION_ID, "other", "third"]);
const subject = (random: Random) =>
  random.pick([{ userId: user(random) }, { userId: user(random) }, { shadow: "nobody" }]);
/** Of users, as commands have left them. */
const sequences = new Map<string, number>();
const restrictionId = (): string => `keys-${++lastId}`;
const short = { kind: "for", durationMs: 3_000 } as const;

const MAKE: { readonly [T in Command["type"]]: Make } = {
  CreateOrganization: (random, c) => createOrganization(organization(random), { context: c }),
  UpdateOrganization: (random, c) => ({
    type: "UpdateOrganization",
    organizationId: organization(random),
    defaultLockDurationMs: 1_000 * (1 + random.below(5)),
    context: c,
  }),
  CreateApiKey: (random, c) =>
    createApiKey(fresh("apiKey"), { organizationId: random.pick([null, organization(random)]), context: c }),
  RotateApiKey: (random, c) => rotateApiKey(earlier(random, "apiKey"), { secretHash: `hash-${++lastId}`, context: c }),
  RevokeApiKey: (random, c) => revokeApiKey(earlier(random, "apiKey"), { context: c }),
  CreateSession: (random, c) => ({
    type: "CreateSession",
    sessionId: fresh("session"),
    tokenHash: `token-${++lastId}`,
    userId: user(random),
    expiry: { kind: "for", durationMs: 60_000 },
    idleTimeoutMs: null,
    userAgent: "",
    ip: "",
    attributes: {},
    context: c,
  }),
  UpdateSession: (random, c) => ({
    type: "UpdateSession",
    sessionId: earlier(random, "session"),
    expiry: { kind: "for", durationMs: 90_000 },
    context: c,
  }),
  RevokeSession: (random, c) => ({
    type: "RevokeSession",
    sessionId: earlier(random, "session"),
    ifAlready: "succeed",
    context: c,
  }),
  UpdatePolicy: (random, c) => ({
    type: "UpdatePolicy",
    policyId: random.pick([INSTANCE_POLICY_ID, organization(random)]),
    values: { attemptsMax: { PASSWORD: 2 + random.below(3) }, resetOnUnlock: random.below(2) === 0 },
    cleared: [],
    context: c,
  }),
  ResetPolicy: (random, c) => ({
    type: "ResetPolicy",
    policyId: random.pick([INSTANCE_POLICY_ID, organization(random)]),
    context: c,
  }),
  BeginAttempt: (random, c) =>
    begin(subject(random), fresh("attempt"), { organizationId: organization(random), context: c }),
  RecordAttempt: (random, c) => ({
    ...record(subject(random), random.below(3) > 0),
    organizationId: organization(random),
    context: c,
  }),
  CompleteAttempt: (random, c) => ({ ...complete(earlier(random, "attempt"), random.below(3) === 0), context: c }),
  SettleAttempts: (random, c) => ({
    type: "SettleAttempts",
    subject: subject(random),
    factor: random.pick(FACTORS),
    restrictionId: restrictionId(),
    context: c,
  }),
  CreateUser: (random, c) => createUser(user(random), { organizationId: organization(random), context: c }),
  ImportUser: (random, c) =>
    importUser(user(random), {
      organizationId: organization(random),
      ifExists: random.pick(["error", "skip", "update"]),
      context: c,
    }),
  UpdateUser: (random, c) => updateUser(user(random), { profile: { email: "e" }, fields: ["email"], context: c }),
  DeleteUser: (random, c) =>
    deleteUser(random.pick(["a", "b"]), { ...(random.below(2) === 0 ? { erase: true } : {}), context: c }),
  RedactEvent: (random, c) => {
    const userId = user(random);
    const knownSequence = sequences.get(userId) ?? 1;
    const found = { knownSequence, position: 1 + random.below(40), names: ["note"], laterNames: [] };
    return redactEvent(userId, { eventSequence: 1, found, context: c });
  },
  LockUser: (random, c) =>
    lockUser(user(random), { expiry: random.pick([short, { kind: "default" }]), ifAlready: "restart", context: c }),
  UnlockUser: (random, c) => unlockUser(user(random), { context: c }),
  BanUser: (random, c) => banUser(user(random), { expiry: short, context: c }),
  UnbanUser: (random, c) => unbanUser(user(random), { context: c }),
  DeactivateUser: (random, c) => ({
    type: "DeactivateUser",
    userId: user(random),
    cause: "ADMIN",
    restrictionId: restrictionId(),
    ifAlready: "refuse",
    context: c,
    ...PLAIN,
  }),
  ReactivateUser: (random, c) => ({
    type: "ReactivateUser",
    userId: user(random),
    cause: "ADMIN",
    ifAlready: "refuse",
    context: c,
    ...PLAIN,
  }),
  RevokeUserSessions: (random, c) => ({ type: "RevokeUserSessions", userId: user(random), context: c, ...PLAIN }),
  SettleUser: (random) => settleUser(user(random)),
};

const MORE_OFTEN: readonly Command["type"][] = [
  "CreateUser",
  "UnlockUser",
  "UnbanUser",
  "ReactivateUser",
  "CreateSession",
  "BeginAttempt",
  "CompleteAttempt",
  "UpdateSession",
];

/** By the service itself, by an API key, as an earlier request, or only checked. */
function anyContext(random: Random, type: Command["type"]): CommandContext {
  switch (random.below(8)) {
    case 0:
      return context({ keyId: earlier(random, "apiKey") });
    case 1:
      return context({
        request: {
          rpc: type,
          id: `request-${random.below(3)}`,
          scope: "",
          content: Buffer.from(random.pick(["same", "same", "other"])),
        },
      });
    case 2:
      return context({ validateOnly: true });
    case 3:
      return context({ scope: organization(random) });
    default:
      return context();
  }
}

/** What a database is to an engine that reads asynchronously: many keys at once, and never while a batch runs. */
function loadAll(loaders: Loaders, keys: readonly EntryKey[]): readonly (Stored | undefined)[] {
  return keys.map(<K extends Kind>(key: EntryKey<K>) => {
    const load: (key: EntryKey<K>) => Stored<K> | undefined = loaders[key.kind];
    return load(key);
  });
}

/** Fills a set with what the commands name, and returns how many rounds that took. */
function fill(set: WorkingSet, commands: readonly Command[], loaders: Loaders): number {
  for (let rounds = 0; ; rounds++) {
    const named = commands.flatMap((command) => keysOf(command, set)).filter((key) => set.held(key) === undefined);
    const missing = [...new Map(named.map((key) => [`${key.kind} ${key.id}`, key])).values()];
    if (missing.length === 0) return rounds;
    for (const [index, stored] of loadAll(loaders, missing).entries()) set.put(missing[index] as EntryKey, stored);
  }
}

async function openDatabase(t: TestContext): Promise<Database.Database> {
  const { store, path } = await openFixture(t);
  await store.close();
  const database = new Database(path);
  t.after(() => database.close());
  database.pragma("synchronous = OFF");
  return database;
}

function runAll(set: WorkingSet, commands: readonly Command[], now: number) {
  const batch = new Batch(set, now, (session) => session);
  return { batch, outcomes: commands.map((command): Outcome => batch.execute(command)) };
}

describe("the keys of commands", () => {
  it(`name in ${ROUNDS_MAX} rounds all that a batch touches, of every kind (${BATCHES} batches)`, async (t) => {
    const random = seededRandom(t);
    const database = await openDatabase(t);
    const statements = prepareHotStatements(database);
    const loaders = entryLoaders(statements);
    const types = Object.keys(MAKE) as Command["type"][];
    // What others need, more often, so that each kind finds something to act on.
    const drawn = [...types, ...MORE_OFTEN, ...MORE_OFTEN];
    const succeeded = new Set<string>();
    let [now, replayed] = [START_TIME, 0];
    for (let batches = 0; batches < BATCHES; batches++) {
      now += random.pick([0, 1, 1_000, 4_000, 40_000]);
      const commands = Array.from({ length: 1 + random.below(8) }, () => {
        const type = random.pick(drawn);
        return MAKE[type](random, anyContext(random, type));
      });
      statements.begin.run();
      const filled = new WorkingSet();
      const rounds = fill(filled, commands, loaders);
      assert.ok(rounds <= ROUNDS_MAX, `${rounds} rounds for ${JSON.stringify(commands)}`);
      const { outcomes } = runAll(filled, commands, now);
      const live = runAll(new WorkingSet(loaders), commands, now);
      assert.deepEqual(outcomes, live.outcomes);
      for (const [index, outcome] of outcomes.entries()) {
        if (outcome.ok) succeeded.add(commands[index]?.type ?? "");
        if (outcome.ok && outcome.replayed) replayed++;
        if (outcome.ok && "state" in outcome.resource) {
          sequences.set(outcome.resource.state.id, outcome.resource.state.sequence);
        }
      }
      writeChanges(statements, now, live.batch.changes);
      statements.commit.run();
    }
    assert.deepEqual([...succeeded].toSorted(), types.toSorted(), "each kind was accepted at least once");
    assert.ok(replayed > 0);
  });

  it("of a completed attempt take two rounds: its row names the counter, the user and the policies", async (t) => {
    const statements = prepareHotStatements(await openDatabase(t));
    const loaders = entryLoaders(statements);
    const before = runAll(new WorkingSet(loaders), [createUser("u"), begin({ userId: "u" }, "a")], START_TIME);
    statements.begin.run();
    writeChanges(statements, START_TIME, before.batch.changes);
    statements.commit.run();
    const set = new WorkingSet();
    assert.equal(fill(set, [complete("a")], loaders), 2);
    const [outcome] = runAll(set, [complete("a")], START_TIME).outcomes;
    assert.ok(outcome?.ok);
  });

  it("are needed: a set without loaders refuses what it was not given", () => {
    const command = lockUser("a");
    assert.throws(() => runAll(new WorkingSet(), [command], START_TIME), /the user "a" was not loaded/);
  });
});
