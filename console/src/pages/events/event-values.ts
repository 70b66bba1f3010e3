/** The personal values of an event: which it has, which are withheld, and which may be erased. */
import type { Event, PersonChange } from "../../../../gen/lockkeeper/event/v1/event_pb.ts";
import type { Profile } from "../../../../gen/lockkeeper/resource/v1/profile_pb.ts";

export interface EventValue {
  /** As the contract names it, such as `profile.email`. */
  readonly name: string;
  /** Undefined: erased or withheld. */
  readonly value: string | undefined;
}

/** They are kept when a person is forgotten, so nobody can erase them. */
const NOT_PERSONAL = ["profile.locale", "profile.emailVerified"];

/** Returns what an event changes of a person; undefined if it is not about that. */
export function changeOf({ payload }: Event): PersonChange | undefined {
  if (payload.case !== "userCreated" && payload.case !== "userImported" && payload.case !== "userUpdated")
    return undefined;
  return payload.value.change;
}

/** Returns the values that an event sets. */
export function valuesOf(event: Event): readonly EventValue[] {
  const change = changeOf(event);
  return (change?.setFields ?? []).map((name) => ({ name, value: personalValue(change, name) }));
}

/** Returns the names of the values that the event still has, also of those that the caller may not see. */
export function erasableOf(event: Event): readonly string[] {
  const { note, withheldFields, payload } = event;
  const imported = payload.case === "userImported" ? payload.value.restrictions : [];
  const shown = valuesOf(event).filter(({ value }) => value !== undefined);
  const notes = imported.filter((each) => each.note !== "").map(({ restrictionId }) => `note.${restrictionId}`);
  const names = [...(note === "" ? [] : ["note"]), ...shown.map(({ name }) => name), ...notes, ...withheldFields];
  return [...new Set(names)].filter((name) => !NOT_PERSONAL.includes(name));
}

function personalValue(change: PersonChange | undefined, name: string): string | undefined {
  const key = name.slice(name.indexOf(".") + 1);
  if (name.startsWith("attributes.")) {
    const value = change?.attributes[key];
    return value && JSON.stringify(value);
  }
  const value = change?.profile?.[key as Exclude<keyof Profile, "$typeName">];
  return value === undefined ? undefined : String(value);
}
