/** Validates requests by the rules of the contract, and names each wrong field. */
import {
  type DescEnum,
  type DescField,
  type DescMessage,
  getOption,
  isMessage,
  type Message,
  type MessageShape,
} from "@bufbuild/protobuf";
import { isReflectList, type Path, pathToString, type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { type Duration, DurationSchema } from "@bufbuild/protobuf/wkt";
import { createValidator, type Violation } from "@bufbuild/protovalidate";
import { type FieldRules, field as fieldRules } from "../../gen/buf/validate/validate_pb.ts";
import { counted, type FieldViolation, type Refusal, refuseFields, shown } from "../domain/refusal.ts";
import { areItemsIgnored, findOversized } from "./size-rules.ts";

const patterns = new Map<string, RegExp>();

/**
 * The patterns are the contract's own and take linear time in JavaScript's engine too. That is many times faster than
 * the RE2 port, which protects against foreign patterns.
 */
const validator = createValidator({
  regexMatch: (pattern, against) => {
    let compiled = patterns.get(pattern);
    if (compiled === undefined) {
      compiled = new RegExp(pattern, "u");
      patterns.set(pattern, compiled);
    }
    return compiled.test(against);
  },
});

/** Returns what is wrong with a request; `undefined`: nothing. Throws if a rule of the contract itself is wrong. */
export function validate<D extends DescMessage>(desc: D, message: MessageShape<D>): Refusal | undefined {
  const oversized = findOversized(desc, message);
  if (oversized.length > 0) return refuseFields(oversized);
  const unfit = findUnstorable(desc, message);
  if (unfit !== undefined) return refuseFields([unfit]);
  const result = validator.validate(desc, message);
  if (result.kind === "valid") return undefined;
  if (result.kind === "error") throw result.error;
  return refuseFields(result.violations.map((violation) => toFieldViolation(desc, message, violation)));
}

/** The longest path in an answer: a path contains keys of maps, which may be as long as the request. */
const PATH_CHARS_MAX = 200;

function toFieldViolation(desc: DescMessage, message: Message, violation: Violation): FieldViolation {
  const field = toShownPath(pathToString(violation.field) || desc.name);
  const received = receivedAt(reflect(desc, message), violation);
  const enumeration = enumAt(violation.field);
  const rule = enumeration === undefined ? ruleOf(violation) : `must be one of ${namesOf(enumeration)}`;
  return { field, description: received === undefined ? rule : `${received} is not allowed; it ${rule}` };
}

/** The patterns of the contract in words that follow "it must"; a test checks that none is missing. */
export const PATTERN_WORDS: Readonly<Record<string, string>> = {
  "^([A-Z][A-Z0-9_]*)?$": "be capital letters, digits and underscores, beginning with a letter, such as SPAM_REPORT",
  "^([A-Za-z0-9]+(-[A-Za-z0-9]+)*)?$": "be letters and digits in groups joined by hyphens, such as de-CH",
  "^[!-~]*$": "be visible ASCII characters without spaces",
  "^[0-9A-Za-z-]+$": "be letters, digits and hyphens, as in a UUID",
  "^[a-z][a-z0-9_.-]*$":
    "be lower-case letters, digits and _ . -, beginning with a letter, such as billing or acme.crm",
};

/** Returns what is required, in words that follow "it". */
function ruleOf({ message }: Violation): string {
  const pattern = /^(?:value )?does not match regex pattern `(.*)`$/s.exec(message)?.[1];
  const words = pattern === undefined ? undefined : PATTERN_WORDS[pattern];
  if (words !== undefined) return `must ${words}`;
  // The messages of protovalidate say "1 characters" and "1 item(s)".
  return message
    .replace(/^value /, "")
    .replace(/\b(\d+) (character|byte|item|value|pair)(?:s|\(s\))/g, (_, count: string, noun: string) =>
      counted(Number(count), noun),
    );
}

function toShownPath(path: string): string {
  return path.length > PATH_CHARS_MAX ? `${path.slice(0, PATH_CHARS_MAX).toWellFormed()}…` : path;
}

interface EnumAt {
  readonly desc: DescEnum;
  readonly rules: FieldRules["type"] | undefined;
}

/** Returns the enum whose value is wrong, and its rules in the contract. */
function enumAt(path: Path): EnumAt | undefined {
  const isItem = path.at(-1)?.kind === "list_sub";
  const field = path.at(isItem ? -2 : -1);
  if (field?.kind !== "field" || field.fieldKind !== (isItem ? "list" : "enum") || field.enum === undefined) {
    return undefined;
  }
  const { type } = getOption(field, fieldRules);
  return { desc: field.enum, rules: type.case === "repeated" ? type.value.items?.type : type };
}

/** Returns the names of allowed values. 0 is always `…_UNSPECIFIED` in the contract, so it is not listed. */
function namesOf({ desc, rules }: EnumAt): string {
  const [only, never] = rules?.case === "enum" ? [rules.value.in, rules.value.notIn] : [[], []];
  const allowed = desc.values.filter(
    ({ number }) => number !== 0 && !never.includes(number) && (only.length === 0 || only.includes(number)),
  );
  return allowed.map(({ name }) => name).join(", ");
}

/** Returns the wrong value in a form that may be shown; `undefined`: none. */
function receivedAt(root: ReflectMessage, violation: Violation): string | undefined {
  let value: unknown = root;
  let secret = false;
  for (const step of violation.field) {
    secret ||= step.kind === "field" && isRedacted(step);
    value = stepInto(value, step);
    if (value === undefined) return undefined;
  }
  if (violation.forKey) {
    const last = violation.field.at(-1);
    value = last?.kind === "map_sub" ? last.key : value;
  }
  if (typeof value === "string") {
    return secret && !violation.forKey ? `a text of ${counted([...value].length, "character")}` : shown(value);
  }
  if (typeof value === "number") return enumAt(violation.field)?.desc.value[value]?.name ?? `${value}`;
  if (isReflectList(value)) return `a list of ${value.size}`;
  if (isReflectMessage(value) && isMessage(value.message, DurationSchema)) return durationText(value.message);
  if (typeof value === "bigint" || typeof value === "boolean") return `${value}`;
  return undefined;
}

/** Returns seconds, even for invalid durations: out of range, or with parts of opposite signs. */
function durationText({ seconds, nanos }: Duration): string {
  if (nanos === 0) return `${seconds}s`;
  const isMixed = seconds !== 0n && seconds < 0n !== nanos < 0;
  if (isMixed || Math.abs(nanos) > 999_999_999) return `${seconds}s and ${nanos}ns`;
  const sign = seconds < 0n || nanos < 0 ? "-" : "";
  const fraction = `${Math.abs(nanos)}`.padStart(9, "0").replace(/0+$/, "");
  return `${sign}${seconds < 0n ? -seconds : seconds}.${fraction}s`;
}

function stepInto(value: unknown, step: Path[number]): unknown {
  if (step.kind === "field" && isReflectMessage(value)) return value.get(step);
  if (step.kind === "list_sub" && isGettable(value)) return value.get(step.index);
  if (step.kind === "map_sub" && isGettable(value)) return value.get(step.key);
  return undefined;
}

function isReflectMessage(value: unknown): value is ReflectMessage {
  return typeof value === "object" && value !== null && "desc" in value && "get" in value;
}

function isGettable(value: unknown): value is { get(key: unknown): unknown } {
  return typeof value === "object" && value !== null && "get" in value;
}

/** Returns whether the contract marks a field `debug_redact`: its value is never shown. */
function isRedacted(field: DescField): boolean {
  return field.proto.options?.debugRedact === true;
}

/** The deepest nesting of JSON objects: in binary form each level is three messages, and decoders stop at 100. */
const JSON_DEPTH_MAX = 16;

/** Returns a value that a database or client cannot take, whatever the rules of its field; `undefined`: none. */
export function findUnstorable(desc: DescMessage, message: Message): FieldViolation | undefined {
  const values = message as unknown as Readonly<Record<string, unknown>>;
  // Object.entries would make an array for each field of each request.
  for (const local in values) {
    const value = values[local];
    const description = unstorable(value, 0);
    if (description === undefined) continue;
    const field = desc.field[local];
    if (field !== undefined && areItemsIgnored(field)) continue;
    const name = field?.name ?? local;
    const place = description === INEXACT ? (findInexact(value, 0) ?? "") : "";
    return { field: toShownPath(name + place), description };
  }
  return undefined;
}

/** Above this a double does not hold every integer: a 64-bit id that was sent as a JSON number has lost digits. */
const INEXACT = `is a number beyond ±${Number.MAX_SAFE_INTEGER}, whose digits JSON readers do not all keep; send it as a text`;

/** Returns the keys that lead to the first such number in free JSON, as in `["acme"]["id"]`. */
function findInexact(value: unknown, depth: number): string | undefined {
  if (isInexact(value, depth)) return "";
  if (typeof value !== "object" || value === null) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    const rest = findInexact(inner, depth + 1);
    if (rest !== undefined) return `[${Array.isArray(value) ? key : JSON.stringify(key)}]${rest}`;
  }
  return undefined;
}

/** Values inside a field are free JSON; the field itself has a type. */
function isInexact(value: unknown, depth: number): boolean {
  return typeof value === "number" && depth > 0 && Math.abs(value) > Number.MAX_SAFE_INTEGER;
}

/** Searches lists, maps and messages; keys are checked too, because JSON objects bring their own. */
function unstorable(value: unknown, depth: number): string | undefined {
  if (typeof value === "string") return textFault(value);
  if (typeof value === "number" && !Number.isFinite(value)) return `has the number ${value}, which JSON does not know`;
  if (isInexact(value, depth)) return INEXACT;
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return undefined;
  if (depth > JSON_DEPTH_MAX) return `nests deeper than ${JSON_DEPTH_MAX} levels`;
  // A map of JSON objects counts as the level above them; messages of the contract do not count.
  const below = "$typeName" in value ? 0 : depth + 1;
  for (const [key, inner] of Object.entries(value)) {
    const fault = textFault(key) ?? unstorable(inner, below);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** PostgreSQL cannot store U+0000 and C libraries stop at it, so it is refused. */
function textFault(text: string): string | undefined {
  if (text.includes("\0")) return "has a character U+0000, which is not allowed";
  return text.isWellFormed() ? undefined : "is not well-formed Unicode";
}
