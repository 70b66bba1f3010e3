/** What a batch holds in memory: each resource is loaded once, seen by all its commands, and written once at the end. */

import { type ApiKey, isLastingOwner } from "../../domain/api-key.ts";
import { type Attempt, type AttemptCounter, type AttemptSubject, NO_ATTEMPTS } from "../../domain/attempt.ts";
import type { Instance } from "../../domain/instance.ts";
import type { Organization } from "../../domain/organization.ts";
import type { Factor, StoredPolicy } from "../../domain/policy.ts";
import type { Session } from "../../domain/session.ts";
import { EMPTY_PERSON, type Person, type User, type UserState } from "../../domain/user.ts";
import { toAttempt, toCounter, toStoredPolicy, toSubjectKey } from "../sqlite/attempt-rows.ts";
import { toApiKey, toOrganization, toPerson, toSession, toUserState } from "../sqlite/rows.ts";
import type { HotStatements } from "../sqlite/write/hot-statements.ts";

/** What all resources have in common for the log. */
export interface Entry {
  readonly id: string;
  /** There is a row already. */
  readonly exists: boolean;
  /** The position of the resource's last event; grows as the batch's events get theirs. */
  lastPosition: number | null;
  /** The row is to be written. */
  isChanged: boolean;
}

export interface UserEntry extends Entry {
  readonly kind: "user";
  state: UserState | undefined;
  person: Person;
  isPersonChanged: boolean;
}

export interface OrganizationEntry extends Entry {
  readonly kind: "organization";
  organization: Organization | undefined;
}

export interface ApiKeyEntry extends Entry {
  readonly kind: "apiKey";
  key: ApiKey | undefined;
  /** Hashes of the secrets that this batch rotated away. */
  readonly formerHashes: string[];
}

export interface SessionEntry extends Entry {
  readonly kind: "session";
  session: Session | undefined;
  tokenHash: string;
}

export interface PolicyEntry extends Entry {
  readonly kind: "policy";
  policy: StoredPolicy | undefined;
}

export interface CounterEntry extends Entry {
  readonly kind: "counter";
  readonly subject: AttemptSubject;
  readonly factor: Factor;
  counter: AttemptCounter;
  /** What is made up for an unknown user. */
  shadowState: UserState | undefined;
  /** Until when an unknown user's counter is kept before others; `undefined`: it rests from now on. */
  keptUntil: number | undefined;
  /** Attempts that ran out of time, counted by this batch. */
  readonly expiredIds: string[];
}

export interface AttemptEntry extends Entry {
  readonly kind: "attempt";
  attempt: Attempt | undefined;
}

/** There is one, always. */
export interface InstanceEntry extends Entry {
  readonly kind: "instance";
  instance: Instance;
}

export type AnyEntry =
  | InstanceEntry
  | UserEntry
  | OrganizationEntry
  | ApiKeyEntry
  | SessionEntry
  | PolicyEntry
  | CounterEntry
  | AttemptEntry;

export class WorkingSet {
  readonly #statements: HotStatements;
  readonly #users = new Map<string, UserEntry>();
  readonly #organizations = new Map<string, OrganizationEntry>();
  readonly #keys = new Map<string, ApiKeyEntry>();
  readonly #sessions = new Map<string, SessionEntry>();
  readonly #policies = new Map<string, PolicyEntry>();
  readonly #counters = new Map<string, CounterEntry>();
  readonly #attempts = new Map<string, AttemptEntry>();
  #instance: InstanceEntry | undefined;

  constructor(statements: HotStatements) {
    this.#statements = statements;
  }

  instance(): InstanceEntry {
    if (this.#instance !== undefined) return this.#instance;
    const row = this.#statements.readInstance.get();
    if (row === undefined) throw new Error("the database has no instance: the row of the table is missing");
    const { generation, sequence, change_time: changeTime, last_position: lastPosition } = row;
    const instance = { generation, sequence, changeTime };
    this.#instance = { kind: "instance", id: "", exists: true, lastPosition, isChanged: false, instance };
    return this.#instance;
  }

  user(id: string): UserEntry {
    const known = this.#users.get(id);
    if (known !== undefined) return known;
    const row = this.#statements.readUserState.get(id);
    const entry: UserEntry = {
      kind: "user",
      id,
      exists: row !== undefined,
      lastPosition: row?.last_position ?? null,
      isChanged: false,
      state: row === undefined ? undefined : toUserState(row),
      person: row === undefined ? EMPTY_PERSON : readPerson(this.#statements, id),
      isPersonChanged: false,
    };
    this.#users.set(id, entry);
    return entry;
  }

  organization(id: string): OrganizationEntry {
    const known = this.#organizations.get(id);
    if (known !== undefined) return known;
    const row = this.#statements.readOrganization.get(id);
    const entry: OrganizationEntry = {
      kind: "organization",
      id,
      exists: row !== undefined,
      lastPosition: row?.last_position ?? null,
      isChanged: false,
      organization: row === undefined ? undefined : toOrganization(row),
    };
    this.#organizations.set(id, entry);
    return entry;
  }

  apiKey(id: string): ApiKeyEntry {
    const known = this.#keys.get(id);
    if (known !== undefined) return known;
    const row = this.#statements.readApiKey.get(id);
    const entry: ApiKeyEntry = {
      kind: "apiKey",
      id,
      exists: row !== undefined,
      lastPosition: row?.last_position ?? null,
      isChanged: false,
      key: row === undefined ? undefined : toApiKey(row),
      formerHashes: [],
    };
    this.#keys.set(id, entry);
    return entry;
  }

  session(id: string): SessionEntry {
    const known = this.#sessions.get(id);
    if (known !== undefined) return known;
    const row = this.#statements.readSession.get(id);
    const entry: SessionEntry = {
      kind: "session",
      id,
      exists: row !== undefined,
      lastPosition: null,
      isChanged: false,
      session: row === undefined ? undefined : toSession(row),
      tokenHash: row?.token_hash ?? "",
    };
    this.#sessions.set(id, entry);
    return entry;
  }

  policy(id: string): PolicyEntry {
    const known = this.#policies.get(id);
    if (known !== undefined) return known;
    const row = this.#statements.readPolicy.get(id);
    const entry: PolicyEntry = {
      kind: "policy",
      id,
      exists: row !== undefined,
      lastPosition: row?.last_position ?? null,
      isChanged: false,
      policy: row === undefined ? undefined : toStoredPolicy(row),
    };
    this.#policies.set(id, entry);
    return entry;
  }

  counter(subject: AttemptSubject, factor: Factor): CounterEntry {
    const id = `${toSubjectKey(subject)} ${factor}`;
    const known = this.#counters.get(id);
    if (known !== undefined) return known;
    const row = this.#statements.readCounter.get(toSubjectKey(subject), factor);
    const entry: CounterEntry = {
      kind: "counter",
      id,
      exists: row !== undefined,
      lastPosition: null,
      isChanged: false,
      subject,
      factor,
      counter: row === undefined ? NO_ATTEMPTS : toCounter(row),
      shadowState: row?.shadow_state ? (JSON.parse(row.shadow_state) as UserState) : undefined,
      keptUntil: undefined,
      expiredIds: [],
    };
    this.#counters.set(id, entry);
    return entry;
  }

  attempt(id: string): AttemptEntry {
    const known = this.#attempts.get(id);
    if (known !== undefined) return known;
    const row = this.#statements.readAttempt.get(id);
    const entry: AttemptEntry = {
      kind: "attempt",
      id,
      exists: row !== undefined,
      lastPosition: null,
      isChanged: false,
      attempt: row === undefined ? undefined : toAttempt(row),
    };
    this.#attempts.set(id, entry);
    return entry;
  }

  /** How many lasting instance owner keys there are beside this one, the batch's own changes included. */
  countOtherOwners(id: string): number {
    const owners = new Set(this.#statements.readLastingOwners.all());
    for (const { id: changedId, key } of this.#keys.values()) {
      if (key !== undefined && isLastingOwner(key)) owners.add(changedId);
      else owners.delete(changedId);
    }
    owners.delete(id);
    return owners.size;
  }

  *changed(): Generator<AnyEntry> {
    if (this.#instance?.isChanged === true) yield this.#instance;
    const all = [
      this.#users,
      this.#organizations,
      this.#keys,
      this.#sessions,
      this.#policies,
      this.#counters,
      this.#attempts,
    ];
    for (const entries of all) for (const entry of entries.values()) if (entry.isChanged) yield entry;
  }
}

/** A user as its rows say, due restrictions not yet settled. */
export function readUserRows(
  statements: HotStatements,
  id: string,
): { readonly user: User; readonly lastPosition: number } | undefined {
  const row = statements.readUserState.get(id);
  return (
    row && { user: { state: toUserState(row), person: readPerson(statements, id) }, lastPosition: row.last_position }
  );
}

function readPerson(statements: HotStatements, id: string): Person {
  const row = statements.readPerson.get(id);
  return row === undefined ? EMPTY_PERSON : toPerson(row);
}
