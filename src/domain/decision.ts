/** The input and the outcome of a decision on a user. */
import type { UserEvent } from "./event.ts";
import type { Refusal } from "./refusal.ts";

export interface DecideContext {
  /** The instant of the decision, in milliseconds since the epoch. */
  readonly now: number;
  /** What `default` means for a lock of this organization. */
  readonly defaultLockDurationMs: number;
  /** What is known of erasures; only commands that erase need it. */
  readonly erased?: ErasedState;
}

/** What of a user is erased already. */
export interface ErasedState {
  /** Events before this one have lost their personal values; 0: none. */
  readonly sequence: number;
  /** The names of the values that the event of RedactEvent still has. */
  readonly names: readonly string[];
}

export type Decision =
  | { readonly ok: true; readonly events: readonly UserEvent[] }
  | { readonly ok: false; readonly refusal: Refusal };

/** Accepts a command: nothing to write, or these events. */
export function accept(...events: readonly UserEvent[]): Decision {
  return { ok: true, events };
}

export function reject(refusal: Refusal): { readonly ok: false; readonly refusal: Refusal } {
  return { ok: false, refusal };
}

/** Returns the personal part of an event with a note. */
export function noteOf(note: string): Readonly<Record<string, string>> {
  return note === "" ? {} : { note };
}
