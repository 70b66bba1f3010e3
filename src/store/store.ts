/** The store as the rest of the service sees it: asynchronous, engine-free, and made of plain data. */
import type { ApiKey } from "../domain/api-key.ts";
import type { Attempt } from "../domain/attempt.ts";
import type { Organization } from "../domain/organization.ts";
import type { StoredPolicy } from "../domain/policy.ts";
import type { Session } from "../domain/session.ts";
import type { User } from "../domain/user.ts";
import type { BatchMetric } from "../observability/metrics.ts";
import type { Traces } from "../observability/traces.ts";
import type { Command, ExecuteOptions, Outcome } from "./commands.ts";
import type { CheckpointSigner, History } from "./history.ts";
import type { Limits } from "./limits.ts";
import type {
  ApiKeyName,
  AttemptQuery,
  EventQuery,
  ListedEvent,
  LogPage,
  LogQuery,
  OpenedPlace,
  Page,
  ReadOptions,
  RecordedEvent,
  SearchOptions,
  SessionKey,
  SessionQuery,
  SessionReading,
  SessionView,
  SignInKey,
  SignInView,
  UnknownName,
  UserQuery,
  UserSearch,
  UserSearchAnswer,
} from "./queries.ts";
import type { StoreStats } from "./stats.ts";

/** What a backup contains. */
export interface BackupInfo {
  readonly bytes: number;
  readonly generation: number;
  /** The backup has all events up to this position. */
  readonly position: number;
  /** The chain's link at that position. */
  readonly link: Uint8Array;
  /** When the newest change was recorded, in milliseconds since the epoch. */
  readonly recordTime: number;
  /** The newest migration. */
  readonly schemaVersion: string;
}

/** A copy of everything as of one moment, made while the store goes on. The caller must close it. */
export interface Backup {
  readonly info: BackupInfo;
  /**
   * Yields the file piece by piece, at a limited rate, and returns the SHA-256 of all of it. A piece is valid until the
   * next one is requested. Read it once, without long pauses: it rejects with a RefusalError, BACKUP_ABANDONED, when
   * the store has given the backup up.
   */
  chunks(): AsyncGenerator<Uint8Array, Uint8Array, undefined>;
  close(): void;
}

/**
 * What keeps a part of the configuration in memory: API keys, policies, organizations. It is called before the command
 * that caused the change is answered, so a caller that has an OK meets it everywhere in this thread.
 */
export interface Follower {
  /** Takes events of API keys, policies and organizations, in commit order and without gaps. */
  apply(events: readonly RecordedEvent[]): void;
  /** Events may have been missed: reads everything again. Until then what is known stays in force. */
  reload(): void;
}

/** The log in commit order, as all processes write it. */
export interface LogReader {
  /**
   * Returns the place of a cursor. Absent: after the newest event; `0`: before the first one. Rejects with CursorError
   * for a cursor that was not made here, and with HistoryChangedError for one of another generation or beyond the log.
   */
  open(cursor?: string): Promise<OpenedPlace>;
  /**
   * Yields all events after a position without gaps, and then those to come, at most 256 at once. It ends by `signal`,
   * with its reason, or with StoreUnavailableError; the next call goes on from any position.
   */
  read(after: number, signal: AbortSignal): AsyncGenerator<readonly ListedEvent[], void, undefined>;
}

/** A use of a session that another thread saw. */
export interface SessionUse extends Pick<Session, "id" | "idleTimeoutMs" | "lastActivityTime"> {
  /** Milliseconds since the epoch. */
  readonly time: number;
}

/** Where a thread reads by itself: plain data that the engine understands. */
export interface LocalReadsData {
  readonly path: string;
  readonly memory: SharedArrayBuffer;
}

/** An instance as its key knows it. */
export interface NamedInstance {
  /** Its name in checkpoints: it stays as long as the database. */
  readonly origin: string;
  /** Whether the database has checkpoints: then there was a key. */
  readonly hasCheckpoints: boolean;
}

export interface StoreOptions {
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /**
   * Decides by the database's own clock where it has one that all replicas share, instead of `clock`; the default is
   * false. A file has none.
   */
  readonly usesDatabaseClock?: boolean;
  /** Resolves when the time is certain, see SteadyClock; absent or undefined: it is. Changes wait for it. */
  readonly whenSteady?: () => Promise<void> | undefined;
  /** Starts although the clock is behind the newest record; time then stands still until the clock has caught up. */
  readonly allowClockBehind?: boolean;
  /** Serves a database although it was moved to another engine, and forgets that; the default is false. */
  readonly takesBackMoved?: boolean;
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
  /**
   * Opens the key that signs checkpoints, when the database is migrated; absent, or no signer: there are none. Throws an
   * Error of one plain sentence, which ends the start.
   */
  readonly openSigner?: (instance: NamedInstance) => CheckpointSigner | undefined;
  /** Milliseconds between two checkpoints; absent: an hour. */
  readonly checkpointMs?: number;
}

/**
 * Users, their history and everything next to them. Every method rejects with StoreUnavailableError when the database
 * fails.
 */
export interface Store {
  /** The upper half of each revocation epoch and a part of each page token; raised only while no service runs. */
  readonly generation: number;
  /** The name of the newest migration. */
  readonly schemaVersion: string;
  /** The database system, by its name in OpenTelemetry's conventions. */
  readonly system: string;

  readonly log: LogReader;

  /** Adds a reader of the log that is called with every change of the configuration. Returns a function that removes it. */
  follow(follower: Follower): () => void;
  /**
   * Brings the followers up to every change that was answered anywhere. Decisions that rely on a follower call it first;
   * it costs one look into memory.
   */
  catchUp(): void;
  /**
   * Brings the followers up to every change that was answered before this call by any process: it asks the database.
   * Rejects with StoreUnavailableError. Absent: no other process writes, and `catchUp` does it.
   */
  refresh?(): Promise<void>;

  /** Returns the store's clock in milliseconds since the epoch; never below the newest record time. */
  now(): Promise<number>;

  /** Decides a command and, unless it is refused, makes it durable. A refusal is an outcome, not a rejection. */
  execute<C extends Command>(command: C, options?: ExecuteOptions): Promise<Outcome<C>>;

  /** Returns a settled user, also a deleted one; `undefined`: it never existed. The caller checks the scope. */
  readUser(userId: string): Promise<User | undefined>;
  /**
   * Lists settled users, off the writer's thread. Like all lists it rejects with PageTokenError and
   * HistoryChangedError.
   */
  listUsers(query: UserQuery, options?: ReadOptions): Promise<Page<User>>;
  /**
   * Returns a page of a search. Rejects with a RefusalError, SEARCH_TOO_BROAD, when the search exceeds one of its
   * limits: a short page would look like a complete one.
   */
  searchUsers(search: UserSearch, options?: SearchOptions): Promise<UserSearchAnswer>;
  /** Lists the recorded events of one user, without those that are due but not written yet. */
  listUserEvents(query: EventQuery, options?: ReadOptions): Promise<Page<ListedEvent>>;
  /**
   * Lists the recorded events of everything, in the order of the log. A page may be empty and not the last: its token
   * goes on behind what was looked at.
   */
  listEvents(query: LogQuery, options?: ReadOptions): Promise<LogPage>;

  /**
   * Returns a session; `undefined`: it does not exist. `touch`: the read counts as activity if the session is active;
   * activity is written later, and nobody waits for it unless another replica could find the session idle until then.
   * Engines run the reads of one turn of the event loop together.
   */
  readSession(key: SessionKey, options: { readonly touch: boolean }): Promise<SessionReading | undefined>;
  /** Notes that sessions were used: threads that read sessions by themselves report it here, without waiting. */
  noteUses(uses: readonly SessionUse[]): void;
  /** Lists sessions, newest first. */
  listSessions(query: SessionQuery, options?: ReadOptions): Promise<Page<SessionView>>;

  /** Returns everything that decides a sign-in at one moment; `undefined`: the user does not exist. */
  readSignIn(key: SignInKey): Promise<SignInView | undefined>;
  /**
   * Returns at most 2 ids of users of an organization with this username or email address; both sides are normalised.
   */
  findByIdentifier(organizationId: string, identifier: string): Promise<readonly string[]>;
  /** Returns a stable pseudonym for an unknown user: the same input gives the same value, and it reveals nothing. */
  shadowOf(organizationId: string, name: UnknownName): Promise<string>;
  /** Returns the stored values of a policy; `undefined`: it was never set. */
  readPolicy(policyId: string): Promise<StoredPolicy | undefined>;
  /** Lists attempts with their outcome at this moment: one that ran out of time is EXPIRED, written or not. */
  listAttempts(query: AttemptQuery, options?: ReadOptions): Promise<Page<Attempt>>;

  readOrganization(organizationId: string): Promise<Organization | undefined>;
  /** Lists organizations by id. */
  listOrganizations(query: { readonly pageSize: number; readonly after?: string }): Promise<Page<Organization>>;

  /** Returns all keys that are neither revoked nor expired, for the cache of API keys. */
  loadApiKeys(): Promise<readonly ApiKey[]>;
  /** Returns a key, also a revoked one; `undefined`: it does not exist. The caller checks the scope. */
  readApiKey(name: ApiKeyName): Promise<ApiKey | undefined>;
  /** Lists keys by id, also revoked ones. `organizationId`: only that organization's; `null`: all. */
  listApiKeys(query: {
    readonly organizationId: string | null;
    readonly pageSize: number;
    readonly after?: string;
  }): Promise<Page<ApiKey>>;
  /** Writes the UTC days on which keys were last used; this is not an event. */
  touchApiKeys(days: ReadonlyMap<string, string>): Promise<void>;

  /**
   * Begins a backup, one at a time. Rejects with a RefusalError: BACKUP_UNDER_WAY, BACKUP_NO_SPACE. Absent: the engine
   * is backed up by tools of its own.
   */
  createBackup?(): Promise<Backup>;

  /** The history, for those who verify it. */
  readonly history: History;

  /** Rejects when the store cannot answer now. */
  check(): Promise<void>;
  /** Finishes the accepted commands and closes the store. Later calls are refused. */
  close(): Promise<void>;
}

/** A store in the thread that opened the database. Others use it through a StoreHost. */
export interface OpenedStore extends Store {
  /** Milliseconds that the clock is behind the newest record; time stands still for as long. */
  readonly clockBehindMs: number;
  /** What other threads need to read by themselves; absent: they ask this one for everything. */
  readonly localReads?: LocalReadsData;
  /** Returns what is measured now, also while the database cannot be used. */
  stats(): StoreStats;
  /**
   * Finishes the accepted commands, then closes the database. Later calls are refused. `discards`, for a start that
   * failed: removes a database that this start has made, unless a user or a key is in it.
   */
  close(options?: { readonly discards: boolean }): Promise<void>;
}
