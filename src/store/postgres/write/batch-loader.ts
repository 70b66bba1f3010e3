/** Loads what the commands of a batch touch, in as few flights as their keys allow: one as a rule. */
import type { Factor } from "../../../domain/policy.ts";
import type { Command } from "../../commands.ts";
import { counterKey, type EntryKey, type Kind, type Stored } from "../../commit/entries.ts";
import { keysOf } from "../../commit/keys-of.ts";
import type { WorkingSet } from "../../commit/working-set.ts";
import type { PrivateValues } from "../../log/event-encoding.ts";
import { toAttempt, toCounter, toShadowState, toStoredPolicy } from "../../rows/attempt-rows.ts";
import { toErasure } from "../../rows/erasure-rows.ts";
import { toUser, type UserRow } from "../../rows/narrow-rows.ts";
import { toApiKey, toOrganization, toSession } from "../../rows/rows.ts";
import type {
  ApiKeyTable,
  AttemptTable,
  ErasureTable,
  EventPrivateTable,
  InstanceTable,
  OrganizationTable,
  PolicyTable,
  SessionTable,
} from "../../rows/schema.ts";
import { toSubject, toSubjectKey } from "../../rows/subject-key.ts";
import type { Connection } from "../connect/connection.ts";
import { inOrder } from "../connect/in-order.ts";
import { type ConfigurationKind, type ConfigurationRows, isConfiguration } from "./configuration-rows.ts";
import { LOAD_ERASURES, LOAD_PRIVATE } from "./erasure-statements.ts";
import * as sql from "./load-statements.ts";
import { RequestLoader } from "./request-loader.ts";

/** Each round names what the one before has found; keysOf promises three. */
const ROUNDS_MAX = 5;

/** The keys that one flight loads, by kind. */
type Wanted = { readonly [K in Kind]: Map<string, EntryKey<K>> };

export class BatchLoader {
  readonly #connection: Connection;
  readonly #commands: readonly Command[];
  readonly #set: WorkingSet;
  readonly #configuration: ConfigurationRows;
  readonly #requests: RequestLoader;
  /** Characters of the persons that were loaded. */
  personChars = 0;

  constructor(connection: Connection, commands: readonly Command[], set: WorkingSet, configuration: ConfigurationRows) {
    this.#connection = connection;
    this.#commands = commands;
    this.#set = set;
    this.#configuration = configuration;
    this.#requests = new RequestLoader(connection, commands);
  }

  /**
   * Sends the first flight, which may go with BEGIN and the head: what is read after the head is taken stays so until
   * COMMIT. The configuration is left out where it is kept: only the head tells whether that still stands.
   */
  sendFirst(): Promise<unknown> {
    return this.#send(this.#wanted((key) => isConfiguration(key) && this.#configuration.has(key)));
  }

  /**
   * Loads the rest; call it when the first flight has arrived and `ConfigurationRows.use` has seen the head. Returns how
   * many of the commands have what they need, at least one.
   */
  async loadRest(): Promise<number> {
    for (let round = 0; round < ROUNDS_MAX; round++) {
      this.#takeKept();
      const wanted = this.#wanted(() => false);
      const isComplete = Object.values(wanted).every((keys) => keys.size === 0);
      if (isComplete) return await this.#requests.loadAnswers(this.#set);
      await this.#connection.flight(() => this.#send(wanted));
    }
    throw new Error(`batch: ${ROUNDS_MAX} rounds did not name all that its commands need`);
  }

  #takeKept(): void {
    for (const key of this.#missing()) {
      if (isConfiguration(key) && this.#configuration.has(key)) this.#set.put(key, this.#configuration.get(key));
    }
  }

  *#missing(): Generator<EntryKey> {
    for (const command of this.#commands) {
      for (const key of keysOf(command, this.#set)) if (this.#set.held(key) === undefined) yield key;
    }
  }

  #wanted(isLeftOut: (key: EntryKey) => boolean): Wanted {
    const wanted: Wanted = {
      instance: new Map(),
      user: new Map(),
      organization: new Map(),
      apiKey: new Map(),
      lastingOwners: new Map(),
      session: new Map(),
      policy: new Map(),
      counter: new Map(),
      countedFactors: new Map(),
      attempt: new Map(),
      request: new Map(),
      personal: new Map(),
      erasure: new Map(),
    };
    for (const key of this.#missing()) {
      const keys: Map<string, EntryKey> = wanted[key.kind];
      if (!isLeftOut(key)) keys.set(key.id, key);
    }
    return wanted;
  }

  #send(wanted: Wanted): Promise<unknown> {
    return inOrder([
      this.#loadUsers(wanted),
      this.#loadCounters(wanted),
      this.#loadByIds(wanted.session, sql.LOAD_SESSIONS, (row: SessionTable) => ({
        session: toSession(row),
        tokenHash: row.token_hash,
      })),
      this.#loadByIds(wanted.attempt, sql.LOAD_ATTEMPTS, (row: AttemptTable) => ({ attempt: toAttempt(row) })),
      this.#loadByIds(wanted.organization, sql.LOAD_ORGANIZATIONS, (row: OrganizationTable) => ({
        organization: toOrganization(row),
        lastPosition: row.last_position,
      })),
      this.#loadByIds(wanted.apiKey, sql.LOAD_API_KEYS, (row: ApiKeyTable) => ({
        key: toApiKey(row),
        lastPosition: row.last_position,
      })),
      this.#loadByIds(wanted.policy, sql.LOAD_POLICIES, (row: PolicyTable) => ({
        policy: toStoredPolicy(row),
        lastPosition: row.last_position,
      })),
      this.#loadFactors(wanted),
      this.#loadOwners(wanted),
      this.#loadInstance(wanted),
      this.#loadPersonal(wanted),
      this.#loadErasures(wanted),
      this.#requests.load(this.#set, [...wanted.request.values()]),
    ]);
  }

  async #loadByIds<K extends Kind, R extends { readonly id: string }>(
    keys: ReadonlyMap<string, EntryKey<K>>,
    statement: { readonly name: string; readonly text: string },
    toStored: (row: R) => Stored<K>,
  ): Promise<void> {
    if (keys.size === 0) return;
    const rows = await this.#connection.rows<R>(statement, [[...keys.keys()]]);
    const found = new Map(rows.map((row) => [row.id, row]));
    for (const [id, key] of keys) {
      const row = found.get(id);
      this.#put(key, row && toStored(row));
    }
  }

  /** Users that sessions and attempts name come with them. */
  async #loadUsers({ user, session, attempt }: Wanted): Promise<void> {
    if (user.size + session.size + attempt.size === 0) return;
    const values = [user, session, attempt].map((keys) => [...keys.keys()]);
    const found = new Set<string>();
    for (const row of await this.#connection.arrays<UserRow>(sql.LOAD_USERS, values)) {
      found.add(row[0]);
      this.personChars += row[9]?.length ?? 0;
      this.#putNew({ kind: "user", id: row[0] }, { ...toUser(row), lastPosition: row[7] });
    }
    for (const [id, key] of user) if (!found.has(id)) this.#putNew(key, undefined);
  }

  async #loadCounters({ counter, attempt }: Wanted): Promise<void> {
    if (counter.size + attempt.size === 0) return;
    const keys = [...counter.values()];
    const rows = await this.#connection.rows<sql.LoadedCounter>(sql.LOAD_COUNTERS, [
      keys.map(({ subject }) => toSubjectKey(subject)),
      keys.map(({ factor }) => factor),
      [...attempt.keys()],
    ]);
    for (const row of rows) {
      const key = counterKey(toSubject(row.subject), row.factor as Factor);
      this.#putNew(key, toStoredCounter(row));
    }
    for (const key of keys) this.#putNew(key, undefined);
  }

  async #loadFactors({ countedFactors }: Wanted): Promise<void> {
    if (countedFactors.size === 0) return;
    const rows = await this.#connection.rows<{ readonly subject: string; readonly factor: Factor }>(sql.LOAD_FACTORS, [
      [...countedFactors.keys()],
    ]);
    const factors = Map.groupBy(rows, ({ subject }) => subject);
    for (const [id, key] of countedFactors) {
      this.#set.put(key, { factors: (factors.get(id) ?? []).map(({ factor }) => factor) });
    }
  }

  async #loadOwners({ lastingOwners }: Wanted): Promise<void> {
    for (const key of lastingOwners.values()) {
      const rows = await this.#connection.rows<{ readonly id: string }>(sql.LOAD_LASTING_OWNERS);
      this.#put(key, { ids: rows.map(({ id }) => id) });
    }
  }

  async #loadInstance({ instance }: Wanted): Promise<void> {
    for (const key of instance.values()) {
      const [row] = await this.#connection.rows<InstanceTable>(sql.LOAD_INSTANCE);
      if (row === undefined) throw new Error("the database has no instance: the row of the table is missing");
      const { generation, sequence, change_time: changeTime, last_position: lastPosition } = row;
      this.#set.put(key, { instance: { generation, sequence, changeTime }, lastPosition });
    }
  }

  async #loadPersonal({ personal }: Wanted): Promise<void> {
    if (personal.size === 0) return;
    const rows = await this.#connection.rows<EventPrivateTable>(LOAD_PRIVATE, [[...personal.keys()]]);
    const found = new Map(rows.map((row) => [String(row.position), row]));
    for (const [id, key] of personal) {
      const row = found.get(id);
      this.#set.put(key, row && { values: JSON.parse(row.personal) as PrivateValues });
    }
  }

  async #loadErasures({ erasure }: Wanted): Promise<void> {
    if (erasure.size === 0) return;
    const rows = await this.#connection.rows<ErasureTable>(LOAD_ERASURES, [[...erasure.keys()]]);
    const found = new Map(rows.map((row) => [row.user_id, row]));
    for (const [id, key] of erasure) {
      const row = found.get(id);
      this.#set.put(key, row && { erasure: toErasure(row) });
    }
  }

  #put<K extends Kind>(key: EntryKey<K>, stored: Stored<K> | undefined): void {
    const any: EntryKey = key as EntryKey;
    if (isConfiguration(any)) this.#configuration.keep(any, stored as Stored<ConfigurationKind> | undefined);
    this.#set.put(key, stored);
  }

  /** What two keys of one flight have found is put once. */
  #putNew<K extends Kind>(key: EntryKey<K>, stored: Stored<K> | undefined): void {
    if (this.#set.held(key) === undefined) this.#set.put(key, stored);
  }
}

function toStoredCounter(row: sql.LoadedCounter): Stored<"counter"> | undefined {
  const { failures, locks, life, places } = row;
  if (failures === null || locks === null || life === null) {
    if (places === null) return undefined;
    const counter = toCounter(undefined, places);
    return { counter, stored: counter };
  }
  const counter = toCounter({ failures, locks, life }, places ?? undefined);
  return { counter, stored: counter, shadowState: toShadowState(row) };
}
