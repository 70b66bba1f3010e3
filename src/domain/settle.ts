/** settle(state, now) → the changes that the clock made to a user since the last event, as events. */
import { SYSTEM_ACTOR, type UserEvent } from "./event.ts";
import { evolveState } from "./evolve.ts";
import { nextDueOf, RESTRICTION_KINDS, type Restriction } from "./restriction.ts";
import { nextDue, type UserState } from "./user.ts";

export interface Settled {
  readonly state: UserState;
  /** In the order (time, kind); each has the time when it was due. */
  readonly events: readonly UserEvent[];
}

const NOTHING: readonly UserEvent[] = [];

/**
 * Appends the starts and expiries that are due at `now`. Pure. It runs before every read and every decision, so that
 * state, sequence, epoch and change date are already what they will be once the events are written.
 */
export function settle(state: UserState, now: number): Settled {
  const due = nextDue(state);
  if (due === null || due > now) return { state, events: NOTHING };
  const events: UserEvent[] = [];
  let settled = state;
  for (let next = earliest(settled, now); next !== undefined; next = earliest(settled, now)) {
    const event = next.started ? expired(next) : started(next);
    events.push(event);
    settled = evolveState(settled, event, settled.id, settled.organizationId);
  }
  return { state: settled, events };
}

function earliest(state: UserState, now: number): Restriction | undefined {
  let first: Restriction | undefined;
  for (const restriction of state.restrictions) {
    const due = nextDueOf(restriction);
    if (due === null || due > now) continue;
    if (first === undefined || isBefore(restriction, first)) first = restriction;
  }
  return first;
}

function isBefore(a: Restriction, b: Restriction): boolean {
  const byTime = (nextDueOf(a) ?? 0) - (nextDueOf(b) ?? 0);
  if (byTime !== 0) return byTime < 0;
  const byKind = RESTRICTION_KINDS.indexOf(a.kind) - RESTRICTION_KINDS.indexOf(b.kind);
  return byKind !== 0 ? byKind < 0 : a.cause < b.cause;
}

function started(restriction: Restriction): UserEvent {
  const { id, kind, cause, revokeSessions, startTime } = restriction;
  return {
    type: "RestrictionStarted",
    time: startTime,
    actor: SYSTEM_ACTOR,
    data: { restrictionId: id, kind, cause, sessionsRevoked: revokeSessions },
    personal: {},
  };
}

function expired(restriction: Restriction): UserEvent {
  const { id, kind, cause, expireTime, startTime } = restriction;
  return {
    type: "RestrictionExpired",
    time: expireTime ?? startTime,
    actor: SYSTEM_ACTOR,
    data: { restrictionId: id, kind, cause },
    personal: {},
  };
}
