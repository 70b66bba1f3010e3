/** What is read: queries, pages, and what they answer. */
import type { AttemptCounter, AttemptOutcome } from "../domain/attempt.ts";
import type { AddressRange } from "../domain/network.ts";
import type { Factor, Policy } from "../domain/policy.ts";
import type { RestrictionKind } from "../domain/restriction.ts";
import type { Session, SessionStatus } from "../domain/session.ts";
import type { ProfileField, State, User, UserState } from "../domain/user.ts";
import type { DomainEvent } from "./commands.ts";

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

export interface UserQuery {
  /** Only this organization; `null`: all that there are. */
  readonly organizationId: string | null;
  readonly where: UserPredicate;
  readonly showDeleted: boolean;
  /** By creation date, oldest or newest first, or by last change, newest first. */
  readonly order: "creation_asc" | "creation_desc" | "change_desc";
  /** 1 to 1,000. */
  readonly pageSize: number;
  /** From an earlier page of the same query and order; its form is the store's own. */
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
  /** One restriction is of one of these kinds and has one of these reason codes; absent: any. */
  | {
      readonly kind: "restriction";
      readonly kinds?: readonly RestrictionKind[];
      readonly reasonCodes?: readonly string[];
      /** Only restrictions that hold now; else scheduled ones count too. */
      readonly isStarted: boolean;
    }
  /** The clock alone changes the user before this instant, exclusive: a restriction starts or expires. */
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
