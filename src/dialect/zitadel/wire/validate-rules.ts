/** Evaluates the `validate.rules` of ZITADEL's descriptors and reports what its own validator would. */
import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type DescOneof,
  getOption,
  hasOption,
  type Message,
} from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import type { Duration } from "@bufbuild/protobuf/wkt";
import { type FieldRules, required, rules } from "@zitadel/proto/validate/validate_pb.js";
import { emailFault } from "./email-address.ts";

/** A value that violates a rule; `cause`: the fault inside it. */
interface Violation {
  readonly message: string;
  readonly field: string;
  readonly reason: string;
  readonly cause?: string;
}

/** Returns the fault of one value of a field; `undefined` if there is none. */
type Check = (value: unknown) => Pick<Violation, "reason" | "cause"> | undefined;

/** Checks a message in ZITADEL's order, which stops at the first violation. */
type MessageCheck = (message: ReflectMessage) => Violation | undefined;

const SECOND_NANOS = 1_000_000_000;

const compiled = new Map<DescMessage, MessageCheck>();

/**
 * Returns the first violation, such as `invalid LockUserRequest.UserId: value length must be between 1 and 200 runes, inclusive`;
 * `undefined` if the message satisfies all rules.
 */
export function findViolation(desc: DescMessage, message: Message): string | undefined {
  const violation = checkOf(desc)(reflect(desc, message));
  return violation === undefined ? undefined : toText(violation);
}

function toText({ message, field, reason, cause }: Violation): string {
  return `invalid ${message}.${field}: ${reason}${cause === undefined ? "" : ` | caused by: ${cause}`}`;
}

/** Messages may nest in themselves (`or_query`): the check is registered before its parts are built. */
function checkOf(desc: DescMessage): MessageCheck {
  const known = compiled.get(desc);
  if (known !== undefined) return known;
  let check: MessageCheck | undefined;
  const lazy: MessageCheck = (message) => {
    check ??= compileMessage(desc);
    return check(message);
  };
  compiled.set(desc, lazy);
  return lazy;
}

/** ZITADEL checks plain fields first, then oneofs, then fields with presence. */
function compileMessage(desc: DescMessage): MessageCheck {
  const plain = desc.fields.filter((field) => field.oneof === undefined);
  const checks = [
    ...plain.filter((field) => !isOptional(field)).map((field) => compileField(desc, field)),
    ...desc.oneofs.map((oneof) => compileOneof(desc, oneof)),
    ...plain.filter(isOptional).map((field) => compileOptional(desc, field)),
  ].filter((check) => check !== undefined);
  return (message) => {
    for (const check of checks) {
      const violation = check(message);
      if (violation !== undefined) return violation;
    }
    return undefined;
  };
}

/** `optional` of proto3: a scalar that knows whether it is set. */
function isOptional(field: DescField): boolean {
  return field.proto.proto3Optional;
}

function compileField(desc: DescMessage, field: DescField): MessageCheck | undefined {
  const rule = hasOption(field, rules) ? getOption(field, rules).type : undefined;
  if (rule?.case === "repeated") return compileCount(desc, field, rule.value);
  const check = compileValue(field);
  if (check === undefined) return undefined;
  if (field.fieldKind !== "list") return (message) => violationOf(desc, field, check(fieldValue(message, field)));
  return (message) => {
    for (const [index, item] of [...message.get(field)].entries()) {
      const violation = violationOf(desc, field, check(item), `[${index}]`);
      if (violation !== undefined) return violation;
    }
    return undefined;
  };
}

type RepeatedRules = Extract<FieldRules["type"], { case: "repeated" }>["value"];

/** The only rule that the lists of these messages have: how many items. */
function compileCount(desc: DescMessage, field: DescField, { maxItems = 0n, items }: RepeatedRules): MessageCheck {
  if (maxItems === 0n || items !== undefined) throw new Error("validate.rules: only max_items of lists is known");
  const fault = { reason: `value must contain no more than ${maxItems} item(s)` };
  return (message) => {
    const { size } = message.get(field) as { readonly size: number };
    return violationOf(desc, field, size > maxItems ? fault : undefined);
  };
}

function compileOptional(desc: DescMessage, field: DescField): MessageCheck | undefined {
  const check = compileField(desc, field);
  return check && ((message) => (message.isSet(field) ? check(message) : undefined));
}

function compileOneof(desc: DescMessage, oneof: DescOneof): MessageCheck {
  const members = new Map(oneof.fields.map((field) => [field, compileField(desc, field)]));
  const isRequired = hasOption(oneof, required) && getOption(oneof, required);
  return (message) => {
    const chosen = message.oneofCase(oneof);
    if (chosen !== undefined) return members.get(chosen)?.(message);
    return isRequired
      ? { message: typeNameOf(desc), field: toGoName(oneof.name), reason: "value is required" }
      : undefined;
  };
}

/** An unset message has no value. */
function fieldValue(message: ReflectMessage, field: DescField): unknown {
  return field.fieldKind === "message" && !message.isSet(field) ? undefined : message.get(field);
}

function violationOf(desc: DescMessage, field: DescField, fault: ReturnType<Check>, index = ""): Violation | undefined {
  return fault && { message: typeNameOf(desc), field: `${toGoName(field.name)}${index}`, ...fault };
}

function compileValue(field: DescField): Check | undefined {
  const rule = hasOption(field, rules) ? getOption(field, rules) : undefined;
  if (field.message !== undefined) return compileEmbedded(field.message, rule);
  return rule && compileScalar(field, rule);
}

function compileEmbedded(desc: DescMessage, rule: FieldRules | undefined): Check {
  if (rule?.type.case === "duration") return compileDuration(rule.type.value);
  const inner = checkOf(desc);
  const { required: isRequired = false, skip = false } = rule?.message ?? {};
  return (value) => {
    if (value === undefined) return isRequired ? { reason: "value is required" } : undefined;
    const violation = skip || !isReflected(value) ? undefined : inner(value);
    return violation && { reason: "embedded message failed validation", cause: toText(violation) };
  };
}

type DurationRules = Extract<FieldRules["type"], { case: "duration" }>["value"];

/** The only rule that these messages have: not empty. */
function compileDuration({ gt }: DurationRules): Check {
  if (gt?.seconds !== 0n || gt.nanos !== 0) throw new Error("validate.rules: only durations of more than 0s are known");
  return (value) => {
    if (!isReflected(value)) return undefined;
    const { seconds, nanos } = value.message as Duration;
    if (nanos <= -SECOND_NANOS || nanos >= SECOND_NANOS || (seconds > 0n && nanos < 0) || (seconds < 0n && nanos > 0)) {
      return { reason: "value is not a valid duration" };
    }
    return seconds > 0n || nanos > 0 ? undefined : { reason: "value must be greater than 0s" };
  };
}

/** Well-known types with a plain form in JavaScript carry no rules of their own. */
function isReflected(value: unknown): value is ReflectMessage {
  return typeof value === "object" && value !== null && "isSet" in value && "oneofCase" in value;
}

function compileScalar(field: DescField, { type }: FieldRules): Check | undefined {
  switch (type.case) {
    case undefined:
      return undefined;
    case "string":
      return compileString(type.value);
    case "bytes":
      return (value) => lengthFault((value as Uint8Array).length, type.value, "bytes");
    case "bool": {
      const expected = type.value.const;
      return (value) => (value === expected ? undefined : { reason: `value must equal ${expected}` });
    }
    case "enum":
      return field.enum && compileEnum(field.enum, type.value);
    default:
      // An unevaluated rule would accept what ZITADEL refuses: better to find it at the first call.
      throw new Error(`validate.rules: ${type.case} of ${field.parent.typeName}.${field.name} is not supported`);
  }
}

type EnumRules = Extract<FieldRules["type"], { case: "enum" }>["value"];

function compileEnum(desc: DescEnum, { definedOnly, notIn }: EnumRules): Check {
  return (value) => {
    const number = value as number;
    if (notIn.includes(number)) return { reason: `value must not be in list [${notIn.join(" ")}]` };
    const isUndefined = definedOnly === true && desc.value[number] === undefined;
    return isUndefined ? { reason: "value must be one of the defined enum values" } : undefined;
  };
}

type StringRules = Extract<FieldRules["type"], { case: "string" }>["value"];

function compileString(rule: StringRules): Check {
  return (value) => {
    const text = value as string;
    if (rule.ignoreEmpty && text === "") return undefined;
    const fault = lengthFault([...text].length, rule, "runes");
    if (fault !== undefined) return fault;
    if (rule.prefix !== undefined && rule.prefix !== "" && !text.startsWith(rule.prefix)) {
      return { reason: `value does not have prefix ${JSON.stringify(rule.prefix)}` };
    }
    if (rule.wellKnown.case !== "email" || !rule.wellKnown.value) return undefined;
    const cause = emailFault(text);
    return cause === undefined ? undefined : { reason: "value must be a valid email address", cause };
  };
}

function lengthFault(
  length: number,
  { minLen = 0n, maxLen = 0n }: { readonly minLen?: bigint; readonly maxLen?: bigint },
  unit: "runes" | "bytes",
): ReturnType<Check> {
  if (length >= minLen && (maxLen === 0n || length <= maxLen)) return undefined;
  if (minLen > 0n && maxLen > 0n) {
    return { reason: `value length must be between ${minLen} and ${maxLen} ${unit}, inclusive` };
  }
  return { reason: `value length must be at ${minLen > 0n ? `least ${minLen}` : `most ${maxLen}`} ${unit}` };
}

/** Returns `AddHumanUserRequest_Profile` for a message within a message. */
export function typeNameOf(desc: DescMessage): string {
  return desc.parent === undefined ? desc.name : `${typeNameOf(desc.parent)}_${desc.name}`;
}

/** Returns `UserId` for `user_id`. */
export function toGoName(name: string): string {
  return name
    .split("_")
    .map((part) => part.slice(0, 1).toUpperCase() + part.slice(1))
    .join("");
}
