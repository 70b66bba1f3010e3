/** One reason why a user may not act: its kind, its cause, and the interval in which it holds. */

export const RESTRICTION_KINDS = ["LOCK", "BAN", "DEACTIVATION"] as const;
export type RestrictionKind = (typeof RESTRICTION_KINDS)[number];

/**
 * ADMIN: a caller's command. POLICY: too many failed sign-ins. DIRECTORY: a directory's decision. RECOVERY: too many
 * failed recoveries.
 */
export const CAUSES = ["ADMIN", "POLICY", "DIRECTORY", "RECOVERY"] as const;
export type Cause = (typeof CAUSES)[number];

/** The causes that each kind may have. */
export const CAUSES_OF = {
  LOCK: ["ADMIN", "POLICY", "RECOVERY"],
  BAN: ["ADMIN"],
  DEACTIVATION: ["ADMIN", "DIRECTORY"],
} as const satisfies Readonly<Record<RestrictionKind, readonly Cause[]>>;

/** The latest possible instant: 9999-12-31T23:59:59.999Z, in milliseconds since the epoch. */
export const LATEST_TIME = 253_402_300_799_999;

/**
 * A restriction holds in `[startTime, expireTime)`. At most one per (kind, cause) exists, holding or scheduled.
 * Instants are milliseconds since the epoch, UTC.
 */
export interface Restriction {
  readonly id: string;
  readonly kind: RestrictionKind;
  readonly cause: Cause;
  /** Empty if none was given. */
  readonly reasonCode: string;
  /** For operators only; empty if none was given or if it was erased. */
  readonly note: string;
  /** Who imposed it. */
  readonly actor: string;
  readonly startTime: number;
  /** `null`: never expires. */
  readonly expireTime: number | null;
  /** Whether the start is recorded in the history. False: the restriction is scheduled. */
  readonly started: boolean;
  /** Whether the restriction ends the user's sessions when it starts. */
  readonly revokeSessions: boolean;
}

/** Returns when the clock alone changes the restriction next; `null`: never. */
export function nextDueOf(restriction: Restriction): number | null {
  return restriction.started ? restriction.expireTime : restriction.startTime;
}

/** Returns whether one of this kind and cause is permanent; it stays so unless the caller says otherwise. */
export function isPermanent(restrictions: readonly Restriction[], kind: RestrictionKind, cause: Cause): boolean {
  return restrictions.some((r) => r.kind === kind && r.cause === cause && r.expireTime === null);
}

/** Returns the restrictions with the new one instead of the one of its kind and cause, in a stable order. */
export function withRestriction(restrictions: readonly Restriction[], added: Restriction): readonly Restriction[] {
  return [...restrictions.filter((r) => r.kind !== added.kind || r.cause !== added.cause), added];
}

type Span = Pick<Restriction, "startTime" | "expireTime" | "started">;

/** Returns the end in milliseconds since the epoch; infinite: never. */
export function endOf({ expireTime }: Pick<Restriction, "expireTime">): number {
  return expireTime ?? Number.POSITIVE_INFINITY;
}

/** Returns whether the times of two restrictions do not touch. */
export function isApart(one: Span, other: Span): boolean {
  return one.startTime > endOf(other) || other.startTime > endOf(one);
}

/** Returns a restriction that replaces one in force, if any: the old one holds until the new one begins. */
export function sinceHeld<R extends Span>(added: R, present: Span | undefined): R {
  if (present?.started !== true || added.started) return added;
  return { ...added, startTime: present.startTime, started: true };
}

/** Returns the same, and the new restriction ends no sooner than the present one. */
export function neverWeaker<R extends Span>(added: R, present: Span | undefined): R {
  if (present === undefined) return added;
  const since = sinceHeld(added, present);
  const starting =
    since.startTime <= present.startTime || since.started ? since : { ...since, startTime: present.startTime };
  return { ...starting, expireTime: endOf(present) > endOf(added) ? present.expireTime : added.expireTime };
}
