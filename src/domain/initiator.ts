/** Who started a change, in the words of the Continuous Access Evaluation Profile. */
import { SYSTEM_ACTOR } from "./event.ts";

/**
 * ADMIN: a caller. POLICY: too many failed attempts. SYSTEM: the clock, a start, or a command on the machine. PERSON:
 * the user itself, according to the caller.
 */
export const INITIATORS = ["ADMIN", "POLICY", "SYSTEM", "PERSON"] as const;
export type Initiator = (typeof INITIATORS)[number];

/** Returns who started what an event of any kind records. */
export function initiatorOf(event: {
  readonly type: string;
  readonly actor: string;
  readonly data: object;
}): Initiator {
  if ("byPerson" in event.data) return "PERSON";
  if (event.actor !== SYSTEM_ACTOR) return "ADMIN";
  // No caller asks for a lock in the name of the service: attempts do, see attempt.ts.
  return event.type === "UserLocked" ? "POLICY" : "SYSTEM";
}
