/** evolve(user, event) → user: the only place where a user's state changes. */
import type { PersonChange, RestrictionRecord, UserEvent } from "./event.ts";
import { type Restriction, withRestriction } from "./restriction.ts";
import { EMPTY_PERSON, type Person, PROFILE_FIELDS, type ProfileField, type User, type UserState } from "./user.ts";

/** The epoch of a user before its first event. */
export const FIRST_EPOCH = 1;

/** Returns the user after one more event. `id` and `organizationId` are the record's; `user`: absent at first. */
export function evolve(user: User | undefined, event: UserEvent, id: string, organizationId: string): User {
  return {
    state: evolveState(user?.state, event, id, organizationId),
    person: evolvePerson(user?.person ?? EMPTY_PERSON, event),
  };
}

/** Returns by how much an event raises the epoch. */
export function epochGrowth(event: UserEvent): number {
  return evolveState(undefined, event, "", "").epoch - FIRST_EPOCH;
}

/** Returns only the narrow state, for events and commands that do not change the person. */
export function evolveState(
  before: UserState | undefined,
  event: UserEvent,
  id: string,
  organizationId: string,
): UserState {
  const base: UserState = {
    id,
    organizationId,
    deleted: before?.deleted ?? false,
    sequence: (before?.sequence ?? 0) + 1,
    epoch: before?.epoch ?? FIRST_EPOCH,
    creationTime: before?.creationTime ?? event.time,
    changeTime: event.time,
    restrictions: before?.restrictions ?? [],
  };
  switch (event.type) {
    case "UserCreated":
      return { ...base, deleted: false, creationTime: event.time };
    case "UserImported": {
      const { created, creationTime, restrictions, sessionsRevoked } = event.data;
      return {
        ...base,
        deleted: false,
        creationTime: created ? (creationTime ?? event.time) : base.creationTime,
        epoch: base.epoch + (sessionsRevoked ? 1 : 0),
        restrictions: restrictions.reduce(
          (all, added) => withRestriction(all, { ...added, note: event.personal[`note.${added.id}`] ?? "" }),
          base.restrictions,
        ),
      };
    }
    case "UserUpdated":
    case "SessionRevoked":
      return base;
    case "UserDeleted":
      return {
        ...base,
        deleted: true,
        epoch: base.epoch + 1,
        restrictions: base.restrictions
          .filter((r) => r.kind === "BAN")
          .map((r) => (event.data.erased === true ? { ...r, note: "" } : r)),
      };
    case "EventRedacted": {
      const { cleared } = event.data;
      const isCleared = ({ id }: Restriction): boolean => cleared.includes(`note.${id}`);
      return { ...base, restrictions: base.restrictions.map((r) => (isCleared(r) ? { ...r, note: "" } : r)) };
    }
    case "UserSessionsRevoked":
      return { ...base, epoch: base.epoch + 1 };
    case "UserLocked":
    case "UserBanned":
    case "UserDeactivated":
      return {
        ...base,
        epoch: base.epoch + (event.data.sessionsRevoked ? 1 : 0),
        restrictions: withRestriction(base.restrictions, restrictionOf(event.data.restriction, event)),
      };
    case "UserUnlocked":
    case "UserUnbanned":
    case "UserReactivated": {
      const lifted = event.data.restrictionIds;
      return { ...base, restrictions: base.restrictions.filter((r) => !lifted.includes(r.id)) };
    }
    case "RestrictionStarted": {
      const { restrictionId, sessionsRevoked } = event.data;
      return {
        ...base,
        epoch: base.epoch + (sessionsRevoked ? 1 : 0),
        restrictions: base.restrictions.map((r) => (r.id === restrictionId ? { ...r, started: true } : r)),
      };
    }
    case "RestrictionExpired":
      return { ...base, restrictions: base.restrictions.filter((r) => r.id !== event.data.restrictionId) };
    default:
      return event satisfies never;
  }
}

function restrictionOf(record: RestrictionRecord, event: UserEvent): Restriction {
  return { ...record, note: event.personal.note ?? "", actor: event.actor };
}

const PERSON_EVENTS: ReadonlySet<UserEvent["type"]> = new Set([
  "UserCreated",
  "UserImported",
  "UserUpdated",
  "UserDeleted",
  "EventRedacted",
]);

/** Returns whether events of this type may change the person. */
export function touchesPerson(type: UserEvent["type"]): boolean {
  return PERSON_EVENTS.has(type);
}

function evolvePerson(before: Person, event: UserEvent): Person {
  switch (event.type) {
    case "UserCreated":
      return changePerson(EMPTY_PERSON, event.data, event.personal);
    case "UserImported":
      return changePerson(event.data.created ? EMPTY_PERSON : before, event.data, event.personal);
    case "UserUpdated":
      return changePerson(before, event.data, event.personal);
    case "UserDeleted":
      return EMPTY_PERSON;
    case "EventRedacted": {
      const { cleared } = event.data;
      // A user without an address has no verified one.
      const verified = cleared.includes("profile.email") ? { emailVerified: false } : {};
      return changePerson(before, { set: [], cleared, ...verified }, {});
    }
    default:
      return before;
  }
}

/** A name that is set but whose value was erased is removed: no earlier value may become visible. */
function changePerson(before: Person, change: PersonChange, personal: Readonly<Record<string, string>>): Person {
  const values = new Map<string, string>();
  for (const field of PROFILE_FIELDS) {
    const value = before.profile[field];
    if (value !== undefined) values.set(`profile.${field}`, value);
  }
  for (const [namespace, value] of Object.entries(before.attributes)) values.set(`attributes.${namespace}`, value);
  for (const name of change.cleared) values.delete(name);
  for (const name of change.set) {
    const value = personal[name];
    if (value === undefined) values.delete(name);
    else values.set(name, value);
  }
  if (change.locale === "") values.delete("profile.locale");
  else if (change.locale !== undefined) values.set("profile.locale", change.locale);
  return personOf(values, change.emailVerified ?? before.profile.emailVerified ?? false);
}

function personOf(values: ReadonlyMap<string, string>, emailVerified: boolean): Person {
  const profile: Partial<Record<ProfileField, string>> & { emailVerified?: true } = {};
  const attributes: [string, string][] = [];
  for (const field of PROFILE_FIELDS) {
    const value = values.get(`profile.${field}`);
    if (value !== undefined) profile[field] = value;
  }
  if (emailVerified) profile.emailVerified = true;
  for (const [name, value] of values) {
    if (name.startsWith("attributes.")) attributes.push([name.slice("attributes.".length), value]);
  }
  // fromEntries defines own properties, so a namespace named __proto__ is ordinary data.
  return { profile, attributes: Object.fromEntries(attributes.sort(([a], [b]) => (a < b ? -1 : 1))) };
}
