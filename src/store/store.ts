/** The store as the rest of the service sees it: asynchronous, engine-free, and made of plain data. */
import type { ApiKey } from "../domain/api-key.ts";
import type { Attempt } from "../domain/attempt.ts";
import type { Organization } from "../domain/organization.ts";
import type { StoredPolicy } from "../domain/policy.ts";
import type { User } from "../domain/user.ts";
import type { StoreStats } from "../observability/metrics.ts";
import type { Command, ExecuteOptions, Outcome } from "./commands.ts";
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
