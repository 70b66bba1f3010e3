/** The text forms of scalars, enums and well-known types: how text becomes a value, and what is allowed, in words. */
import { create, type DescEnum, type DescField, type DescMessage, fromJson, ScalarType } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { FieldMaskSchema, isWrapperDesc } from "@bufbuild/protobuf/wkt";
import { isFieldMaskText, toFieldMask } from "./field-mask.ts";

/** Returns the local value of a field for a text; undefined if the text does not fit. No local value is undefined. */
export type TextReader = (text: string) => unknown;

/** A reader, and what it accepts, in words that follow "must be". */
export interface TextForm {
  readonly read: TextReader;
  readonly expected: string;
}

interface IntegerRange {
  readonly min: bigint;
  readonly max: bigint;
  readonly bits: 32 | 64;
}

const INT32: IntegerRange = { min: -(2n ** 31n), max: 2n ** 31n - 1n, bits: 32 };
const UINT32: IntegerRange = { min: 0n, max: 2n ** 32n - 1n, bits: 32 };
const INT64: IntegerRange = { min: -(2n ** 63n), max: 2n ** 63n - 1n, bits: 64 };
const UINT64: IntegerRange = { min: 0n, max: 2n ** 64n - 1n, bits: 64 };

const INTEGERS: ReadonlyMap<ScalarType, IntegerRange> = new Map([
  [ScalarType.INT32, INT32],
  [ScalarType.SINT32, INT32],
  [ScalarType.SFIXED32, INT32],
  [ScalarType.UINT32, UINT32],
  [ScalarType.FIXED32, UINT32],
  [ScalarType.INT64, INT64],
  [ScalarType.SINT64, INT64],
  [ScalarType.SFIXED64, INT64],
  [ScalarType.UINT64, UINT64],
  [ScalarType.FIXED64, UINT64],
]);

/**
 * 20 digits hold every 64-bit number; the limit keeps hostile text from becoming a huge BigInt. Leading zeros count.
 */
const INTEGER = /^-?\d{1,20}$/;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** Standard and URL-safe alphabet, with or without padding. */
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;
const TIMESTAMP =
  /^(\d{4}-\d{2}-(\d{2}))T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;
const DURATION = /^-?(\d{1,12})(?:\.(\d{1,9}))?s$/;
/** 10,000 years; the limit of google.protobuf.Duration. */
const DURATION_SECONDS_MAX = 315_576_000_000;
/** The number of enum values that a sentence lists. */
const LISTED_VALUES_MAX = 20;

/** Returns the range of an integer type; undefined for other types. */
export function findIntegerRange(scalar: ScalarType): IntegerRange | undefined {
  return INTEGERS.get(scalar);
}

/**
 * Parses decimal digits: no sign except "-", no exponent, no hex, no spaces. Returns undefined also beyond the range.
 */
export function parseInteger(text: string, range: IntegerRange): bigint | undefined {
  if (!INTEGER.test(text)) return undefined;
  const value = BigInt(text);
  return value >= range.min && value <= range.max ? value : undefined;
}

/**
 * Parses a ProtoJSON number, or `NaN`, `Infinity`, `-Infinity`. Returns undefined for a finite number beyond the type's
 * range.
 */
export function parseFloatText(text: string, scalar: ScalarType): number | undefined {
  if (text === "NaN" || text === "Infinity" || text === "-Infinity") return Number(text);
  if (!NUMBER.test(text)) return undefined;
  const value = Number(text);
  return fitsFloat(value, scalar) ? value : undefined;
}

/** Returns whether the type can hold the number. */
export function fitsFloat(value: number, scalar: ScalarType): boolean {
  return Number.isFinite(scalar === ScalarType.FLOAT ? Math.fround(value) : value);
}

/** Returns whether a text is base64. */
export function isBase64(text: string): boolean {
  return BASE64.test(text) && text.replace(/=+$/, "").length % 4 !== 1;
}

/**
 * Returns whether a text is an RFC 3339 time in the years 0001 to 9999, with an existing day: `Date.parse` would turn
 * 30 February into 1 March.
 */
function isTimestampText(text: string): boolean {
  const [, date, day] = TIMESTAMP.exec(text) ?? [];
  if (date === undefined || new Date(`${date}T00:00:00Z`).getUTCDate() !== Number(day)) return false;
  const ms = Date.parse(text);
  return ms >= Date.parse("0001-01-01T00:00:00Z") && ms <= Date.parse("9999-12-31T23:59:59.999Z");
}

/** Returns whether the whole text is a duration; protobuf-es would read `30s5m` as 30 seconds. */
function isDurationText(text: string): boolean {
  const [, seconds, fraction] = DURATION.exec(text) ?? [];
  if (seconds === undefined) return false;
  const whole = Number(seconds);
  return whole < DURATION_SECONDS_MAX || (whole === DURATION_SECONDS_MAX && !/[1-9]/.test(fraction ?? ""));
}

/** Describes the values of a scalar, in words that follow "must be". */
export function describeScalar(scalar: ScalarType): string {
  const range = INTEGERS.get(scalar);
  if (range !== undefined) return `a whole number from ${range.min} to ${range.max}`;
  switch (scalar) {
    case ScalarType.BOOL:
      return "true or false";
    case ScalarType.BYTES:
      return "base64 text";
    case ScalarType.FLOAT:
    case ScalarType.DOUBLE:
      return `a number that a ${scalar === ScalarType.FLOAT ? "float" : "double"} can hold, or NaN, Infinity, -Infinity`;
    default:
      return "a text";
  }
}

/** Describes the values of an enum, in words that follow "must be". */
export function describeEnum(desc: DescEnum): string {
  const names = desc.values.map((value) => value.jsonName);
  const listed = names.slice(0, LISTED_VALUES_MAX).join(", ");
  return `one of ${listed}${names.length > LISTED_VALUES_MAX ? ", …" : ""}`;
}

/** The well-known types with a text form, except wrappers; `expected` follows "must be". */
export const WELL_KNOWN_TEXT: ReadonlyMap<string, { expected: string; fits: (text: string) => boolean }> = new Map([
  [
    "google.protobuf.Timestamp",
    { expected: "an RFC 3339 time such as 2030-01-31T12:00:00Z, in the years 0001 to 9999", fits: isTimestampText },
  ],
  [
    "google.protobuf.Duration",
    { expected: "a number of seconds followed by s, such as 3600s or 1.5s, up to 315576000000s", fits: isDurationText },
  ],
  [
    "google.protobuf.FieldMask",
    { expected: "field paths, comma-separated, such as displayName or display_name", fits: isFieldMaskText },
  ],
]);

/** Returns how to read one value of the field, or one item of a repeated field; undefined if it has no text form. */
export function findTextForm(field: DescField): TextForm | undefined {
  if (field.fieldKind === "map") return undefined;
  if (field.scalar !== undefined) return scalarTextForm(field.scalar, field.longAsString);
  if (field.enum !== undefined) return enumTextForm(field.enum);
  return field.fieldKind === "message" ? messageTextForm(field.message, field.oneof !== undefined) : undefined;
}

function scalarTextForm(scalar: ScalarType, longAsString: boolean): TextForm {
  const expected = describeScalar(scalar);
  const range = INTEGERS.get(scalar);
  if (range !== undefined) return { expected, read: integerReader(range, longAsString) };
  switch (scalar) {
    case ScalarType.BOOL:
      return { expected, read: (text) => (text === "true" ? true : text === "false" ? false : undefined) };
    case ScalarType.BYTES:
      return { expected, read: (text) => (isBase64(text) ? base64Decode(text) : undefined) };
    case ScalarType.FLOAT:
    case ScalarType.DOUBLE:
      return { expected, read: (text) => parseFloatText(text, scalar) };
    default:
      return { expected, read: (text) => text };
  }
}

function integerReader(range: IntegerRange, longAsString: boolean): TextReader {
  return (text) => {
    const value = parseInteger(text, range);
    if (value === undefined || range.bits === 64) return longAsString ? value?.toString() : value;
    return Number(value);
  };
}

function enumTextForm(desc: DescEnum): TextForm {
  const numbers = new Map<string, number>();
  for (const value of desc.values) numbers.set(String(value.number), value.number);
  for (const value of desc.values) numbers.set(value.jsonName, value.number);
  for (const value of desc.values) numbers.set(value.name, value.number);
  return { expected: describeEnum(desc), read: (text) => numbers.get(text) };
}

/**
 * Returns the text form of a message type. protobuf-es keeps a wrapper outside a oneof as its bare value, inside as a
 * message.
 */
function messageTextForm(desc: DescMessage, inOneof: boolean): TextForm | undefined {
  if (isWrapperDesc(desc)) {
    const value = desc.fields[0];
    const form = scalarTextForm(value.scalar, value.longAsString);
    const read: TextReader = (text) => {
      const scalar = form.read(text);
      return scalar === undefined ? undefined : create(desc as DescMessage, { [value.localName]: scalar });
    };
    return inOneof ? { expected: form.expected, read } : form;
  }
  const known = WELL_KNOWN_TEXT.get(desc.typeName);
  if (known === undefined) return undefined;
  const { expected, fits } = known;
  const read: TextReader = desc.typeName === FieldMaskSchema.typeName ? toFieldMask : (text) => fromJson(desc, text);
  return { expected, read: (text) => (fits(text) ? read(text) : undefined) };
}
