/** The store as the rest of the service sees it: asynchronous, engine-free, and made of plain data. */
import type { ApiKey } from "../domain/api-key.ts";
import type { Attempt } from "../domain/attempt.ts";
import type { Organization } from "../domain/organization.ts";
import type { StoredPolicy } from "../domain/policy.ts";
import type { User } from "../domain/user.ts";
import type { BatchMetric } from "../observability/metrics.ts";
import type { Traces } from "../observability/traces.ts";
import type { Command, ExecuteOptions, Outcome } from "./commands.ts";
import type { Limits } from "./limits.ts";
import type {
  ApiKeyName,
  AttemptQuery,
  EventQuery,
  ListedEvent,
  Page,
  ReadOptions,
  SearchOptions,
  SessionKey,
  SessionQuery,
  SessionView,
  SignInKey,
  SignInView,
  UnknownName,
  UserQuery,
  UserSearch,
  UserSearchAnswer,
} from "./queries.ts";
import type { StoreStats } from "./stats.ts";

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

export interface StoreOptions {
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Resolves when it is certain what time it is, see SteadyClock; absent or undefined: it is. Changes wait for it. */
  readonly whenSteady?: () => Promise<void> | undefined;
  /** Starts although the clock is behind what is recorded; time then stands still until it has caught up. */
  readonly allowClockBehind?: boolean;
  /** Called with every storage error and its cause, for the log; commands and reads get their own answers. */
  readonly onTrouble?: (error: unknown) => void;
  /** Called at the start with what an administrator should know, one sentence each. */
  readonly onWarning?: (sentence: string) => void;
  /** Called after each committed batch. */
  readonly onBatch?: (batch: BatchMetric) => void;
  /** Called after each COMMIT with its duration in milliseconds: of batches and of housekeeping writes. */
  readonly onCommit?: (durationMs: number) => void;
  /** Absent: commands are not traced. */
  readonly traces?: Traces | undefined;
  readonly limits?: Partial<Limits>;
  readonly sweepIntervalMs?: number;
}

/**
 * Every method rejects with StoreUnavailableError when the database cannot be reached, read or written.
 */
export interface Store {
  /** The upper half of every revocation epoch and a part of every page token; it is raised only while nobody serves. */
  readonly generation: number;
  /** The newest migration. */
  readonly schemaVersion: string;
  /** Milliseconds that the clock is behind the newest record; time stands still for as long. */
  readonly clockBehindMs: number;

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

  /**
   * Begins a backup, one at a time. Rejects with a RefusalError: BACKUP_UNDER_WAY, BACKUP_NO_SPACE. Absent: the engine is
   * backed up by tools of its own.
   */
  createBackup?(): Promise<Backup>;

  /** What is measured now, also while the database cannot be used. */
  stats(): StoreStats;
  /** Rejects when the store cannot answer now. */
  check(): Promise<void>;
  /**
   * Finishes what was accepted, then lets the database go. Later calls are refused. `discards`, for a start that failed:
   * removes a database that this start has made, unless a user or a key is in it.
   */
  close(options?: { readonly discards: boolean }): Promise<void>;
}
