/** What happened to a user. Types are never changed once released; `evolve` lifts old ones. */
import type { Cause, Restriction, RestrictionKind } from "./restriction.ts";

/**
 * A restriction in an event: without `note`, which is personal and stands in `personal`, and without `actor`, which is
 * the event's.
 */
export type RestrictionRecord = Omit<Restriction, "note" | "actor">;

/**
 * The parts of a person that an event sets. The values of personal fields stand in the event's `personal` map under the
 * same names: `profile.<field>` and `attributes.<namespace>`. A name that is set but has no value was erased.
 */
export interface PersonChange {
  /** Personal names whose values this event sets, sorted. */
  readonly set: readonly string[];
  /** Names whose values this event removes, sorted. */
  readonly cleared: readonly string[];
  /** Present when this event sets or clears it. */
  readonly emailVerified?: boolean;
  /** Present when this event sets it (empty: clears it). Not personal. */
  readonly locale?: string;
}

/** The event types with their data. All of it is JSON. */
export interface UserEventData {
  readonly UserCreated: PersonChange & {
    /** The id was used before: sequence, epoch and bans continue. */
    readonly recreated: boolean;
    readonly reasonCode: string;
  };
  readonly UserImported: PersonChange & {
    readonly created: boolean;
    /** The id was used before: sequence, epoch and bans continue. */
    readonly recreated: boolean;
    /** Set when `created`: when the user was created in the source system. */
    readonly creationTime?: number;
    /** Added, or replacing the restriction of the same kind and cause. */
    readonly restrictions: readonly (RestrictionRecord & { readonly actor: string })[];
    readonly sessionsRevoked: boolean;
  };
  readonly UserUpdated: PersonChange & { readonly reasonCode: string };
  /** `erased`: all personal values of the earlier events are gone, and the notes of the restrictions that stay. */
  readonly UserDeleted: { readonly reasonCode: string; readonly erased?: true };
  readonly UserLocked: Imposed;
  readonly UserUnlocked: Lifted;
  readonly UserBanned: Imposed;
  readonly UserUnbanned: Lifted;
  readonly UserDeactivated: Imposed;
  readonly UserReactivated: Lifted;
  readonly RestrictionStarted: Due & { readonly sessionsRevoked: boolean };
  readonly RestrictionExpired: Due;
  readonly UserSessionsRevoked: { readonly reasonCode: string };
  /** `byPerson`: the person signed out; absent: an administrator ended the session. */
  readonly SessionRevoked: { readonly sessionId: string; readonly byPerson?: true };
  readonly EventRedacted: Redaction & { readonly reasonCode: string };
}

interface Imposed {
  readonly restriction: RestrictionRecord;
  /** The restriction of the same kind and cause that this one replaced; absent: none. */
  readonly replacedId?: string;
  /** The epoch grew: every earlier session has ended. */
  readonly sessionsRevoked: boolean;
}

interface Lifted {
  readonly restrictionIds: readonly string[];
  readonly reasonCode: string;
}

/** Personal values of an earlier event of the same user that are erased. */
export interface Redaction {
  /** The event. */
  readonly sequence: number;
  /** The names of the values that it lost, sorted. */
  readonly fields: readonly string[];
  /**
   * The names of what the user loses with them, because no later event had set it again, sorted: as in PersonChange, and
   * `note.<restriction id>`.
   */
  readonly cleared: readonly string[];
}

/** A change that the clock made. */
interface Due {
  readonly restrictionId: string;
  readonly kind: RestrictionKind;
  readonly cause: Cause;
}

export type UserEventType = keyof UserEventData;

/** An event before it is recorded. */
export type UserEvent = {
  readonly [T in UserEventType]: {
    readonly type: T;
    /** When it took effect, in milliseconds since the epoch. */
    readonly time: number;
    /** The actor; `system` for changes that the clock made. */
    readonly actor: string;
    readonly data: UserEventData[T];
    /** Personal values by name: those of PersonChange, `note` and `note.<restriction id>`. Erasable. */
    readonly personal: Readonly<Record<string, string>>;
  };
}[UserEventType];

/** Returns whether personal values of earlier events are gone with an event. */
export function erases({ type, data }: { readonly type: string; readonly data: object }): boolean {
  return type === "EventRedacted" || (type === "UserDeleted" && "erased" in data);
}

/** The characters of an event apart from its personal values, about. */
const ENVELOPE_CHARS = 500;

/** Returns about how many characters an event has. */
export function eventChars({ personal }: { readonly personal: Readonly<Record<string, string>> }): number {
  let chars = ENVELOPE_CHARS;
  for (const name in personal) chars += personal[name]?.length ?? 0;
  return chars;
}

/** The actor of changes that the clock made. */
export const SYSTEM_ACTOR = "system";
