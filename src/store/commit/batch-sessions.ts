/** Commands on sessions within a batch: the session and its user, settled, decided together. */
import { shown } from "../../domain/refusal.ts";
import {
  decideCreateSession,
  decideSession,
  type Session,
  type SessionCommand,
  type SessionDecision,
} from "../../domain/session.ts";
import { settle } from "../../domain/settle.ts";
import { evolveUser } from "./batch-users.ts";
import type { Decided } from "./changes.ts";
import { INSTANCE_KEY } from "./entries.ts";
import type { WorkingSet } from "./working-set.ts";

/**
 * Decides a command on a session. Sessions are rows; only the end of a single one is an event, of its user. `activity`:
 * returns a session with its last known activity, written or not.
 */
export function decideSessionCommand(
  set: WorkingSet,
  command: SessionCommand,
  now: number,
  activity: (session: Session) => Session,
): Decided {
  const entry = set.get({ kind: "session", id: command.sessionId });
  const userId = command.type === "CreateSession" ? command.userId : entry.session?.userId;
  const userEntry = userId === undefined ? undefined : set.get({ kind: "user", id: userId });
  const settled = userEntry?.state && settle(userEntry.state, now);
  const user = settled?.state;
  const moment = { now, generation: set.get(INSTANCE_KEY).instance.generation };
  let decision: SessionDecision;
  if (command.type === "CreateSession") {
    if (entry.session !== undefined) throw new Error(`batch: the session id ${shown(entry.id)} is taken`);
    decision = decideCreateSession(user, command, moment);
  } else {
    decision = decideSession(entry.session && activity(entry.session), user, command, moment);
  }
  if (!decision.ok) return decision;
  const { session, tokenHash, event } = decision;
  const isRowChanged = session.sequence !== entry.session?.sequence;
  const apply = (): void => {
    entry.session = session;
    entry.tokenHash = tokenHash ?? entry.tokenHash;
    if (isRowChanged) entry.isChanged = true;
  };
  if (event === undefined || userEntry === undefined || settled === undefined) {
    return { ok: true, entry, events: [], resource: session, own: {}, isRowChanged, apply };
  }
  const evolved = evolveUser(userEntry, settled.events, [event], settled.state.organizationId, command.context);
  const applyBoth = (): void => {
    evolved.apply();
    apply();
  };
  return { ...evolved, resource: session, apply: applyBoth };
}
