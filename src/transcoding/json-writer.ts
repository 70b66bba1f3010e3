/** Writers of messages as JSON text, compiled from descriptors: the text of protobuf-es, in less time. */
import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type Message,
  type Registry,
  ScalarType,
  toJson,
} from "@bufbuild/protobuf";
import { type Duration, isWrapperDesc, type Timestamp } from "@bufbuild/protobuf/wkt";
import { durationText, numberText, quoted, structText, timestampText } from "./json-text.ts";
import {
  fieldsInOrder,
  type Holding,
  heldBy,
  holdingOf,
  isJsonStruct,
  isOrdinary,
  isUnwrapped,
  memberOf,
  UNUSUAL,
  unsetValueOf,
} from "./message-shape.ts";

/** Returns the JSON text of a message. Throws as `toJson` of protobuf-es does. */
export type JsonWriter = (message: Message) => string;

export interface JsonWriterOptions {
  /** The messages that an Any may hold, and the extensions that are written. */
  readonly registry?: Registry | undefined;
}

type Form = "fields" | "timestamp" | "duration" | "foreign";

interface MessagePlan {
  readonly desc: DescMessage;
  readonly typeName: string;
  readonly form: Form;
  readonly fields: FieldPlan[];
}

interface FieldPlan {
  /** The member of the message; of a field in a oneof, that of the oneof. */
  readonly member: string;
  readonly localName: string;
  readonly holding: Holding;
  /** The value that counts as unset. */
  readonly unset: unknown;
  /** The name in JSON, quoted, with its colon. */
  readonly name: string;
  readonly value: ValuePlan;
}

interface ValuePlan {
  readonly content: "scalar" | "enum" | "message" | "struct";
  readonly scalar: ScalarType;
  /** The names of an enum, quoted, by number. */
  readonly names: ReadonlyMap<number, string>;
  readonly message: MessagePlan | undefined;
}

/** Returns the writer of a type. The first call compiles it and the types that it holds. */
export function jsonWriter(desc: DescMessage, { registry }: JsonWriterOptions = {}): JsonWriter {
  const plan = planOf(desc);
  const options = registry === undefined ? {} : { registry };
  return (message) => {
    try {
      return messageText(plan, message, registry);
    } catch {
      // protobuf-es writes what this writer does not know, or says what is wrong with it.
      return JSON.stringify(toJson(desc, message, options));
    }
  };
}

function messageText(plan: MessagePlan, message: Message, registry: Registry | undefined): string {
  if (message.$typeName !== plan.typeName) throw UNUSUAL;
  switch (plan.form) {
    case "fields":
      break;
    case "timestamp":
      return timestampText(message as Timestamp);
    case "duration":
      return durationText(message as Duration);
    case "foreign": {
      // A google.protobuf.Value whose kind is named, but without a value, has no text.
      const text: string | undefined = JSON.stringify(
        toJson(plan.desc, message, registry === undefined ? {} : { registry }),
      );
      if (text === undefined) throw UNUSUAL;
      return text;
    }
  }
  // Extensions are among them.
  if (registry !== undefined && message.$unknown !== undefined) throw UNUSUAL;
  const { fields } = plan;
  let text = "";
  for (let index = 0; index < fields.length; index++) {
    const field = fields[index] as FieldPlan;
    const value = fieldText(field, heldBy(message, field.member), registry);
    if (value !== "") text += (text === "" ? "{" : ",") + field.name + value;
  }
  return text === "" ? "{}" : `${text}}`;
}

/** Returns an empty text for a field that is not set. */
function fieldText(field: FieldPlan, held: unknown, registry: Registry | undefined): string {
  const { value } = field;
  switch (field.holding) {
    case "single":
      return held === field.unset ? "" : valueText(value, held, registry);
    case "list":
      return listText(value, held as readonly unknown[], registry);
    case "oneof": {
      const chosen = held as { readonly case: string | undefined; readonly value?: unknown };
      return chosen.case === field.localName ? valueText(value, chosen.value, registry) : "";
    }
    case "map":
      return mapText(value, held as { readonly [key: string]: unknown }, registry);
    case "number":
      // -0 is not the zero value.
      return Object.is(held, 0) ? "" : valueText(value, held, registry);
    case "bytes":
      return held instanceof Uint8Array && held.byteLength === 0 ? "" : valueText(value, held, registry);
  }
}

function listText(plan: ValuePlan, items: readonly unknown[], registry: Registry | undefined): string {
  if (items.length === 0) return "";
  let text = "[";
  for (const item of items) text += (text === "[" ? "" : ",") + valueText(plan, item, registry);
  return `${text}]`;
}

function mapText(
  plan: ValuePlan,
  entries: { readonly [key: string]: unknown },
  registry: Registry | undefined,
): string {
  let text = "";
  for (const key of Object.keys(entries)) {
    text += `${text === "" ? "{" : ","}${quoted(key)}:${valueText(plan, entries[key], registry)}`;
  }
  return text === "" ? "" : `${text}}`;
}

function valueText(plan: ValuePlan, value: unknown, registry: Registry | undefined): string {
  switch (plan.content) {
    case "scalar":
      return scalarText(plan.scalar, value);
    case "enum":
      return plan.names.get(value as number) ?? numberText(value);
    case "struct":
      return structText(value);
    case "message":
      return messageText(plan.message as MessagePlan, value as Message, registry);
  }
}

function scalarText(type: ScalarType, value: unknown): string {
  switch (type) {
    case ScalarType.STRING:
      if (typeof value !== "string") throw UNUSUAL;
      return quoted(value);
    case ScalarType.BOOL:
      if (typeof value !== "boolean") throw UNUSUAL;
      return value ? "true" : "false";
    case ScalarType.BYTES:
      if (!(value instanceof Uint8Array)) throw UNUSUAL;
      return `"${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64")}"`;
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      if (typeof value !== "bigint") throw UNUSUAL;
      return `"${value}"`;
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return Number.isFinite(value) || typeof value !== "number" ? numberText(value) : `"${value}"`;
    default:
      return numberText(value);
  }
}

const plans = new WeakMap<DescMessage, MessagePlan>();

function planOf(desc: DescMessage): MessagePlan {
  const known = plans.get(desc);
  if (known !== undefined) return known;
  const form = formOf(desc);
  const plan: MessagePlan = { desc, typeName: desc.typeName, form, fields: [] };
  // Before its fields are planned: a type may contain itself.
  plans.set(desc, plan);
  if (form === "fields") plan.fields.push(...fieldsInOrder(desc).map(planField));
  return plan;
}

/** The types that have a form of their own in JSON and seldom stand in an answer are left to protobuf-es. */
function formOf(desc: DescMessage): Form {
  switch (desc.typeName) {
    case "google.protobuf.Timestamp":
      return "timestamp";
    case "google.protobuf.Duration":
      return "duration";
    case "google.protobuf.Any":
    case "google.protobuf.FieldMask":
    case "google.protobuf.Struct":
    case "google.protobuf.Value":
    case "google.protobuf.ListValue":
      return "foreign";
    default:
      return isWrapperDesc(desc) || !isOrdinary(desc) || !hasPlainNames(desc) ? "foreign" : "fields";
  }
}

/** Whether an object keeps the members in the order in which they are set: names that are numbers come first. */
function hasPlainNames({ fields }: DescMessage): boolean {
  const names = new Set(fields.map(({ jsonName }) => jsonName));
  return names.size === fields.length && fields.every(({ jsonName }) => !/^\d+$/.test(jsonName));
}

function planField(field: DescField): FieldPlan {
  return {
    member: memberOf(field),
    localName: field.localName,
    holding: holdingOf(field),
    unset: unsetValueOf(field),
    name: `${JSON.stringify(field.jsonName)}:`,
    value: planValue(field),
  };
}

const NO_NAMES: ReadonlyMap<number, string> = new Map();

function planValue(field: DescField): ValuePlan {
  const { message, scalar = ScalarType.INT32, enum: names } = field;
  if (names !== undefined) return { content: "enum", scalar, names: namesOf(names), message: undefined };
  if (message === undefined) return { content: "scalar", scalar, names: NO_NAMES, message };
  if (isUnwrapped(field)) {
    const wrapped = message.fields[0]?.scalar ?? scalar;
    return { content: "scalar", scalar: wrapped, names: NO_NAMES, message: undefined };
  }
  return { content: isJsonStruct(field) ? "struct" : "message", scalar, names: NO_NAMES, message: planOf(message) };
}

function namesOf({ values }: DescEnum): ReadonlyMap<number, string> {
  return new Map(values.map(({ number, jsonName }) => [number, JSON.stringify(jsonName)]));
}
