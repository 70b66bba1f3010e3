/** What deciding a command on a user needs and returns. */
import type { UserEvent } from "./event.ts";
import type { Refusal } from "./refusal.ts";

export interface DecideContext {
  /** The instant of the decision, in milliseconds since the epoch. */
  readonly now: number;
  /** What `default` means for a lock of this organization. */
  readonly defaultLockDurationMs: number;
}

export type Decision =
  | { readonly ok: true; readonly events: readonly UserEvent[] }
  | { readonly ok: false; readonly refusal: Refusal };

/** Nothing to write, or these events. */
export function accept(...events: readonly UserEvent[]): Decision {
  return { ok: true, events };
}

export function reject(refusal: Refusal): { readonly ok: false; readonly refusal: Refusal } {
  return { ok: false, refusal };
}

/** The personal part of an event that carries a note. */
export function noteOf(note: string): Readonly<Record<string, string>> {
  return note === "" ? {} : { note };
}
