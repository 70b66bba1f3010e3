/** The weight of an item on a page: its characters, and the cost of encoding its values. */
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

/** Returns the weight of a user's profile and attributes. */
export function personWeight(person: Person): number {
  return personChars(person) + attributesWeight(person.attributes);
}
