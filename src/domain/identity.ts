/** The rules for ids of new users and organizations. */
import { shown } from "./refusal.ts";

const ID_CHARS_MAX = 200;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/u;
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * Returns what is wrong with an id for a new user or organization; `undefined`: nothing. Ids are compared byte for
 * byte, so forms that look alike but differ are refused.
 */
export function idFault(id: string): string | undefined {
  const chars = [...id].length;
  if (chars < 1 || chars > ID_CHARS_MAX) return `has ${chars} characters; 1 to ${ID_CHARS_MAX} are allowed`;
  if (LONE_SURROGATE.test(id)) return `${shown(id)} is not well-formed Unicode`;
  if (CONTROL.test(id)) return `${shown(id)} has a control character`;
  if (id.normalize("NFC") !== id) return `${shown(id)} is not in Unicode normal form C`;
  if (id.trim() !== id) return `${shown(id)} begins or ends with a space`;
  if (id === "." || id === "..") return `${shown(id)} is a path segment that clients resolve; choose another id`;
  return undefined;
}
