/** Reads parameters by a table of their types and reports all faults at once. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { type ParamFault, paramFormatInvalid, paramsInvalid, paramTypeInvalid, paramUnknown } from "./clerk-error.ts";

/** The value that a parameter of each type is read into. */
interface Types {
  readonly string: string;
  readonly boolean: boolean;
  readonly integer: number;
  readonly object: JsonObject;
  readonly "string[]": readonly string[];
  /** RFC 3339, read as milliseconds since the epoch. */
  readonly time: number;
}

/** The parameters of an operation. */
export type FormTable = Readonly<Record<string, keyof Types>>;

/** The value sent: absent, `null`, or of the parameter's type. */
export type Form<T extends FormTable> = { readonly [K in keyof T]?: Types[T[K]] | null };

/** Reads the form. Throws 422 naming every parameter that is unknown, of another type or not well-formed. */
export function readForm<T extends FormTable>(body: JsonObject, table: T): Form<T> {
  const form: Record<string, unknown> = {};
  const faults: ParamFault[] = [];
  for (const [name, value] of Object.entries(body)) {
    const type = Object.hasOwn(table, name) ? table[name] : undefined;
    const read =
      type === undefined ? { fault: paramUnknown(name.slice(0, NAME_CHARS_MAX)) } : readParam(name, value, type);
    if ("fault" in read) faults.push(read.fault);
    if ("value" in read) form[name] = read.value;
  }
  const [first, ...others] = faults;
  if (first !== undefined) throw paramsInvalid([first, ...others]);
  return form as Form<T>;
}

const NAME_CHARS_MAX = 100;

type Read = { readonly value: unknown } | { readonly fault: ParamFault };

function readParam(name: string, value: JsonValue, type: keyof Types): Read {
  if (value === null) return { value };
  if (!IS_OF_TYPE[type](value)) return { fault: paramTypeInvalid(name, TYPE_NAMES[type]) };
  for (const text of Array.isArray(value) ? value : [value]) {
    if (typeof text === "string" && !isStorable(text)) {
      return { fault: paramFormatInvalid(name, "must be well-formed Unicode without the character U+0000.") };
    }
  }
  if (type !== "time") return { value };
  const time = parseTime(value as string);
  return time === undefined
    ? { fault: paramFormatInvalid(name, "must be a valid RFC3339 timestamp.") }
    : { value: time };
}

const IS_OF_TYPE: Readonly<Record<keyof Types, (value: JsonValue) => boolean>> = {
  string: (value) => typeof value === "string",
  boolean: (value) => typeof value === "boolean",
  integer: (value) => Number.isSafeInteger(value),
  object: isObject,
  "string[]": (value) => Array.isArray(value) && value.every((item) => typeof item === "string"),
  time: (value) => typeof value === "string",
};

const TYPE_NAMES: Readonly<Record<keyof Types, string>> = {
  string: "string",
  boolean: "boolean",
  integer: "integer",
  object: "object",
  "string[]": "array",
  time: "string",
};

/** Returns whether a JSON value is an object: neither `null` nor a list. */
export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes("\0");
}

const RFC3339 = /^(\d{4}-\d{2}-\d{2})T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/i;

/** Returns milliseconds since the epoch; `undefined` if the text is not an instant in range. */
function parseTime(text: string): number | undefined {
  const [, date = ""] = RFC3339.exec(text) ?? [];
  // A day that the month does not have would roll over into the next month.
  const day = new Date(`${date}T00:00:00Z`);
  if (Number.isNaN(day.getTime()) || day.toISOString().slice(0, date.length) !== date) return undefined;
  return Date.parse(text.toUpperCase());
}
