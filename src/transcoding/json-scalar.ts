/** Checks the JSON forms of scalars and enums by the rules of ProtoJSON. */
import { type DescEnum, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { type JsonCheck, mustBe } from "./json-problem.ts";
import {
  describeEnum,
  describeScalar,
  findIntegerRange,
  fitsFloat,
  isBase64,
  parseFloatText,
  parseInteger,
} from "./scalar-text.ts";

const INT32_MIN = -(2 ** 31);
const INT32_MAX = 2 ** 31 - 1;

type Fits = (json: JsonValue) => boolean;

/** Returns the check of a scalar. `asKey`: the value is a map key, so booleans are texts. */
export function scalarCheck(scalar: ScalarType, asKey = false): JsonCheck {
  const fits: Fits =
    asKey && scalar === ScalarType.BOOL ? (json) => json === "true" || json === "false" : scalarFits(scalar);
  const range = findIntegerRange(scalar);
  const expected = range?.bits === 64 ? `${describeScalar(scalar)}, as a string beyond 2^53` : describeScalar(scalar);
  return (json) => (fits(json) ? undefined : mustBe(expected, json));
}

/** Returns whether a value is a text that UTF-8 can encode: "\ud800" is JSON, but a lone surrogate has no UTF-8. */
export function isText(json: JsonValue): json is string {
  return typeof json === "string" && json.isWellFormed();
}

function scalarFits(scalar: ScalarType): Fits {
  switch (scalar) {
    case ScalarType.BOOL:
      return (json) => typeof json === "boolean";
    case ScalarType.STRING:
      return isText;
    case ScalarType.BYTES:
      return (json) => typeof json === "string" && isBase64(json);
    case ScalarType.FLOAT:
    case ScalarType.DOUBLE:
      return (json) =>
        typeof json === "number"
          ? fitsFloat(json, scalar)
          : typeof json === "string" && parseFloatText(json, scalar) !== undefined;
    default:
      return integerFits(scalar);
  }
}

function integerFits(scalar: ScalarType): Fits {
  const range = findIntegerRange(scalar);
  if (range === undefined) throw new Error(`${ScalarType[scalar]} is not an integer type`);
  const min = Number(range.min);
  const max = Number(range.max);
  return (json) => {
    if (typeof json === "number") return Number.isSafeInteger(json) && json >= min && json <= max;
    return typeof json === "string" && parseInteger(json, range) !== undefined;
  };
}

/**
 * Returns the check of an enum, by name or by number. An open enum accepts any 32-bit number, as ProtoJSON demands
 * (handlers see numbers that they do not know). Unknown names are refused, except where unknown fields are ignored, as
 * in ProtoJSON.
 */
export function enumCheck(desc: DescEnum): JsonCheck {
  const expected = describeEnum(desc);
  const names = new Set(desc.values.flatMap((value) => [value.name, value.jsonName]));
  const numbers = new Set(desc.values.map((value) => value.number));
  return (json, walk) => {
    if (json === null) return desc.typeName === "google.protobuf.NullValue" ? undefined : mustBe(expected, json);
    if (typeof json === "string" && (names.has(json) || walk.unknownFields === "ignore")) return undefined;
    const open = desc.open && Number.isInteger(json) && (json as number) >= INT32_MIN && (json as number) <= INT32_MAX;
    return open || (typeof json === "number" && numbers.has(json)) ? undefined : mustBe(expected, json);
  };
}
