/** The resources that a batch holds in memory, and the keys by which an engine loads them. */
import type { ApiKey } from "../../domain/api-key.ts";
import { type Attempt, type AttemptCounter, type AttemptSubject, NO_ATTEMPTS } from "../../domain/attempt.ts";
import type { CommandContext, RequestName } from "../../domain/command.ts";
import { FIRST_GENERATION, type Instance } from "../../domain/instance.ts";
import type { Organization } from "../../domain/organization.ts";
import type { Factor, StoredPolicy } from "../../domain/policy.ts";
import type { Session } from "../../domain/session.ts";
import { EMPTY_PERSON, type Person, type UserState } from "../../domain/user.ts";
import type { Command, DomainEvent, ResourceOf } from "../commands.ts";
import type { PrivateValues } from "../log/event-encoding.ts";
import { toSubjectKey } from "../rows/subject-key.ts";

/** The answer to an earlier request: the resource as that request left it. */
export interface Answer {
  readonly resource: ResourceOf<Command>;
  /** The request's own last event, if it had one. */
  readonly event?: DomainEvent;
}

export interface RememberedRequest {
  readonly content: Uint8Array;
  /** When it was answered first, in milliseconds since the epoch. */
  readonly time: number;
  /** Called only for a repeated request with the same content: an engine may build the answer here. */
  readonly answer: () => Answer;
}

/** What an entry of each kind holds. */
interface Fields {
  /** There is one instance, always. */
  readonly instance: { instance: Instance };
  readonly user: { state: UserState | undefined; person: Person; isPersonChanged: boolean };
  readonly organization: { organization: Organization | undefined };
  readonly apiKey: {
    key: ApiKey | undefined;
    /** Hashes of the secrets that this batch rotated away. */
    readonly formerHashes: string[];
  };
  /** Ids of the instance owner keys that neither expire nor are revoked. */
  readonly lastingOwners: { readonly ids: readonly string[] };
  readonly session: { session: Session | undefined; tokenHash: string };
  readonly policy: { policy: StoredPolicy | undefined };
  readonly counter: {
    readonly subject: AttemptSubject;
    readonly factor: Factor;
    counter: AttemptCounter;
    /** The counter before this batch: an engine writes only what differs. */
    readonly stored: AttemptCounter;
    /** The state that stands in for an unknown user. */
    shadowState: UserState | undefined;
    /** Until when an unknown user's counter is kept in preference to others; `undefined`: it rests from now on. */
    keptUntil: number | undefined;
    /** Attempts that ran out of time and were counted by this batch. */
    readonly expiredIds: string[];
  };
  /** The factors for which a counter of the subject is stored. The id is the subject's key. */
  readonly countedFactors: { readonly factors: readonly Factor[] };
  readonly attempt: { attempt: Attempt | undefined };
  readonly request: { request: RememberedRequest | undefined };
  /** The personal values of one event that are left. The id is its position. */
  readonly personal: { values: PrivateValues | undefined };
  readonly erasure: {
    erasure: Erasure | undefined;
    /** The user whose history the eraser walks from its last event; `undefined`: no walk begins with this batch. */
    walks: Entry<"user"> | undefined;
  };
}

/** The erasure of a user, under way or ended. */
export interface Erasure {
  /** Events before this one lose their personal values, and attempts of lives before it are deleted; 0: none. */
  readonly sequence: number;
  /** Sessions under a lower epoch are deleted. */
  readonly epoch: number;
  /** Remembered answers up to this time lose their personal values. Milliseconds since the epoch. */
  readonly time: number;
  /** The position at which the walk through the history goes on; `null`: it has ended. */
  readonly nextPosition: number | null;
}

export type Kind = keyof Fields;

/** What all entries have in common. */
interface Common<K extends Kind> {
  readonly kind: K;
  readonly id: string;
  /** Whether the resource is stored already. */
  readonly exists: boolean;
  /** The position of the resource's last event. The engine moves it as the batch's events get their positions. */
  lastPosition: number | null;
  /** Whether the engine must write the resource. */
  isChanged: boolean;
}

export type Entry<K extends Kind = Kind> = { [E in K]: Common<E> & Fields[E] }[K];

/** The fields of a resource that an engine has read. */
export type Stored<K extends Kind = Kind> = {
  [E in K]: Partial<Fields[E]> & { readonly lastPosition?: number | null };
}[K];

/** Names an entry. Two keys with the same kind and id are the same key. */
export type EntryKey<K extends Kind = Kind> = {
  [E in K]: { readonly kind: E; readonly id: string } & (E extends keyof Naming ? Naming[E] : unknown);
}[K];

/** The parts of a key that an engine needs in addition to the id. */
interface Naming {
  readonly counter: { readonly subject: AttemptSubject; readonly factor: Factor };
  readonly request: {
    readonly actor: string;
    readonly name: RequestName;
    /** The kind of the resource that was answered. */
    readonly of: Kind;
  };
}

/** The key of the instance. */
export const INSTANCE_KEY: EntryKey<"instance"> = { kind: "instance", id: "" };
/** The key of the lasting owner keys. */
export const OWNERS_KEY: EntryKey<"lastingOwners"> = { kind: "lastingOwners", id: "" };

/** `position`: of the event. */
export function personalKey(position: number): EntryKey<"personal"> {
  return { kind: "personal", id: String(position) };
}

export function counterKey(subject: AttemptSubject, factor: Factor): EntryKey<"counter"> {
  return { kind: "counter", id: `${toSubjectKey(subject)} ${factor}`, subject, factor };
}

/**
 * Returns the key of the request that a command repeats if it was answered before; `undefined`: it has no request id.
 */
export function requestKey({ type, context }: Command): EntryKey<"request"> | undefined {
  const { actor, request: name }: CommandContext = context;
  if (name === undefined) return undefined;
  // No string of any request has U+0000.
  const id = `${actor}\u0000${name.scope}\u0000${name.rpc}\u0000${name.id}`;
  return { kind: "request", id, actor, name, of: KIND_OF[type] ?? "user" };
}

/** The kind of the resource that a command answers with, where that is not a user. */
const KIND_OF: { readonly [T in Command["type"]]?: Kind } = {
  CreateOrganization: "organization",
  UpdateOrganization: "organization",
  CreateApiKey: "apiKey",
  RotateApiKey: "apiKey",
  RevokeApiKey: "apiKey",
  CreateSession: "session",
  UpdateSession: "session",
  RevokeSession: "session",
  UpdatePolicy: "policy",
  ResetPolicy: "policy",
  BeginAttempt: "attempt",
  RecordAttempt: "attempt",
  CompleteAttempt: "attempt",
  SettleAttempts: "attempt",
};

/** The fields of a resource that is not stored. */
const ABSENT: { readonly [K in Kind]: (key: EntryKey<K>) => Fields[K] } = {
  instance: () => ({ instance: { generation: FIRST_GENERATION, sequence: 0, changeTime: 0 } }),
  user: () => ({ state: undefined, person: EMPTY_PERSON, isPersonChanged: false }),
  organization: () => ({ organization: undefined }),
  apiKey: () => ({ key: undefined, formerHashes: [] }),
  lastingOwners: () => ({ ids: [] }),
  session: () => ({ session: undefined, tokenHash: "" }),
  policy: () => ({ policy: undefined }),
  counter: ({ subject, factor }) => ({
    subject,
    factor,
    counter: NO_ATTEMPTS,
    stored: NO_ATTEMPTS,
    shadowState: undefined,
    keptUntil: undefined,
    expiredIds: [],
  }),
  countedFactors: () => ({ factors: [] }),
  attempt: () => ({ attempt: undefined }),
  request: () => ({ request: undefined }),
  personal: () => ({ values: undefined }),
  erasure: () => ({ erasure: undefined, walks: undefined }),
};

/** Makes an entry of what is stored; `undefined`: nothing is. */
export function toEntry<K extends Kind>(key: EntryKey<K>, stored: Stored<K> | undefined): Entry<K> {
  const { kind, id } = key;
  const absent: (key: EntryKey<K>) => Fields[K] = ABSENT[kind];
  const common = { kind, id, exists: stored !== undefined, lastPosition: null, isChanged: false };
  // The compiler does not see that a union member is put together from its parts.
  return { ...common, ...absent(key), ...stored } as unknown as Entry<K>;
}
