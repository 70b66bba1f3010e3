/** A person that tests create, and the event of one command. */
import assert from "node:assert/strict";
import type { UserEvent } from "../../../src/domain/event.ts";
import type { User } from "../../../src/domain/user.ts";
import { created, NOW, step } from "./given.ts";

export const ALICE = { username: "alice", email: "alice@acme.example", locale: "de-CH", emailVerified: true } as const;

/** A user with a profile and attributes. */
export const known = (): User => created({ profile: ALICE, attributes: { billing: '{"plan":"free"}', crm: "{}" } });

/** The one event that a command makes. */
export function ownEvent(before: User | undefined, command: Parameters<typeof step>[1], now = NOW): UserEvent {
  const { decision } = step(before, command, now);
  if (!decision.ok) throw new Error(decision.refusal.message);
  const [event, ...more] = decision.events;
  assert.ok(event !== undefined && more.length === 0, `${decision.events.length} events`);
  return event;
}
