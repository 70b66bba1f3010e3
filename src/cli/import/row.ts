/** A row between file and service: what it contains, and what is wrong with it. */
import type { JsonObject, JsonValue, MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Cause, type RestrictionKind } from "../../../gen/lockkeeper/resource/v1/restriction_pb.ts";
import type { ImportRestrictionSchema, ImportUserSchema } from "../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { readInstant } from "../frame/flag-values.ts";

export type UserInit = MessageInitShape<typeof ImportUserSchema>;
type RestrictionInit = MessageInitShape<typeof ImportRestrictionSchema>;

/** A row that cannot be sent, and why: a sentence without subject, such as `has 3 fields; the header names 4`. */
export class RowFault extends Error {
  override readonly name = "RowFault";
}

/** The reason code of a restriction from a system that gives no reason. */
const IMPORTED = "IMPORTED";

/** The text fields of the profile, by the contract's names. */
export type ProfileText =
  | "username"
  | "email"
  | "givenName"
  | "familyName"
  | "displayName"
  | "phone"
  | "locale"
  | "externalId";

/** A user under construction, field by field. */
export class Draft {
  userId = "";
  /** Milliseconds since the epoch. */
  creationTime: number | undefined;
  readonly profile: { [K in ProfileText]?: string } & { emailVerified?: boolean } = {};
  /** By namespace. In a map, `__proto__` is a name like any other. */
  readonly attributes = new Map<string, JsonObject>();
  readonly restrictions: RestrictionInit[] = [];
  /** Passwords and second factors are never sent; whether there were any is reported at the end. */
  hasSecrets = false;
  /** The organization in the source system; empty if unknown. */
  organization = "";
  /** Why the row is passed over; `undefined` if it is imported. */
  passedOver: string | undefined;

  /** Sets a text field of the profile unless it is empty. */
  set(field: ProfileText, value: string | undefined): void {
    if (value !== undefined && value !== "") this.profile[field] = value;
  }

  /** Stores attributes in a namespace unless there are none. */
  keep(namespace: string, words: JsonObject): void {
    if (Object.keys(words).length > 0) this.attributes.set(namespace, words);
  }

  /** Adds a restriction of another system, which gives no reason. Without `durationMs` it has no end. */
  restrict(kind: RestrictionKind, actor: string, { cause = Cause.ADMIN, durationMs }: Imposed = {}): void {
    const expiry: RestrictionInit["expiry"] =
      durationMs === undefined
        ? { case: "never", value: true }
        : { case: "duration", value: { seconds: BigInt(Math.ceil(durationMs / 1000)), nanos: 0 } };
    this.restrictions.push({ kind, cause, reasonCode: IMPORTED, actor, expiry });
  }

  /** Returns the complete row. Throws RowFault if there is no id. */
  finish(): Mapped {
    const { userId, creationTime, profile, attributes, restrictions, hasSecrets, organization, passedOver } = this;
    if (userId === "") throw new RowFault("has no user id");
    return {
      user: {
        userId,
        profile,
        attributes: Object.fromEntries(attributes),
        restrictions,
        ...(creationTime === undefined ? {} : { creationDate: timestampFromMs(creationTime) }),
      },
      hasSecrets,
      organization,
      ...(passedOver === undefined ? {} : { passedOver }),
    };
  }
}

/** A row as it was read. */
export interface Mapped {
  readonly user: UserInit;
  readonly hasSecrets: boolean;
  /** The organization in the source system; empty if unknown. */
  readonly organization: string;
  /** Why the row is passed over; absent if it is imported. */
  readonly passedOver?: string;
}

/** The cells of a row by column, without the empty ones. */
export type Cells = ReadonlyMap<string, string>;

export const FORMATS = ["csv", "ndjson", "json"] as const;
/** `ndjson`: one object per line; `json`: a document with a list of them. */
export type Format = (typeof FORMATS)[number];

/** The format of a system that users come from. */
export interface Source {
  readonly formats: readonly Format[];
  /** The columns of CSV, in the spelling that `fromCells` gets. One that ends in `.` stands for all that begin with it. */
  readonly columns: readonly string[];
  /** Returns the spelling of a column that a file names; absent: unchanged. */
  readonly columnOf?: (name: string) => string;
  /** The lists of a JSON document that hold users, and the member that names the organization around them. */
  readonly lists: readonly string[];
  readonly organizationName?: string;
  /** Both throw RowFault. */
  readonly fromCells: (cells: Cells) => Mapped;
  readonly fromObject: (object: JsonObject) => Mapped;
}

interface Imposed {
  readonly cause?: Cause;
  readonly durationMs?: number;
}

const TRUE = new Set(["true", "t", "yes", "y", "1"]);
const FALSE = new Set(["false", "f", "no", "n", "0", ""]);

/** Reads `true` or `false` in any usual spelling. Throws RowFault. */
export function readBoolean(name: string, text: string): boolean {
  const word = text.trim().toLowerCase();
  if (TRUE.has(word)) return true;
  if (FALSE.has(word)) return false;
  throw new RowFault(`${name} is ${withheld(text)}; it must be true or false, yes or no, 1 or 0`);
}

/** An instant as databases print it: `2026-01-31 12:00:00.5 +0000 UTC`. */
const PRINTED = /^(\S+[ Tt]\d\d:\d\d\S*?) ?(?:UTC|([+-]\d\d):?(\d\d)(?: UTC)?)$/;
/** Fewer digits would be seconds; more would be beyond the year 9999. */
const EPOCH_MS = /^\d{11,15}$/;
const INSTANT_CHARS_MAX = 64;
const EPOCH_MS_MAX = 253_402_300_799_999;

/**
 * Reads an instant in milliseconds since the epoch: RFC 3339, a date (midnight, UTC) or such milliseconds. Finer values are
 * rounded down, for an expiry up. Throws RowFault.
 */
export function readTime(name: string, text: string, round: (ms: number) => number = Math.floor): number {
  const trimmed = text.trim();
  if (EPOCH_MS.test(trimmed) && Number(trimmed) <= EPOCH_MS_MAX) return Number(trimmed);
  const [, moment, hours, minutes = "00"] = (trimmed.length <= INSTANT_CHARS_MAX && PRINTED.exec(trimmed)) || [];
  const plain = moment === undefined ? trimmed : `${moment}${hours === undefined ? "Z" : `${hours}:${minutes}`}`;
  const instant = readInstant(plain);
  if (instant !== undefined) return Number(instant.seconds) * 1000 + round(instant.nanos / 1e6);
  throw new RowFault(
    `${name} is ${withheld(text)}; it must be an instant such as 2026-01-31T12:00:00Z, a date, or milliseconds since 1970`,
  );
}

/** Reads a JSON object in a cell. Throws RowFault. */
export function readObject(name: string, text: string): JsonObject {
  let value: JsonValue | undefined;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch {
    value = undefined;
  }
  if (isObject(value)) return value;
  throw new RowFault(`${name} is ${withheld(text)}; it must be a JSON object`);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Returns the objects among the items of a list; none for any other value. */
export function objectsIn(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** Returns a text of a foreign object; empty if absent, null or of another type. Throws RowFault for a number that lost digits. */
export function textIn(object: JsonObject, name: string): string {
  const value = object[name];
  if (typeof value === "number" && Math.abs(value) > Number.MAX_SAFE_INTEGER) {
    throw new RowFault(
      `${name} is a number beyond ±${Number.MAX_SAFE_INTEGER}; its digits are lost, it must be a text`,
    );
  }
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
}

/** Returns an object within a foreign object; empty if there is none. */
export function objectIn(object: JsonObject, name: string): JsonObject {
  const value = object[name];
  return isObject(value) ? value : {};
}

/** Returns a flag of a foreign object; false if absent or null. Throws RowFault for any other type. */
export function flagIn(object: JsonObject, name: string): boolean {
  const value = object[name];
  if (value === undefined || value === null) return false;
  if (typeof value === "boolean") return value;
  throw new RowFault(`${name} is ${withheld(value)}; it must be true or false`);
}

/** Returns an instant of a foreign object, a text or milliseconds since the epoch; `undefined` if absent, null or empty. */
export function timeIn(object: JsonObject, name: string): number | undefined {
  const value = object[name];
  if (value === undefined || value === null || value === "") return undefined;
  return readTime(name, typeof value === "string" ? value : JSON.stringify(value));
}

/** Describes a value of a row without revealing it: its type, and the length of a text. */
export function withheld(value: JsonValue): string {
  if (typeof value === "string") return `a text of ${value.length} character${value.length === 1 ? "" : "s"}`;
  if (value === null) return "null";
  return Array.isArray(value) ? "a list" : typeof value === "object" ? "an object" : `a ${typeof value}`;
}

const SHOWN_CHARS_MAX = 60;
/** The name of a file is at the end of its path. */
const SHOWN_CHARS_AT_END = 30;

/** Returns a name, an id or a path as messages show it: quoted, escaped and cut in its middle. */
export function shown(text: string): string {
  if (text.length <= SHOWN_CHARS_MAX) return JSON.stringify(text);
  return JSON.stringify(`${text.slice(0, SHOWN_CHARS_MAX - SHOWN_CHARS_AT_END)}…${text.slice(-SHOWN_CHARS_AT_END)}`);
}
