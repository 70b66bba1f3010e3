/** Walks a JSON value along a descriptor and finds the first member that does not fit, by its path. */

/*
 * protobuf-es' fromJson would refuse most of this, too, but it names neither the path nor the allowed values, and it
 * accepts more than ProtoJSON does ("0x10" as 16, "30s5m" as 30 seconds, 30 February as 1 March). So each body is
 * checked first. The checks of a message are made once and cost a fraction of the conversion that follows.
 *
 * It is stricter than ProtoJSON in one point: a 64-bit number beyond 2^53 must be sent as a string, since a JSON number
 * has lost digits before it can be checked.
 */
import type { DescField, DescMessage, DescOneof, JsonValue } from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";
import { isRedacted, quote } from "./bad-request.ts";
import { suggest } from "./closest-name.ts";
import { namedFields } from "./field-path.ts";
import {
  below,
  belowForeign,
  type JsonCheck,
  type JsonProblem,
  type JsonWalk,
  mustBe,
  problem,
} from "./json-problem.ts";
import { enumCheck, isText, scalarCheck } from "./json-scalar.ts";
import { WELL_KNOWN_TEXT } from "./scalar-text.ts";

interface JsonMembers {
  readonly [name: string]: JsonValue;
}

const NULL_VALUE = "google.protobuf.NullValue";
const VALUE = "google.protobuf.Value";

const checks = new WeakMap<DescMessage, JsonCheck>();

/** Returns the check of a message; made at its first use. */
export function messageCheck(desc: DescMessage): JsonCheck {
  let check = checks.get(desc);
  if (check === undefined) {
    check = wellKnownCheck(desc) ?? fieldsCheck(desc);
    checks.set(desc, check);
  }
  return check;
}

function isObject(json: JsonValue): json is JsonMembers {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

function wellKnownCheck(desc: DescMessage): JsonCheck | undefined {
  const text = WELL_KNOWN_TEXT.get(desc.typeName);
  if (text !== undefined) {
    return (json) => (typeof json === "string" && text.fits(json) ? undefined : mustBe(text.expected, json));
  }
  if (isWrapperDesc(desc)) return scalarCheck(desc.fields[0].scalar);
  switch (desc.typeName) {
    case "google.protobuf.Any":
      return checkAny;
    case "google.protobuf.Struct":
      return (json, walk) => (isObject(json) ? checkPlain(json, walk) : mustBe("a JSON object", json));
    case "google.protobuf.ListValue":
      return (json, walk) => (Array.isArray(json) ? checkPlain(json, walk) : mustBe("a JSON array", json));
    case VALUE:
      return checkPlain;
    default:
      return undefined;
  }
}

/** Checks JSON without a schema: numbers beyond a double and lone surrogates cannot be represented. */
function checkPlain(json: JsonValue, walk: JsonWalk): JsonProblem | undefined {
  if (typeof json === "string") return isText(json) ? undefined : mustBe("well-formed Unicode", json);
  if (typeof json === "number") {
    return Number.isFinite(json) ? undefined : mustBe("a number that a double can hold", json);
  }
  if (Array.isArray(json)) return checkItems(json, walk, checkPlain);
  if (isObject(json)) return checkEntries(json, walk, checkPlain, checkPlain);
  return undefined;
}

/** Counts the members below an ignored one; nothing else of them is checked. */
function countMembers(json: JsonValue, walk: JsonWalk): void {
  if (typeof json === "object" && json !== null) {
    const values = Object.values(json);
    walk.members += Array.isArray(json) ? 0 : values.length;
    for (const value of values) countMembers(value as JsonValue, walk);
  }
}

function checkAny(json: JsonValue, walk: JsonWalk): JsonProblem | undefined {
  if (!isObject(json)) return mustBe('a JSON object with "@type"', json);
  if (Object.keys(json).length === 0) return undefined;
  const type = Object.hasOwn(json, "@type") ? json["@type"] : undefined;
  const desc = typeof type === "string" ? walk.registry.getMessage(type.slice(type.lastIndexOf("/") + 1)) : undefined;
  if (desc === undefined) {
    return below(mustBe("the URL of a message type that is known here", type ?? null), '["@type"]');
  }
  walk.members++;
  const { "@type": _, ...rest } = json;
  return wellKnownCheck(desc) !== undefined && Object.hasOwn(rest, "value")
    ? checkAnyValue(messageCheck(desc), rest, walk)
    : messageCheck(desc)(rest, walk);
}

/** Checks an Any of a type whose JSON is not an object of fields: it is the member `value`. */
function checkAnyValue(check: JsonCheck, rest: JsonMembers, walk: JsonWalk): JsonProblem | undefined {
  for (const [name, value] of Object.entries(rest)) {
    walk.members++;
    if (name === "value") {
      const found = check(value, walk);
      if (found !== undefined) return below(found, "value");
    } else if (walk.unknownFields === "ignore") {
      countMembers(value, walk);
    } else {
      return belowForeign(
        problem((path) => `${path} is unknown; allowed are @type and value`),
        quote(name),
      );
    }
  }
  return undefined;
}

interface Member {
  readonly field: DescField;
  readonly check: JsonCheck;
  readonly redacted: boolean;
  /** The other members of the field's oneof. */
  readonly siblings: readonly DescField[];
}

function fieldsCheck(desc: DescMessage): JsonCheck {
  let members: ReadonlyMap<string, Member> | undefined;
  return (json, walk) => {
    if (!isObject(json)) return mustBe("a JSON object", json);
    // Made at the first use: message types may contain themselves.
    members ??= createMembers(desc);
    const names = Object.keys(json);
    walk.members += names.length;
    for (const name of names) {
      const member = members.get(name);
      const value = json[name] as JsonValue;
      const found =
        member === undefined ? checkUnknown(desc, name, value, walk) : checkMember(member, name, value, json, walk);
      if (found !== undefined) return found;
    }
    return undefined;
  };
}

function createMembers(desc: DescMessage): ReadonlyMap<string, Member> {
  const members = new Map<string, Member>();
  for (const [name, field] of namedFields(desc)) {
    const siblings = field.oneof?.fields.filter((sibling) => sibling !== field) ?? [];
    members.set(name, { field, check: fieldCheck(field), redacted: isRedacted(field), siblings });
  }
  return members;
}

function checkMember(
  member: Member,
  name: string,
  value: JsonValue,
  json: JsonMembers,
  walk: JsonWalk,
): JsonProblem | undefined {
  const { field } = member;
  if (name !== field.jsonName && Object.hasOwn(json, field.jsonName)) {
    const twice = problem((path) => `${path} is given twice, as ${field.jsonName} and as ${field.name}`);
    return below(twice, field.jsonName);
  }
  if (member.siblings.length > 0 && !(value === null && field.fieldKind === "scalar")) {
    const sibling = member.siblings.find((other) => isGiven(other, json));
    if (sibling !== undefined) return below(onlyOneOf(field.oneof as DescOneof, field, sibling), field.jsonName);
  }
  // null means "unset", except where null is a value.
  const found = value === null && !takesNull(field) ? undefined : member.check(value, walk);
  return found && below(found, field.jsonName, member.redacted);
}

function isGiven(field: DescField, json: JsonMembers): boolean {
  const name = Object.hasOwn(json, field.jsonName) ? field.jsonName : field.name;
  return Object.hasOwn(json, name) && !(json[name] === null && field.fieldKind === "scalar");
}

function onlyOneOf(oneof: DescOneof, field: DescField, sibling: DescField): JsonProblem {
  const names = oneof.fields.map((member) => member.jsonName).join(", ");
  return problem(() => `only one of ${names} may be given; received ${sibling.jsonName} and ${field.jsonName}`);
}

function takesNull(field: DescField): boolean {
  return field.fieldKind === "message"
    ? field.message.typeName === VALUE
    : field.fieldKind === "enum" && field.enum.typeName === NULL_VALUE;
}

function checkUnknown(desc: DescMessage, name: string, value: JsonValue, walk: JsonWalk): JsonProblem | undefined {
  const extension =
    name.startsWith("[") && name.endsWith("]") ? walk.registry.getExtension(name.slice(1, -1)) : undefined;
  if (walk.unknownFields === "ignore" || extension?.extendee.typeName === desc.typeName) {
    countMembers(value, walk);
    return undefined;
  }
  const known = desc.fields.map((field) => field.jsonName);
  const step = /^[A-Za-z_]\w{0,99}$/.test(name) ? name : quote(name);
  return belowForeign(
    problem((path) => `${path} is unknown${suggest(name, known)}`),
    step,
  );
}

function fieldCheck(field: DescField): JsonCheck {
  switch (field.fieldKind) {
    case "list": {
      const item = notNull(singularCheck(field), field.listKind === "message" && field.message.typeName === VALUE);
      return (json, walk) => (Array.isArray(json) ? checkItems(json, walk, item) : mustBe("a JSON array", json));
    }
    case "map": {
      const entry = notNull(singularCheck(field), field.mapKind === "message" && field.message.typeName === VALUE);
      const key = scalarCheck(field.mapKey, true);
      return (json, walk) => (isObject(json) ? checkEntries(json, walk, entry, key) : mustBe("a JSON object", json));
    }
    default:
      return singularCheck(field);
  }
}

function singularCheck(field: DescField): JsonCheck {
  if (field.scalar !== undefined) return scalarCheck(field.scalar);
  if (field.enum !== undefined) return enumCheck(field.enum);
  return messageCheck(field.message as DescMessage);
}

function notNull(check: JsonCheck, takesNull: boolean): JsonCheck {
  return takesNull ? check : (json, walk) => (json === null ? mustBe("a value", json) : check(json, walk));
}

function checkItems(json: readonly JsonValue[], walk: JsonWalk, check: JsonCheck): JsonProblem | undefined {
  for (let i = 0; i < json.length; i++) {
    const found = check(json[i] as JsonValue, walk);
    if (found !== undefined) return below(found, `[${i}]`);
  }
  return undefined;
}

function checkEntries(
  json: JsonMembers,
  walk: JsonWalk,
  check: JsonCheck,
  checkKey: (key: JsonValue, walk: JsonWalk) => JsonProblem | undefined,
): JsonProblem | undefined {
  const keys = Object.keys(json);
  walk.members += keys.length;
  for (const key of keys) {
    const found = checkKey(key, walk) ?? check(json[key] as JsonValue, walk);
    if (found !== undefined) return belowForeign(found, `[${quote(key)}]`);
  }
  return undefined;
}
