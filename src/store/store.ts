/** The store as the rest of the service sees it: asynchronous, engine-free, and made of plain data. */

import type { ApiKey, ApiKeyCommand, ApiKeyEvent } from "../domain/api-key.ts";
import type { Attempt, AttemptAnswer, AttemptCommand, AttemptCounter, AttemptOutcome } from "../domain/attempt.ts";
import type { UserCommand } from "../domain/command.ts";
import type { UserEvent } from "../domain/event.ts";
import type { InstanceEvent } from "../domain/instance.ts";
import type { AddressRange } from "../domain/network.ts";
import type { Organization, OrganizationCommand, OrganizationEvent } from "../domain/organization.ts";
import type { Factor, Policy, PolicyCommand, PolicyEvent, StoredPolicy } from "../domain/policy.ts";
import type { FailedOutcome, Refusal } from "../domain/refusal.ts";
import type { RestrictionKind } from "../domain/restriction.ts";
import type { Session, SessionCommand, SessionStatus } from "../domain/session.ts";
import type { ProfileField, State, User, UserState } from "../domain/user.ts";
import type { StoreStats } from "../observability/metrics.ts";

export type Command =
  | UserCommand
  | OrganizationCommand
  | ApiKeyCommand
  | SessionCommand
  | PolicyCommand
  | AttemptCommand;
export type DomainEvent = UserEvent | OrganizationEvent | ApiKeyEvent | PolicyEvent | InstanceEvent;

/** What a command that succeeds answers: the resource as the command left it, settled. */
export type ResourceOf<C extends Command> = C extends UserCommand
  ? User
  : C extends OrganizationCommand
    ? Organization
    : C extends SessionCommand
      ? Session
      : C extends PolicyCommand
        ? StoredPolicy
        : C extends AttemptCommand
          ? AttemptAnswer
          : ApiKey;

/**
 * What became of a command. `ok` means: on disk (or, for `validateOnly`, that it would have been accepted).
 * `written`: how many events the command added; 0 when it changed nothing or repeated an earlier request.
 * `event`: the command's own last event; absent when it changed nothing. A repeated request answers the first one's.
 */
export type Outcome<C extends Command = Command> =
  | {
      readonly ok: true;
      readonly resource: ResourceOf<C>;
      readonly event?: DomainEvent;
      readonly written: number;
      readonly replayed: boolean;
    }
  | { readonly ok: false; readonly refusal: Refusal };

/** Interactive commands go first; import, bulk and the sweeper get at most a quarter of a batch meanwhile. */
export type Lane = "interactive" | "bulk";

export interface ExecuteOptions {
  readonly lane?: Lane;
  /** Past this instant (milliseconds since the epoch, real time) a command that has not begun is dropped. */
  readonly deadlineTime?: number | undefined;
}

/** An event as it is recorded. */
export interface RecordedEvent {
  /** The order of all events in one log; leaves the service only as an opaque cursor. */
  readonly position: number;
  /** The position of the same user's event before this one; `null`: the first. */
  readonly previousPosition: number | null;
  readonly organizationId: string | null;
  readonly userId: string | null;
  readonly sequence: number;
  readonly recordTime: number;
  readonly via: string;
  readonly requestId: string;
  readonly hash: Uint8Array;
  readonly event: DomainEvent;
}

/** An event as a list shows it. */
export type ListedEvent = RecordedEvent & {
  /** Its position, sealed: what callers may know of it. */
  readonly cursor: string;
};

export interface UserFilter {
  /** Only this organization; `null`: all that there are. */
  readonly organizationId: string | null;
  readonly states?: readonly State[];
  readonly restrictionKinds?: readonly RestrictionKind[];
  readonly reasonCodes?: readonly string[];
  readonly idPrefix?: string;
  /** Only users whom the clock alone changes before this instant, exclusive: a restriction starts or expires. */
  readonly dueBefore?: number;
  /** The beginning of a username or an email address; normalised by the store as both are. A blank one finds nobody. */
  readonly search?: string;
  readonly showDeleted: boolean;
}

export interface UserQuery {
  readonly filter: UserFilter;
  /** By creation date, oldest or newest first, or by last change, newest first. */
  readonly order: "creation_asc" | "creation_desc" | "change_desc";
  /** 1 to 1,000. */
  readonly pageSize: number;
  /** From an earlier page of the same filter and order; its form is the store's own. */
  readonly after?: string;
}

/** A page may be short, and empty where a long stretch has nothing: only an absent `next` means the end. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string;
}

export interface EventQuery {
  readonly userId: string;
  readonly order: "oldest_first" | "newest_first";
  readonly pageSize: number;
  readonly after?: string;
}

/**
 * A condition on settled users. Texts are compared by code units; with `ignoreCase` both sides are normalised first, as
 * usernames and email addresses are for sign-in (NFKC, case-folded, trimmed). An absent field matches no text, and a text
 * of which normalising leaves nothing matches nobody.
 */
export type UserPredicate =
  /** Of none: everybody. */
  | { readonly kind: "and"; readonly of: readonly UserPredicate[] }
  /** Of none: nobody. */
  | { readonly kind: "or"; readonly of: readonly UserPredicate[] }
  | { readonly kind: "not"; readonly of: UserPredicate }
  | { readonly kind: "state"; readonly states: readonly State[] }
  /** A restriction of this kind holds now, whatever the state. */
  | { readonly kind: "restriction"; readonly of: RestrictionKind }
  | { readonly kind: "organization"; readonly ids: readonly string[] }
  /** The user has attributes in this namespace. */
  | { readonly kind: "namespace"; readonly name: string }
  | {
      readonly kind: "text";
      readonly field: "id" | ProfileField;
      readonly method: "equals" | "starts_with" | "ends_with" | "contains";
      readonly ignoreCase: boolean;
      readonly value: string;
    }
  /** `[from, before)`, in milliseconds since the epoch; an absent end is open. */
  | {
      readonly kind: "time";
      readonly of: "creation" | "change";
      readonly from?: number;
      readonly before?: number;
    };

/** Users without the field come last either way; equal ones are in the order of their ids, descending if that is. */
export interface UserSearchOrder {
  readonly by: "id" | "creation" | "change" | "state" | ProfileField;
  readonly descending: boolean;
}

/** A search by offset, for callers who count. Deleted users are never found. */
export interface UserSearch {
  /** Only this organization; `null`: all that there are. */
  readonly organizationId: string | null;
  readonly where: UserPredicate;
  readonly order: UserSearchOrder;
  /** Matches to leave out. */
  readonly offset: number;
  /** 0 to 1,000; 0 counts only. */
  readonly limit: number;
  /** Nobody asks how many there are in all: `total` is then what was seen on the way. */
  readonly isTotalUnasked?: boolean;
  /** Only what follows this place; in the order of creation alone. */
  readonly after?: { readonly creationTime: number; readonly id: string };
  /** Only these namespaces of the attributes are read; absent: all. */
  readonly namespaces?: readonly string[];
}

/** Of a list. */
export interface ReadOptions {
  /** Aborts when nobody waits for the answer any more: the list is given up then, and rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface SearchOptions {
  /** Past this instant (milliseconds since the epoch, real time) nobody waits for the answer. */
  readonly deadlineTime?: number | undefined;
  /** Aborts when nobody waits any more. */
  readonly signal?: AbortSignal;
}

export interface UserSearchAnswer {
  readonly users: readonly User[];
  /** How many match in all; a lower bound unless `isTotalExact`. */
  readonly total: number;
  readonly isTotalExact: boolean;
}

/** A user id, compared byte for byte, or what a person typed, normalised. */
export type UnknownName = { readonly userId: string } | { readonly identifier: string };

/** Whose sign-in is asked about, and by which factor. */
export interface SignInKey {
  readonly userId: string;
  readonly factor: Factor;
}

/** What decides a sign-in at one moment. */
export interface SignInView {
  /** Settled. */
  readonly user: UserState;
  readonly counter: AttemptCounter;
  readonly policy: Policy;
  readonly now: number;
}

/** Recorded attempts in the order of their beginnings. */
export interface AttemptQuery {
  /** Only of this organization; `null`: all that there are. */
  readonly organizationId: string | null;
  /** `[startTime, endTime)`. */
  readonly startTime: number;
  readonly endTime: number;
  /** Only of this user. */
  readonly userId?: string;
  /** Only from these addresses. */
  readonly network?: AddressRange;
  /** Only with one of these outcomes. */
  readonly outcomes?: readonly AttemptOutcome[];
  /** Absent: the oldest first. */
  readonly newestFirst?: boolean;
  readonly pageSize: number;
  readonly after?: string;
}

/** Names an API key by its id, or by the SHA-256 of a secret that it has or had before a rotation. */
export type ApiKeyName = { readonly id: string } | { readonly secretHash: string };

/** Names a session by its token's hash or by its id. */
export type SessionName = { readonly tokenHash: string } | { readonly id: string };

/** A session as somebody may see it. */
export type SessionKey = SessionName & {
  /** Only of users of this organization; `null`: of all. */
  readonly scope: string | null;
};

/** A session with its user, settled, at one moment. */
export interface SessionView {
  /** With the last activity that is known, on disk or not. */
  readonly session: Session;
  readonly user: UserState;
  readonly status: SessionStatus;
}

export interface SessionQuery {
  /** Only this organization; `null`: all that there are. */
  readonly organizationId: string | null;
  readonly userId?: string;
  readonly activeOnly: boolean;
  /** 1 to 1,000. */
  readonly pageSize: number;
  readonly after?: string;
}

/** What a backup is of. */
export interface BackupInfo {
  readonly bytes: number;
  readonly generation: number;
  /** It holds the events up to this position, all of them. */
  readonly position: number;
  /** The link of the chain there. */
  readonly link: Uint8Array;
  /** When the newest change was recorded, in milliseconds since the epoch. */
  readonly recordTime: number;
  /** The newest migration. */
  readonly schemaVersion: string;
}

/** A copy of everything as of one moment, while the store goes on. It is to be closed. */
export interface Backup {
  readonly info: BackupInfo;
  /**
   * The file, piece by piece, at a limited rate; answers the SHA-256 of all of it. A piece holds until the next one is
   * asked for. To be read once, and on: rejects with
   * a RefusalError, BACKUP_ABANDONED, when it was given up.
   */
  chunks(): AsyncGenerator<Uint8Array, Uint8Array, undefined>;
  close(): void;
}

/** Storage trouble. Never shown as an empty list and never as "not banned". */
export class StoreUnavailableError extends Error {
  /** What became of the command that met the trouble; reads have none. */
  readonly outcome: FailedOutcome | undefined;
  constructor(message: string, outcome: FailedOutcome | undefined, options?: ErrorOptions) {
    super(message, options);
    this.name = "StoreUnavailableError";
    this.outcome = outcome;
  }
}

/** A read that took too long by itself and was given up; asking the same again takes as long. */
export class ReadGivenUpError extends StoreUnavailableError {
  readonly afterMs: number;
  constructor(message: string, afterMs: number) {
    super(message, undefined);
    this.name = "ReadGivenUpError";
    this.afterMs = afterMs;
  }
}

/** A page token that this store did not make, or made for another filter or order. */
export class PageTokenError extends Error {
  override readonly name = "PageTokenError";
}

/** A page token of another generation: what it leads through was rewound by a restore. */
export class HistoryChangedError extends Error {
  override readonly name = "HistoryChangedError";
}

/**
 * Every method rejects with StoreUnavailableError when the database cannot be reached, read or written.
 */
export interface Store {
  /** The upper half of every revocation epoch and a part of every page token; it is raised only while nobody serves. */
  readonly generation: number;

  /** The store's clock, in milliseconds since the epoch; never runs backwards past what is recorded. */
  now(): Promise<number>;

  /** Decides and, unless refused, makes it durable. Refusals are outcomes, not rejections. */
  execute<C extends Command>(command: C, options?: ExecuteOptions): Promise<Outcome<C>>;

  /** A user, settled, deleted ones included; `undefined`: never was. Scope is the caller's to check. */
  readUser(userId: string): Promise<User | undefined>;
  /** Settled users; runs off the writer's thread. Rejects with PageTokenError and HistoryChangedError, as all lists do. */
  listUsers(query: UserQuery, options?: ReadOptions): Promise<Page<User>>;
  /**
   * A page of a search. Rejects with a RefusalError, SEARCH_TOO_BROAD, when the page cannot be told within the bounds on
   * what one search may ask, look at, take and answer: a short page would look like a complete one.
   */
  searchUsers(search: UserSearch, options?: SearchOptions): Promise<UserSearchAnswer>;
  /** The recorded events of one user; due ones that are not written yet are not among them. */
  listUserEvents(query: EventQuery, options?: ReadOptions): Promise<Page<ListedEvent>>;

  /**
   * Sessions at this moment, in the order asked, `undefined` for those that there are not; one look for all of them.
   * `touch`: counts as activity of those that hold, which is written seldom and never waited for.
   */
  readSessions(
    keys: readonly SessionKey[],
    options: { readonly touch: boolean },
  ): Promise<readonly (SessionView | undefined)[]>;
  /** The newest first. */
  listSessions(query: SessionQuery, options?: ReadOptions): Promise<Page<SessionView>>;

  /** At this moment, in the order asked, `undefined` for users that there are not; one look for all of them. */
  readSignIns(keys: readonly SignInKey[]): Promise<readonly (SignInView | undefined)[]>;
  /** Ids of the users of an organization whose username or email address this is, once both are normalised; at most 2. */
  findByIdentifier(organizationId: string, identifier: string): Promise<readonly string[]>;
  /** What stands for whom there is not: always the same for the same, and of no use to whoever reads it. */
  shadowOf(organizationId: string, name: UnknownName): Promise<string>;
  /** `undefined`: nothing was ever set there. */
  readPolicy(policyId: string): Promise<StoredPolicy | undefined>;
  /** Each with its outcome at this moment: what ran out of time is EXPIRED, on disk or not. A page may be short. */
  listAttempts(query: AttemptQuery, options?: ReadOptions): Promise<Page<Attempt>>;

  readOrganization(organizationId: string): Promise<Organization | undefined>;
  /** By id. */
  listOrganizations(query: { readonly pageSize: number; readonly after?: string }): Promise<Page<Organization>>;

  /** All keys that are not revoked or expired, for the keyCache's memory. */
  loadApiKeys(): Promise<readonly ApiKey[]>;
  /** Revoked ones included; `undefined`: there is none of this name. Scope is the caller's to check. */
  readApiKey(name: ApiKeyName): Promise<ApiKey | undefined>;
  /** By id, revoked ones included. `organizationId`: only that organization's; `null`: all. */
  listApiKeys(query: {
    readonly organizationId: string | null;
    readonly pageSize: number;
    readonly after?: string;
  }): Promise<Page<ApiKey>>;
  /** Notes the UTC days on which keys were last used. Not an event. */
  touchApiKeys(days: ReadonlyMap<string, string>): Promise<void>;

  /** One at a time. Rejects with a RefusalError: BACKUP_UNDER_WAY, BACKUP_NO_SPACE. */
  createBackup(): Promise<Backup>;

  /** How the store fares, for metrics. */
  stats(): StoreStats;
  /** Rejects when the store cannot answer now. */
  check(): Promise<void>;
  /** Finishes what was accepted, then lets the database go. Later calls are refused. */
  close(): Promise<void>;
}
