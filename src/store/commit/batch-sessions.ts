/** Commands on sessions within a batch: the session and its user, settled, decided together. */
import { type Refusal, shown } from "../../domain/refusal.ts";
import {
  decideCreateSession,
  decideSession,
  type Session,
  type SessionCommand,
  type SessionDecision,
} from "../../domain/session.ts";
import { settle } from "../../domain/settle.ts";
import { type Entry, INSTANCE_KEY } from "./entries.ts";
import type { WorkingSet } from "./working-set.ts";

/** A decided command on a session, before it is written. */
export type DecidedSession =
  | { readonly ok: false; readonly refusal: Refusal }
  | {
      readonly ok: true;
      readonly entry: Entry<"session">;
      readonly resource: Session;
      readonly isRowChanged: boolean;
      readonly apply: () => void;
    };

/** Decides a command on a session. `activity`: returns a session with its last known activity, written or not. */
export function decideSessionCommand(
  set: WorkingSet,
  command: SessionCommand,
  now: number,
  activity: (session: Session) => Session,
): DecidedSession {
  const entry = set.get({ kind: "session", id: command.sessionId });
  const userId = command.type === "CreateSession" ? command.userId : entry.session?.userId;
  const before = userId === undefined ? undefined : set.get({ kind: "user", id: userId }).state;
  const user = before && settle(before, now).state;
  const moment = { now, generation: set.get(INSTANCE_KEY).instance.generation };
  let decision: SessionDecision;
  if (command.type === "CreateSession") {
    if (entry.session !== undefined) throw new Error(`batch: the session id ${shown(entry.id)} is taken`);
    decision = decideCreateSession(user, command, moment);
  } else {
    decision = decideSession(entry.session && activity(entry.session), user, command, moment);
  }
  if (!decision.ok) return decision;
  const { session, tokenHash } = decision;
  const apply = (): void => {
    entry.session = session;
    entry.tokenHash = tokenHash ?? entry.tokenHash;
  };
  return { ok: true, entry, resource: session, isRowChanged: session.sequence !== entry.session?.sequence, apply };
}
