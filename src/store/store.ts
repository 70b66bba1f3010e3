/** The store as the rest of the service sees it: asynchronous, engine-free, and made of plain data. */
import type { ApiKey, ApiKeyCommand, ApiKeyEvent } from "../domain/api-key.ts";
import type { UserCommand } from "../domain/command.ts";
import type { UserEvent } from "../domain/event.ts";
import type { Organization, OrganizationCommand, OrganizationEvent } from "../domain/organization.ts";
import type { FailedOutcome, Refusal } from "../domain/refusal.ts";
import type { RestrictionKind } from "../domain/restriction.ts";
import type { State, User } from "../domain/user.ts";

export type Command = UserCommand | OrganizationCommand | ApiKeyCommand;
export type DomainEvent = UserEvent | OrganizationEvent | ApiKeyEvent;

/** What a command that succeeds answers: the resource as the command left it, settled. */
export type ResourceOf<C extends Command> = C extends UserCommand
  ? User
  : C extends OrganizationCommand
    ? Organization
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
  /** The order of all events in one database; leaves the service only as an opaque cursor. */
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

export interface UserFilter {
  /** Only this organization; `null`: all that there are. */
  readonly organizationId: string | null;
  readonly states?: readonly State[];
  readonly restrictionKinds?: readonly RestrictionKind[];
  readonly reasonCodes?: readonly string[];
  readonly idPrefix?: string;
  /** The beginning of a username or an email address; normalised by the store as both are. */
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

/** A page may be short, even empty: only an absent `next` means the end. */
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

/** A page token that this store did not make, or made for another filter or order. */
export class PageTokenError extends Error {
  override readonly name = "PageTokenError";
}

/**
 * Every method rejects with StoreUnavailableError when the database cannot be reached, read or written.
 */
export interface Store {
  /** The store's clock, in milliseconds since the epoch; never runs backwards past what is recorded. */
  now(): Promise<number>;

  /** Decides and, unless refused, makes it durable. Refusals are outcomes, not rejections. */
  execute<C extends Command>(command: C, options?: ExecuteOptions): Promise<Outcome<C>>;

  /** A user, settled, deleted ones included; `undefined`: never was. Scope is the caller's to check. */
  readUser(userId: string): Promise<User | undefined>;
  /** Settled users; runs off the writer's thread. Rejects with PageTokenError. */
  listUsers(query: UserQuery): Promise<Page<User>>;
  /** The recorded events of one user; due ones that are not written yet are not among them. */
  listUserEvents(query: EventQuery): Promise<Page<RecordedEvent>>;

  readOrganization(organizationId: string): Promise<Organization | undefined>;
  /** By id. */
  listOrganizations(query: { readonly pageSize: number; readonly after?: string }): Promise<Page<Organization>>;

  /** All keys that are not revoked or expired, for the badge's memory. */
  loadApiKeys(): Promise<readonly ApiKey[]>;
  /** By id, revoked ones included. `organizationId`: only that organization's; `null`: all. */
  listApiKeys(query: {
    readonly organizationId: string | null;
    readonly pageSize: number;
    readonly after?: string;
  }): Promise<Page<ApiKey>>;
  /** Notes the UTC days on which keys were last used. Not an event. */
  touchApiKeys(days: ReadonlyMap<string, string>): Promise<void>;

  /** Rejects when the store cannot answer now. */
  check(): Promise<void>;
  /** Finishes what was accepted, then lets the database go. Later calls are refused. */
  close(): Promise<void>;
}
