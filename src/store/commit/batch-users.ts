/** Commands on users within a batch. */
import type { CommandContext, UserCommand } from "../../domain/command.ts";
import { decide, userNotFound } from "../../domain/decide.ts";
import type { UserEvent } from "../../domain/event.ts";
import { evolve, evolveState, touchesPerson } from "../../domain/evolve.ts";
import { DEFAULT_LOCK_DURATION_MS, organizationNotFound } from "../../domain/organization.ts";
import { type Refusal, shown } from "../../domain/refusal.ts";
import { settle } from "../../domain/settle.ts";
import type { UserState } from "../../domain/user.ts";
import { erasedBefore, noteErasure, redact } from "./batch-erasures.ts";
import { type Decided, lastOf, type PendingEvent, type Success } from "./changes.ts";
import { beginLife, forgetFailures } from "./counter-changes.ts";
import type { Entry } from "./entries.ts";
import type { WorkingSet } from "./working-set.ts";

/** `via` of events that no call caused. */
const CLOCK_VIA = "clock";

/** Decides a command on a user. */
export function decideUser(set: WorkingSet, command: UserCommand, now: number): Decided {
  if (command.type === "CreateUser" || command.type === "ImportUser") {
    const unknown = checkOrganization(set, command.organizationId, command.context);
    if (unknown !== undefined) return { ok: false, refusal: unknown };
  }
  const entry = set.get({ kind: "user", id: command.userId });
  const settled = entry.state === undefined ? undefined : settle(entry.state, now);
  if (settled === undefined && command.type === "SettleUser") {
    return { ok: false, refusal: userNotFound(command.userId) };
  }
  const organizationId =
    settled?.state.organizationId ?? ("organizationId" in command ? command.organizationId : undefined);
  const erased = erasedBefore(set, command);
  const decision = decide(settled && { state: settled.state, person: entry.person }, command, {
    now,
    defaultLockDurationMs: lockDurationOf(set, organizationId),
    ...(erased === undefined ? {} : { erased }),
  });
  if (!decision.ok) return decision;
  const due = settled?.events ?? [];
  const decided = evolveUser(entry, due, decision.events, organizationId ?? "", command.context);
  const isRecreated = decision.events.some(({ data }) => "recreated" in data && data.recreated);
  const redacted = decision.events.find((event) => event.type === "EventRedacted");
  const isUnlocked = command.type === "UnlockUser" && decision.events.length > 0;
  const apply = (): void => {
    decided.apply();
    if (isRecreated) beginLife(set, entry, now);
    if (isUnlocked) forgetFailures(set, entry.id, organizationId ?? "");
    if (decision.events.length > 0) noteErasure(set, command, entry, now);
    if (redacted !== undefined && command.type === "RedactEvent") redact(set, command, redacted.data.fields);
  };
  return { ...decided, apply };
}

/**
 * Appends events to a user: first those that the clock has made due, then the command's own. The user is changed in the
 * batch only by `apply`.
 */
export function evolveUser(
  entry: Entry<"user">,
  due: readonly UserEvent[],
  own: readonly UserEvent[],
  organizationId: string,
  context: CommandContext,
): Success {
  let state: UserState | undefined = entry.state;
  let { person } = entry;
  let isPersonChanged = false;
  const events: PendingEvent[] = [];
  const append = (event: UserEvent, via: string, requestId: string): void => {
    if (touchesPerson(event.type)) {
      ({ state, person } = evolve(state && { state, person }, event, entry.id, organizationId));
      isPersonChanged = true;
    } else {
      state = evolveState(state, event, entry.id, organizationId);
    }
    const { sequence } = state;
    events.push({ event, organizationId, userId: entry.id, apiKeyId: undefined, sequence, via, requestId });
  };
  for (const event of due) append(event, CLOCK_VIA, "");
  for (const event of own) append(event, context.via, context.request?.id ?? "");
  if (state === undefined) {
    throw new Error(`batch: a command on the unknown user ${shown(entry.id)} succeeded without an event`);
  }
  const resource = { state, person };
  const apply = (): void => {
    entry.state = resource.state;
    entry.person = resource.person;
    entry.isPersonChanged ||= isPersonChanged;
  };
  return { ok: true, entry, events, resource, own: lastOf(own), apply };
}

/** Returns a refusal unless the organization exists and is in the caller's scope. */
export function checkOrganization(set: WorkingSet, id: string, { scope }: CommandContext): Refusal | undefined {
  const visible = scope === null || scope === id;
  if (visible && set.get({ kind: "organization", id }).organization !== undefined) return undefined;
  return organizationNotFound(id);
}

function lockDurationOf(set: WorkingSet, organizationId: string | undefined): number {
  if (organizationId === undefined) return DEFAULT_LOCK_DURATION_MS;
  const { organization } = set.get({ kind: "organization", id: organizationId });
  return organization?.defaultLockDurationMs ?? DEFAULT_LOCK_DURATION_MS;
}
