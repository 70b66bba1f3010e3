/** Turns the contract's validation rules into JSON Schema keywords, and into words where there is no keyword. */
import { type DescEnum, type DescField, getOption, hasOption, isFieldSet, type JsonObject } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import {
  BytesRulesSchema,
  type EnumRules,
  type FieldRules,
  field as fieldRules,
  Ignore,
  MapRulesSchema,
  RepeatedRulesSchema,
  StringRulesSchema,
} from "../../gen/buf/validate/validate_pb.ts";

/** What the rules of a field say about its value. */
export interface Constraint {
  readonly keywords: JsonObject;
  /** Sentences for rules without a keyword. */
  readonly words: readonly string[];
}

type Rules<C extends FieldRules["type"]["case"]> =
  Extract<FieldRules["type"], { case: C }> extends { value: infer V } ? V : never;

const NONE: Constraint = { keywords: {}, words: [] };

/** Returns the enforced rules of a field; absent if none. */
export function rulesOf(field: DescField): FieldRules | undefined {
  if (!hasOption(field, fieldRules)) return undefined;
  const rules = getOption(field, fieldRules);
  return rules.ignore === Ignore.ALWAYS ? undefined : rules;
}

/** Returns what the rules say. `enumeration`: the enum of the value, or of its items. */
export function constrain(rules: FieldRules | undefined, enumeration?: DescEnum): Constraint {
  if (rules === undefined || rules.ignore === Ignore.ALWAYS) return NONE;
  const own = constrainType(rules, enumeration);
  const words = [...own.words, ...rules.cel.map(({ message }) => message)];
  return { keywords: own.keywords, words };
}

function constrainType({ type }: FieldRules, enumeration: DescEnum | undefined): Constraint {
  switch (type.case) {
    case "double":
    case "int32":
    case "uint32":
      return plain(bounds(type.value));
    case "bool":
      return plain({ const: type.value.const });
    case "string":
      return constrainString(type.value);
    case "bytes":
      return { keywords: {}, words: bytesWords(type.value) };
    case "enum":
      return plain(enumeration === undefined ? {} : enumKeywords(type.value, enumeration));
    case "repeated":
      return plain({
        ...(type.value.minItems > 0n ? { minItems: Number(type.value.minItems) } : {}),
        ...(isFieldSet(type.value, RepeatedRulesSchema.field.maxItems)
          ? { maxItems: Number(type.value.maxItems) }
          : {}),
        ...(type.value.unique ? { uniqueItems: true } : {}),
      });
    case "map":
      return plain({
        ...(type.value.minPairs > 0n ? { minProperties: Number(type.value.minPairs) } : {}),
        ...(isFieldSet(type.value, MapRulesSchema.field.maxPairs)
          ? { maxProperties: Number(type.value.maxPairs) }
          : {}),
      });
    case "duration":
      return { keywords: {}, words: durationWords(type.value) };
    default:
      return NONE;
  }
}

function plain(keywords: JsonObject): Constraint {
  return { keywords, words: [] };
}

function bounds({ lessThan, greaterThan }: Rules<"double" | "int32" | "uint32">): JsonObject {
  return {
    ...(greaterThan.case === "gte" ? { minimum: greaterThan.value } : {}),
    ...(greaterThan.case === "gt" ? { exclusiveMinimum: greaterThan.value } : {}),
    ...(lessThan.case === "lte" ? { maximum: lessThan.value } : {}),
    ...(lessThan.case === "lt" ? { exclusiveMaximum: lessThan.value } : {}),
  };
}

/** Lengths are code points on both sides. */
function constrainString(rules: Rules<"string">): Constraint {
  const { minLen, maxLen, maxBytes, pattern } = rules;
  const fields = StringRulesSchema.field;
  return {
    keywords: {
      ...(minLen > 0n ? { minLength: Number(minLen) } : {}),
      ...(isFieldSet(rules, fields.maxLen) ? { maxLength: Number(maxLen) } : {}),
      ...(pattern === "" ? {} : { pattern }),
    },
    words: isFieldSet(rules, fields.maxBytes) ? [`At most ${maxBytes} bytes in UTF-8.`] : [],
  };
}

function bytesWords(rules: Rules<"bytes">): readonly string[] {
  const { minLen, maxLen } = rules;
  return [
    ...(minLen > 0n ? [`At least ${minLen} bytes.`] : []),
    ...(isFieldSet(rules, BytesRulesSchema.field.maxLen) ? [`At most ${maxLen} bytes.`] : []),
  ];
}

function enumKeywords({ in: only, notIn }: EnumRules, { values }: DescEnum): JsonObject {
  const named = (numbers: readonly number[]): string[] =>
    values.filter(({ number }) => numbers.includes(number)).map(({ jsonName }) => jsonName);
  return {
    ...(only.length > 0 ? { enum: named(only) } : {}),
    ...(notIn.length > 0 ? { not: { enum: named(notIn) } } : {}),
  };
}

function durationWords({ lessThan, greaterThan }: Rules<"duration">): readonly string[] {
  const least = { gt: "Longer than", gte: "At least" } as const;
  const most = { lt: "Shorter than", lte: "At most" } as const;
  return [
    ...(greaterThan.case === undefined ? [] : [`${least[greaterThan.case]} ${shownDuration(greaterThan.value)}.`]),
    ...(lessThan.case === undefined ? [] : [`${most[lessThan.case]} ${shownDuration(lessThan.value)}.`]),
  ];
}

function shownDuration({ seconds, nanos }: Duration): string {
  return `${Number(seconds) + nanos / 1e9}s`;
}

/** Returns whether a request without the field is refused: it is required, or its default is not allowed. */
export function isRequired(field: DescField): boolean {
  const rules = rulesOf(field);
  if (rules === undefined) return false;
  if (rules.required) return true;
  const hasPresence = field.fieldKind === "message" || field.oneof !== undefined || field.proto.proto3Optional;
  return !hasPresence && rules.ignore !== Ignore.IF_ZERO_VALUE && refusesZero(rules);
}

function refusesZero({ type }: FieldRules): boolean {
  switch (type.case) {
    case "double":
    case "int32":
    case "uint32": {
      const { greaterThan, lessThan } = type.value;
      const tooLow = greaterThan.case === "gte" ? greaterThan.value > 0 : (greaterThan.value ?? -1) >= 0;
      const tooHigh = lessThan.case === "lte" ? lessThan.value < 0 : (lessThan.value ?? 1) <= 0;
      return tooLow || tooHigh;
    }
    case "bool":
      return type.value.const;
    case "string":
    case "bytes":
      return type.value.minLen > 0n;
    case "enum":
      return type.value.notIn.includes(0) || (type.value.in.length > 0 && !type.value.in.includes(0));
    case "repeated":
      return type.value.minItems > 0n;
    case "map":
      return type.value.minPairs > 0n;
    default:
      return false;
  }
}
