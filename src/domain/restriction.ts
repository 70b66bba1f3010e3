/** One reason why a user may not act: its kind, its cause, and the interval in which it holds. */

export const RESTRICTION_KINDS = ["LOCK", "BAN", "DEACTIVATION"] as const;
export type RestrictionKind = (typeof RESTRICTION_KINDS)[number];

/** ADMIN: a caller's command. POLICY: too many failed sign-ins. DIRECTORY: a directory said so. RECOVERY: too many failed recoveries. */
export const CAUSES = ["ADMIN", "POLICY", "DIRECTORY", "RECOVERY"] as const;
export type Cause = (typeof CAUSES)[number];

/** The causes that each kind may have. */
export const CAUSES_OF = {
  LOCK: ["ADMIN", "POLICY", "RECOVERY"],
  BAN: ["ADMIN"],
  DEACTIVATION: ["ADMIN", "DIRECTORY"],
} as const satisfies Readonly<Record<RestrictionKind, readonly Cause[]>>;

/** The latest instant there is: 9999-12-31T23:59:59.999Z, in milliseconds since the epoch. */
export const LATEST_TIME = 253_402_300_799_999;

/**
 * A restriction holds in `[startTime, expireTime)`. At most one per (kind, cause) exists, holding or scheduled.
 * Instants are milliseconds since the epoch, UTC.
 */
export interface Restriction {
  readonly id: string;
  readonly kind: RestrictionKind;
  readonly cause: Cause;
  /** Empty when none was given. */
  readonly reasonCode: string;
  /** For the operators' eyes; empty when none was given or when it was erased. */
  readonly note: string;
  /** Who imposed it. */
  readonly actor: string;
  readonly startTime: number;
  /** `null`: never expires. */
  readonly expireTime: number | null;
  /** The start is recorded in the history. False: scheduled. */
  readonly started: boolean;
  /** Ends the user's sessions at the moment it starts. */
  readonly revokeSessions: boolean;
}

/** When the restriction changes next by the clock alone; `null`: never. */
export function nextDueOf(restriction: Restriction): number | null {
  return restriction.started ? restriction.expireTime : restriction.startTime;
}

/** Whether there is one of this kind and cause that never expires; it stays so unless the caller says otherwise. */
export function isPermanent(restrictions: readonly Restriction[], kind: RestrictionKind, cause: Cause): boolean {
  return restrictions.some((r) => r.kind === kind && r.cause === cause && r.expireTime === null);
}

/** The restrictions without those of this kind and cause, and with the new one, in a stable order. */
export function withRestriction(restrictions: readonly Restriction[], added: Restriction): readonly Restriction[] {
  return [...restrictions.filter((r) => r.kind !== added.kind || r.cause !== added.cause), added];
}

type Span = Pick<Restriction, "startTime" | "expireTime" | "started">;

/** When it ends, in milliseconds since the epoch; infinite: never. */
export function endOf({ expireTime }: Pick<Restriction, "expireTime">): number {
  return expireTime ?? Number.POSITIVE_INFINITY;
}

/** Whether both are scheduled for, or hold at, times that do not touch. */
export function isApart(one: Span, other: Span): boolean {
  return one.startTime > endOf(other) || other.startTime > endOf(one);
}

/** A restriction in the place of one that holds, if any: what holds stays until the new one begins. */
export function sinceHeld<R extends Span>(added: R, present: Span | undefined): R {
  if (present?.started !== true || added.started) return added;
  return { ...added, startTime: present.startTime, started: true };
}

/** The same, and it ends no sooner. */
export function neverWeaker<R extends Span>(added: R, present: Span | undefined): R {
  if (present === undefined) return added;
  const since = sinceHeld(added, present);
  const starting =
    since.startTime <= present.startTime || since.started ? since : { ...since, startTime: present.startTime };
  return { ...starting, expireTime: endOf(present) > endOf(added) ? present.expireTime : added.expireTime };
}
