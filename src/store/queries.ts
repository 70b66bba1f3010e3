/** The queries of the store, their pages and their answers. */
import type { AttemptCounter, AttemptOutcome } from "../domain/attempt.ts";
import type { EventFilter } from "../domain/event-filter.ts";
import type { AddressRange } from "../domain/network.ts";
import type { Factor, Policy } from "../domain/policy.ts";
import type { RestrictionKind } from "../domain/restriction.ts";
import type { Session, SessionStatus } from "../domain/session.ts";
import type { ProfileField, State, User, UserState } from "../domain/user.ts";
import type { DomainEvent } from "./commands.ts";

/** An event as it is recorded. */
export interface RecordedEvent {
  /** The place in the order of all events of one log; callers see it only as an opaque cursor. */
  readonly position: number;
  /** The position of the same user's event before this one; `null`: the first. */
  readonly previousPosition: number | null;
  readonly organizationId: string | null;
  readonly userId: string | null;
  /** Only events of API keys have it. */
  readonly apiKeyId?: string;
  readonly sequence: number;
  readonly recordTime: number;
  readonly via: string;
  readonly requestId: string;
  readonly hash: Uint8Array;
  /** The names of the personal values that it has lost; absent: none. */
  readonly erasedNames?: readonly string[];
  readonly event: DomainEvent;
}

/** An event as a list shows it. */
export type ListedEvent = RecordedEvent & {
  /** The sealed position: the form that callers see. */
  readonly cursor: string;
};

/** A place between two events of the log. */
export interface LogPlace {
  /** The position of the event before it; 0: none. */
  readonly position: number;
  /** The same, sealed: the form that callers see. */
  readonly cursor: string;
}

/** A place of a caller's cursor, and how far the log went when it was looked up. */
export interface OpenedPlace extends LogPlace {
  /** The position of the newest event of any process. */
  readonly head: number;
}

export interface UserQuery {
  /** Only this organization; `null`: all. */
  readonly organizationId: string | null;
  readonly where: UserPredicate;
  readonly showDeleted: boolean;
  /** By creation date, oldest or newest first, or by last change, newest first. */
  readonly order: "creation_asc" | "creation_desc" | "change_desc";
  /** 1 to 1,000. */
  readonly pageSize: number;
  /** The token of an earlier page of the same query; only the store knows its form. */
  readonly after?: string;
}

/** A page may be short, and empty if a long range has no match: only an absent `next` means the end. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string;
}

export interface EventQuery {
  readonly userId: string;
  readonly order: "oldest_first" | "newest_first";
  /** The sequence of the first event, oldest first; absent: 1. */
  readonly first?: number;
  readonly pageSize: number;
  readonly after?: string;
}

/** A query for the events of all users and of the configuration. */
export interface LogQuery {
  /** Only events of this organization; `null`: all. */
  readonly scope: string | null;
  readonly filter: EventFilter;
  readonly order: "oldest_first" | "newest_first";
  /** 1 to 1,000. */
  readonly pageSize: number;
  /** Only events after this position; absent: all. */
  readonly afterPosition?: number;
  /** A page ends with the event that makes it weigh more than this, in characters; absent: `pageChars` of the limits. */
  readonly pageWeight?: number;
  /** How long a page searches for its first item, in milliseconds; absent: `listMs` of the limits. */
  readonly searchMs?: number;
  readonly after?: string;
}

/** The place is after what was looked at; on the last page, oldest first, the end of the log. */
export interface LogPage extends Page<ListedEvent>, LogPlace {}

/**
 * A condition on settled users. Texts are compared by code units; with `ignoreCase` both sides are normalised first, as
 * usernames and email addresses are for sign-in (NFKC, case-folded, trimmed). An absent field matches no text. A value
 * that is empty after normalising matches no user.
 */
export type UserPredicate =
  /** An empty list matches every user. */
  | { readonly kind: "and"; readonly of: readonly UserPredicate[] }
  /** An empty list matches no user. */
  | { readonly kind: "or"; readonly of: readonly UserPredicate[] }
  | { readonly kind: "not"; readonly of: UserPredicate }
  | { readonly kind: "state"; readonly states: readonly State[] }
  /** A single restriction has one of these kinds and one of these reason codes; absent: any. */
  | {
      readonly kind: "restriction";
      readonly kinds?: readonly RestrictionKind[];
      readonly reasonCodes?: readonly string[];
      /** True: only restrictions that hold now; false: scheduled ones too. */
      readonly isStarted: boolean;
    }
  /** A restriction starts or expires before this instant, exclusive, in milliseconds since the epoch. */
  | { readonly kind: "due"; readonly before: number }
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

/** Users without the field come last in both directions. Equal users are ordered by id, in the same direction. */
export interface UserSearchOrder {
  readonly by: "id" | "creation" | "change" | "state" | ProfileField;
  readonly descending: boolean;
}

/** A search by offset. It never finds deleted users. */
export interface UserSearch {
  /** Only this organization; `null`: all. */
  readonly organizationId: string | null;
  readonly where: UserPredicate;
  readonly order: UserSearchOrder;
  /** Number of matches to skip. */
  readonly offset: number;
  /** 0 to 1,000; 0 counts only. */
  readonly limit: number;
  /** The caller does not need the total: `total` is then the number of matches seen on the way. */
  readonly isTotalUnasked?: boolean;
  /** Only users after this place; only in the order of creation. */
  readonly after?: { readonly creationTime: number; readonly id: string };
  /** Only these namespaces of the attributes are read; absent: all. */
  readonly namespaces?: readonly string[];
}

/** Options of a list. */
export interface ReadOptions {
  /** Aborts when the caller stops waiting: the list then stops and rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface SearchOptions {
  /** The caller stops waiting at this instant, in milliseconds since the epoch, real time. */
  readonly deadlineTime?: number | undefined;
  /** Aborts when the caller stops waiting. */
  readonly signal?: AbortSignal;
}

export interface UserSearchAnswer {
  readonly users: readonly User[];
  /** Number of all matches; a lower bound unless `isTotalExact`. */
  readonly total: number;
  readonly isTotalExact: boolean;
}

/** A user id, compared byte for byte, or the text that a person typed, which is normalised. */
export type UnknownName = { readonly userId: string } | { readonly identifier: string };

/** The user and the factor of a sign-in. */
export interface SignInKey {
  readonly userId: string;
  readonly factor: Factor;
}

/** Everything that decides a sign-in at one moment. */
export interface SignInView {
  /** Settled. */
  readonly user: UserState;
  readonly counter: AttemptCounter;
  readonly policy: Policy;
  readonly now: number;
}

/** A query for recorded attempts, in the order of their begin times. */
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
  /** Absent: oldest first. */
  readonly newestFirst?: boolean;
  readonly pageSize: number;
  readonly after?: string;
}

/** The id of an API key, or the SHA-256 of a secret that it has or had before a rotation. */
export type ApiKeyName = { readonly id: string } | { readonly secretHash: string };

/** The hash of a session's token, or its id. */
export type SessionName = { readonly tokenHash: string } | { readonly id: string };

/** A session within the caller's scope. */
export type SessionKey = SessionName & {
  /** Only of users of this organization; `null`: of all. */
  readonly scope: string | null;
};

/** A session with its user, settled, at one moment. */
export interface SessionView {
  /** With the last known activity, on disk or not. */
  readonly session: Session;
  readonly user: UserState;
  readonly status: SessionStatus;
}

/** A session as one read of it found it. */
export interface SessionReading extends SessionView {
  /** When it was read, in milliseconds since the epoch, by the store's clock. */
  readonly now: number;
}

export interface SessionQuery {
  /** Only this organization; `null`: all. */
  readonly organizationId: string | null;
  readonly userId?: string;
  readonly activeOnly: boolean;
  /** 1 to 1,000. */
  readonly pageSize: number;
  readonly after?: string;
}
