/** The rules for what is forgotten: deleting a user with or without its personal values, and redacting one event. */
import type { DeleteUser, FoundEvent, RedactEvent } from "./command.ts";
import { accept, type DecideContext, type Decision, type ErasedState, noteOf, reject } from "./decision.ts";
import { refuse, refuseField, sequenceMismatch, shown } from "./refusal.ts";
import type { User } from "./user.ts";

const NOTHING_ERASED: ErasedState = { sequence: 0, names: [] };

/** Erasing twice adds nothing: the second time succeeds without an event. */
export function decideDelete(
  { state }: User,
  { context, reasonCode, note, erase = false }: DeleteUser,
  { now, erased = NOTHING_ERASED }: DecideContext,
): Decision {
  if (state.deleted && erased.sequence >= state.sequence) return accept();
  return accept({
    type: "UserDeleted",
    time: now,
    actor: context.actor,
    data: { reasonCode, ...(erase ? { erased: true } : {}) },
    personal: noteOf(note),
  });
}

/** Decides RedactEvent. An event that has lost the values already stays as it is. */
export function decideRedaction(
  user: User,
  command: RedactEvent,
  { now, erased = NOTHING_ERASED }: DecideContext,
): Decision {
  const { userId, eventSequence: sequence, found, fields, context, reasonCode, note } = command;
  const metadata = { userId, sequence: String(sequence) };
  const subject = `the event ${sequence} of the user ${shown(userId)}`;
  if (found === undefined) {
    const history = `its history ends at ${user.state.sequence}`;
    return reject(
      refuse("EVENT_NOT_FOUND", `there is no event ${sequence} of the user ${shown(userId)}; ${history}`, { metadata }),
    );
  }
  const { knownSequence: expected } = found;
  if (expected !== user.state.sequence) {
    return reject(sequenceMismatch("user", userId, { expected, sequence: user.state.sequence }));
  }
  if (found.names.length === 0) {
    return reject(refuse("EVENT_NOT_PERSONAL", `${subject} was recorded without personal values`, { metadata }));
  }
  const unknown = fields.findIndex((name) => !found.names.includes(name));
  if (unknown !== -1) {
    const has = `the event was recorded with ${found.names.map(shown).join(", ")}`;
    return reject(refuseField(`fields[${unknown}]`, `${shown(fields[unknown] ?? "")} is not allowed; ${has}`));
  }
  const asked = fields.length === 0 ? found.names : fields;
  const lost = sequence < erased.sequence ? [] : erased.names.filter((name) => asked.includes(name)).sort();
  if (lost.length === 0) return accept();
  return accept({
    type: "EventRedacted",
    time: now,
    actor: context.actor,
    data: { sequence, fields: lost, cleared: clearedBy(user, lost, found), reasonCode },
    personal: noteOf(note),
  });
}

/** Returns the names of what the user has from the event itself, and not from a later one. */
function clearedBy({ state, person }: User, lost: readonly string[], found: FoundEvent): readonly string[] {
  const own = new Set([
    ...Object.keys(person.profile).map((field) => `profile.${field}`),
    ...Object.keys(person.attributes).map((namespace) => `attributes.${namespace}`),
  ]);
  const notes = new Set(state.restrictions.map(({ id }) => `note.${id}`));
  return lost
    .map((name) => (name === "note" ? `note.${found.restrictionId ?? ""}` : name))
    .filter((name) => notes.has(name) || (own.has(name) && !found.laterNames.includes(name)))
    .sort();
}
