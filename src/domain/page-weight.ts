/** The weight of what is sent: its characters, and the cost of encoding its values. */
import { type Attributes, type Person, personChars } from "./user.ts";

/** Encoding a JSON value takes as long as this many characters of text. */
const VALUE_CHARS = 50;

const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const OPEN_OBJECT = 0x7b;

/** Returns the weight of a JSON text. Characters in strings count too: they make pages shorter, never longer. */
export function weightOf(text: string): number {
  let values = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === COMMA || code === OPEN_ARRAY || code === OPEN_OBJECT) values++;
  }
  return text.length + values * VALUE_CHARS;
}

/** Returns the weight of free JSON by namespace. */
export function attributesWeight(attributes: Attributes): number {
  return Object.values(attributes).reduce((sum, text) => sum + weightOf(text), 0);
}

interface PersonalEvent {
  /** The values of attributes are JSON. */
  readonly event: { readonly personal: Readonly<Record<string, string>> };
}

const ENVELOPE_CHARS = 500;
/** The most that events sent together may weigh: gRPC clients take 4 MiB, and one turn must be short. */
export const EVENTS_WEIGHT_MAX = 256 * 1024;

/** Returns the weight of an event as a message. */
export function eventWeight({ event }: PersonalEvent): number {
  let weight = ENVELOPE_CHARS;
  for (const value of Object.values(event.personal)) weight += weightOf(value);
  return weight;
}

/** Returns the first events, at least one, that together weigh no more; the list itself, if all do. */
export function sentTogether<E extends PersonalEvent>(
  events: readonly E[],
  weightMax: number = EVENTS_WEIGHT_MAX,
): readonly E[] {
  let weight = 0;
  const end = events.findIndex((event, index) => {
    weight += eventWeight(event);
    return index > 0 && weight > weightMax;
  });
  return end === -1 ? events : events.slice(0, end);
}

/** Returns the weight of a user's profile and attributes. */
export function personWeight(person: Person): number {
  return personChars(person) + attributesWeight(person.attributes);
}
