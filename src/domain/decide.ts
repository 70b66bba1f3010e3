/** decide(user, command, now) → events or a refusal. Pure: no I/O, no clock; the caller passes a settled user. */

import type {
  BanUser,
  DeactivateUser,
  LockUser,
  ReactivateUser,
  UnbanUser,
  UnlockUser,
  UserCommand,
} from "./command.ts";
import { decideDelete, decideRedaction } from "./decide-erasure.ts";
import { decideCreate, decideImport, decideUpdate } from "./decide-person.ts";
import { accept, type DecideContext, type Decision, noteOf, reject } from "./decision.ts";
import type { RestrictionRecord, UserEvent } from "./event.ts";
import { resolveInterval } from "./interval.ts";
import { type Reason, type Refusal, refuse, sequenceMismatch, shown } from "./refusal.ts";
import { type Cause, isPermanent, type Restriction, type RestrictionKind, sinceHeld } from "./restriction.ts";
import { existsFor, type Sight } from "./sight.ts";
import { stateOf, type User } from "./user.ts";

type RestrictCommand = LockUser | BanUser | DeactivateUser;
type LiftCommand = UnlockUser | UnbanUser | ReactivateUser;

/**
 * Decides a command on a user, in the order of refusal: validation of what depends on the clock, existence, sequence,
 * state. A user outside the caller's scope does not exist.
 */
export function decide(user: User | undefined, command: UserCommand, context: DecideContext): Decision {
  switch (command.type) {
    case "CreateUser":
      return decideCreate(user, command, context.now);
    case "ImportUser":
      return decideImport(user, command, context);
    case "SettleUser":
      return accept();
    default:
  }
  const imposing = command.type === "LockUser" || command.type === "BanUser" || command.type === "DeactivateUser";
  const imposed = imposing ? restrictionFor(command, user, context) : undefined;
  if (imposed?.ok === false) return imposed;
  if (user === undefined || !existsFor(user.state, sightOf(command))) return reject(userNotFound(command.userId));
  const unfit = unfitState(user, command);
  if (unfit !== undefined) return reject(unfit);
  if (imposed !== undefined && imposing) return impose(user, command, imposed.restriction, context.now);
  switch (command.type) {
    case "UpdateUser":
      return decideUpdate(user, command, context.now);
    case "DeleteUser":
      return decideDelete(user, command, context);
    case "RedactEvent":
      return decideRedaction(user, command, context);
    case "RevokeUserSessions":
      return accept({
        type: "UserSessionsRevoked",
        time: context.now,
        actor: command.context.actor,
        data: { reasonCode: command.reasonCode },
        personal: noteOf(command.note),
      });
    case "UnlockUser":
    case "UnbanUser":
    case "ReactivateUser":
      return lift(user, command, context.now);
    default:
      throw new Error(`decide: ${command.type} was decided above`);
  }
}

/** What is erased may be of a user that is deleted already. */
function sightOf(command: UserCommand): Sight {
  const showDeleted = command.type === "RedactEvent" || (command.type === "DeleteUser" && command.erase === true);
  return { scope: command.context.scope, showDeleted };
}

/** The same for a user that never existed, is deleted, or belongs to another organization. */
export function userNotFound(userId: string): Refusal {
  return noUser(`there is no user with the id ${shown(userId)}`, { userId });
}

/** Nobody in the organization has this username or email address, which is personal and not repeated. */
export function identifierNotFound(): Refusal {
  return noUser("nobody has this username or email address", {});
}

function noUser(message: string, metadata: Readonly<Record<string, string>>): Refusal {
  return refuse("USER_NOT_FOUND", message, { metadata });
}

function unfitState(
  user: User,
  command: Pick<LockUser, "expectedSequence" | "onlyFrom" | "userId">,
): Refusal | undefined {
  const { sequence } = user.state;
  if (command.expectedSequence !== undefined && command.expectedSequence !== sequence) {
    return sequenceMismatch("user", command.userId, { expected: command.expectedSequence, sequence });
  }
  const state = stateOf(user.state);
  if (command.onlyFrom !== undefined && !command.onlyFrom.includes(state)) {
    return refuse(
      "USER_STATE_MISMATCH",
      `the user ${shown(command.userId)} is ${state}; the command is allowed from ${command.onlyFrom.join(", ")}`,
      { metadata: { userId: command.userId, state } },
    );
  }
  return undefined;
}

interface Rule {
  readonly kind: RestrictionKind;
  readonly already: Reason;
  readonly event: "UserLocked" | "UserBanned" | "UserDeactivated";
  readonly word: string;
}

const IMPOSING: Readonly<Record<RestrictCommand["type"], Rule>> = {
  LockUser: { kind: "LOCK", already: "USER_ALREADY_LOCKED", event: "UserLocked", word: "locked" },
  BanUser: { kind: "BAN", already: "USER_ALREADY_BANNED", event: "UserBanned", word: "banned" },
  DeactivateUser: {
    kind: "DEACTIVATION",
    already: "USER_ALREADY_DEACTIVATED",
    event: "UserDeactivated",
    word: "deactivated",
  },
};

function causeOf(command: RestrictCommand): Cause {
  return command.type === "DeactivateUser" ? command.cause : "ADMIN";
}

function find(user: User, kind: RestrictionKind, cause: Cause): Restriction | undefined {
  return user.state.restrictions.find((r) => r.kind === kind && r.cause === cause);
}

/**
 * Returns the restriction that the command asks for. A permanent restriction stays permanent and a longer one keeps its
 * end, unless the caller says otherwise: asking for the default again must not shorten anything.
 */
function restrictionFor(
  command: RestrictCommand,
  user: User | undefined,
  { now, defaultLockDurationMs }: DecideContext,
): { readonly ok: true; readonly restriction: RestrictionRecord } | { readonly ok: false; readonly refusal: Refusal } {
  const { kind } = IMPOSING[command.type];
  const cause = causeOf(command);
  const staysPermanent = isPermanent(user?.state.restrictions ?? [], kind, cause);
  const interval = resolveInterval(
    command.type === "DeactivateUser" ? { kind: "never" } : command.expiry,
    command.type === "DeactivateUser" ? undefined : command.startTime,
    { now, defaultMs: kind === "LOCK" && !staysPermanent ? defaultLockDurationMs : null },
  );
  if (!interval.ok) return interval;
  const { startTime } = interval;
  const isDefault = command.type !== "DeactivateUser" && command.expiry.kind === "default";
  const expireTime = isDefault ? laterEnd(user, kind, cause, interval.expireTime) : interval.expireTime;
  const revokeSessions = command.type === "LockUser" ? command.revokeSessions : true;
  return {
    ok: true,
    restriction: {
      id: command.restrictionId,
      kind,
      cause,
      reasonCode: command.reasonCode,
      startTime,
      expireTime,
      started: startTime <= now,
      revokeSessions,
    },
  };
}

/** Instants in milliseconds since the epoch; `null`: never. */
function laterEnd(user: User | undefined, kind: RestrictionKind, cause: Cause, end: number | null): number | null {
  const present = user && find(user, kind, cause)?.expireTime;
  return end === null || present === undefined || present === null ? end : Math.max(present, end);
}

function impose(user: User, command: RestrictCommand, restriction: RestrictionRecord, now: number): Decision {
  const { kind, already, event, word } = IMPOSING[command.type];
  const present = find(user, kind, restriction.cause);
  if (present !== undefined && command.ifAlready === "succeed") return accept();
  if (present !== undefined && command.ifAlready === "refuse") {
    return reject(alreadyRestricted(already, word, command.userId, present));
  }
  const imposed = sinceHeld(restriction, present);
  return accept({
    type: event,
    time: now,
    actor: command.context.actor,
    data: {
      restriction: imposed,
      ...(present === undefined ? {} : { replacedId: present.id }),
      sessionsRevoked: imposed.started && imposed.revokeSessions,
    },
    personal: noteOf(command.note),
  });
}

function alreadyRestricted(reason: Reason, word: string, userId: string, present: Restriction): Refusal {
  const from = present.started ? "since" : "as scheduled from";
  const until = present.expireTime === null ? "without expiry" : `until ${isoTime(present.expireTime)}`;
  return refuse(
    reason,
    `the user ${shown(userId)} is ${word} already, ${from} ${isoTime(present.startTime)}, ${until}`,
    {
      metadata: {
        userId,
        restrictionId: present.id,
        startTime: isoTime(present.startTime),
        ...(present.expireTime === null ? {} : { expireTime: isoTime(present.expireTime) }),
      },
    },
  );
}

function isoTime(time: number): string {
  return new Date(time).toISOString();
}

interface LiftRule {
  readonly kind: RestrictionKind;
  readonly notThere: Reason;
  readonly event: "UserUnlocked" | "UserUnbanned" | "UserReactivated";
  readonly word: string;
}

const LIFTING: Readonly<Record<LiftCommand["type"], LiftRule>> = {
  UnlockUser: { kind: "LOCK", notThere: "USER_NOT_LOCKED", event: "UserUnlocked", word: "locked" },
  UnbanUser: { kind: "BAN", notThere: "USER_NOT_BANNED", event: "UserUnbanned", word: "banned" },
  ReactivateUser: {
    kind: "DEACTIVATION",
    notThere: "USER_NOT_DEACTIVATED",
    event: "UserReactivated",
    word: "deactivated",
  },
};

/** Unlocking is an administrator's act and lifts all locks; reactivating lifts the deactivation of one cause. */
function lift(user: User, command: LiftCommand, now: number): Decision {
  const { kind, notThere, event, word } = LIFTING[command.type];
  const lifted = user.state.restrictions.filter(
    (r) => r.kind === kind && (command.type !== "ReactivateUser" || r.cause === command.cause),
  );
  if (lifted.length === 0) {
    if (command.ifAlready === "succeed") return accept();
    const state = stateOf(user.state);
    const cause = command.type === "ReactivateUser" ? ` for the cause ${command.cause}` : "";
    return reject(
      refuse(notThere, `the user ${shown(command.userId)} is not ${word}${cause}; its state is ${state}`, {
        metadata: { userId: command.userId, state },
      }),
    );
  }
  const { actor } = command.context;
  const lifting: UserEvent = {
    type: event,
    time: now,
    actor,
    data: { restrictionIds: lifted.map((r) => r.id), reasonCode: command.reasonCode },
    personal: noteOf(command.note),
  };
  return accept(lifting, ...clearing(user, command, now));
}

/** Returns the update that removes attribute namespaces together with the restriction. */
function clearing(user: User, { clears = [], context, reasonCode }: LiftCommand, now: number): readonly UserEvent[] {
  const cleared = clears.filter((namespace) => Object.hasOwn(user.person.attributes, namespace));
  if (cleared.length === 0) return [];
  const data = { set: [], cleared: cleared.map((namespace) => `attributes.${namespace}`).sort(), reasonCode };
  return [{ type: "UserUpdated", time: now, actor: context.actor, data, personal: {} }];
}
