/** A user: the state that the rules need, and the person behind it. */
import { endOf, nextDueOf, type Restriction, type RestrictionKind } from "./restriction.ts";

/** Strongest first: DELETED > BANNED > INACTIVE > LOCKED > ACTIVE. */
export const STATES = ["DELETED", "BANNED", "INACTIVE", "LOCKED", "ACTIVE"] as const;
export type State = (typeof STATES)[number];

/** The narrow part of a user: all that the rules of locking need. Instants are milliseconds since the epoch, UTC. */
export interface UserState {
  readonly id: string;
  readonly organizationId: string;
  /** A tombstone: only id, organization, sequence, epoch and bans remain. */
  readonly deleted: boolean;
  /** The number of the user's events. */
  readonly sequence: number;
  /** Grows whenever all earlier sessions end; starts at 1. */
  readonly epoch: number;
  readonly creationTime: number;
  /** When the last event took effect. */
  readonly changeTime: number;
  readonly restrictions: readonly Restriction[];
}

/** The profile's text fields; an absent field is not set. All but `locale` are personal. */
export const PROFILE_FIELDS = [
  "username",
  "email",
  "givenName",
  "familyName",
  "displayName",
  "phone",
  "locale",
  "externalId",
] as const;
export type ProfileField = (typeof PROFILE_FIELDS)[number];

export type Profile = Readonly<Partial<Record<ProfileField, string>>> & { readonly emailVerified?: true };

/** Namespace → canonical JSON text of an object. Opaque to the rules. */
export type Attributes = Readonly<Record<string, string>>;

/** The person behind a user: everything except the state. */
export interface Person {
  readonly profile: Profile;
  readonly attributes: Attributes;
}

export const EMPTY_PERSON: Person = { profile: {}, attributes: {} };

/** How large a person may become through any number of updates: 64 Ki characters and 32 namespaces. */
export const PERSON_CHARS_MAX = 64 * 1024;
export const NAMESPACES_MAX = 32;

/** Returns the number of characters of all names and values. */
export function personChars({ profile, attributes }: Person): number {
  let chars = 0;
  for (const [name, value] of [...Object.entries(profile), ...Object.entries(attributes)]) {
    chars += name.length + String(value).length;
  }
  return chars;
}

export interface User {
  readonly state: UserState;
  readonly person: Person;
}

/** Returns the state by precedence. The caller must settle the user first: due restrictions are misread. */
export function stateOf(user: Pick<UserState, "deleted" | "restrictions">): State {
  if (user.deleted) return "DELETED";
  let state: State = "ACTIVE";
  for (const restriction of user.restrictions) {
    if (!restriction.started) continue;
    if (restriction.kind === "BAN") return "BANNED";
    if (restriction.kind === "DEACTIVATION") state = "INACTIVE";
    else if (state === "ACTIVE") state = "LOCKED";
  }
  return state;
}

const KIND_OF_STATE: Readonly<Partial<Record<State, RestrictionKind>>> = {
  BANNED: "BAN",
  INACTIVE: "DEACTIVATION",
  LOCKED: "LOCK",
};

/**
 * Returns the restriction that decides the state: of its kind the one that lasts longest, so the state does not change
 * before it ends. `undefined`: the user is active or deleted. The caller must settle the user first.
 */
export function decidingRestriction(user: Pick<UserState, "deleted" | "restrictions">): Restriction | undefined {
  const kind = KIND_OF_STATE[stateOf(user)];
  if (kind === undefined) return undefined;
  const holding = user.restrictions.filter((each) => each.kind === kind && each.started);
  return holding.sort((a, b) => endOf(b) - endOf(a))[0];
}

/** Returns the next instant at which the clock alone changes this user; `null`: none. */
export function nextDue(user: Pick<UserState, "restrictions">): number | null {
  let due: number | null = null;
  for (const restriction of user.restrictions) {
    const next = nextDueOf(restriction);
    if (next !== null && (due === null || next < due)) due = next;
  }
  return due;
}
