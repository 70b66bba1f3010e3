/** What an item adds to a page: its characters, and what its values cost whoever makes the answer. */
import { type Attributes, type Person, personChars } from "./user.ts";

/** A value in JSON takes as long to make as so many characters of text. */
const VALUE_CHARS = 50;

const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const OPEN_OBJECT = 0x7b;

/** Of a JSON text. What stands in its strings is counted, too: pages are shorter then, never longer. */
export function weightOf(text: string): number {
  let values = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === COMMA || code === OPEN_ARRAY || code === OPEN_OBJECT) values++;
  }
  return text.length + values * VALUE_CHARS;
}

/** Weight of free JSON by namespace. */
export function attributesWeight(attributes: Attributes): number {
  return Object.values(attributes).reduce((sum, text) => sum + weightOf(text), 0);
}

/** Of a user's profile and attributes. */
export function personWeight(person: Person): number {
  return personChars(person) + attributesWeight(person.attributes);
}
