/** Writers of messages in protobuf's binary form, compiled from descriptors: the bytes of protobuf-es, in less time. */
import { create, type DescField, type DescMessage, type Message, ScalarType, toBinary } from "@bufbuild/protobuf";
import { WIRE_DELIMITED, wireTypeOf, writeScalar, writeStruct } from "./binary-values.ts";
import { ByteSink } from "./byte-sink.ts";
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

/**
 * Returns the bytes of a message behind `reserve` bytes (default 0), which are zero and the caller's to fill. Throws as
 * `toBinary` of protobuf-es does.
 */
export type BinaryWriter = (message: Message, reserve?: number) => Buffer;

/** How the messages of a type are written: a table of fields that one loop walks, which V8 runs faster than closures. */
interface MessagePlan {
  readonly desc: DescMessage;
  readonly typeName: string;
  /** In the order of their numbers. */
  readonly fields: FieldPlan[];
  /** Whether protobuf-es writes messages of this type. */
  readonly isForeign: boolean;
}

interface FieldPlan {
  /** The member of the message; of a field in a oneof, that of the oneof. */
  readonly member: string;
  readonly localName: string;
  readonly holding: Holding | "packed";
  /** The value that counts as unset. */
  readonly unset: unknown;
  readonly value: ValuePlan;
  /** Of the entries of a map or of packed values. */
  readonly wrapping: NestedPlan;
}

/** What stands behind its length. */
interface NestedPlan {
  readonly tag: number;
  /** The bytes that the length of the last one took: mostly the next one needs as many. */
  lengthBytes: number;
}

interface ValuePlan extends NestedPlan {
  readonly content: "scalar" | "message" | "struct" | "wrapper";
  readonly scalar: ScalarType;
  /** The type of a message. */
  readonly message: MessagePlan | undefined;
}

/** One for all writers: writing is synchronous. */
const sink = new ByteSink();

/** Returns the writer of a type. The first call compiles it and the types that it holds. */
export function binaryWriter(desc: DescMessage): BinaryWriter {
  const plan = planOf(desc);
  return (message, reserve = 0) => {
    try {
      sink.begin(reserve);
      writeMessage(plan, message);
      return sink.finish();
    } catch {
      // protobuf-es writes what this writer does not know, or says what is wrong with it.
      return Buffer.concat([Buffer.alloc(reserve), toBinary(desc, message)]);
    }
  };
}

function writeMessage(plan: MessagePlan, message: Message): void {
  if (plan.isForeign) {
    sink.raw(toBinary(plan.desc, message));
    return;
  }
  if (message.$typeName !== plan.typeName) throw UNUSUAL;
  const { fields } = plan;
  for (let index = 0; index < fields.length; index++) {
    const field = fields[index] as FieldPlan;
    writeField(field, heldBy(message, field.member));
  }
  const unknown = message.$unknown;
  if (unknown === undefined) return;
  for (const { no, wireType, data } of unknown) {
    sink.uint32(((no << 3) | wireType) >>> 0);
    sink.raw(data);
  }
}

function writeField(field: FieldPlan, held: unknown): void {
  switch (field.holding) {
    case "single":
      if (held !== field.unset) writeValue(field.value, held);
      return;
    case "list":
      for (const item of held as readonly unknown[]) writeValue(field.value, item);
      return;
    case "oneof": {
      const chosen = held as { readonly case: string | undefined; readonly value?: unknown };
      if (chosen.case === field.localName) writeValue(field.value, chosen.value);
      return;
    }
    case "map":
      writeMap(field, held as { readonly [key: string]: unknown });
      return;
    case "packed":
      writePacked(field, held as readonly unknown[]);
      return;
    case "number":
      // -0 is not the zero value.
      if (!Object.is(held, 0)) writeValue(field.value, held);
      return;
    case "bytes":
      if (!(held instanceof Uint8Array) || held.byteLength > 0) writeValue(field.value, held);
  }
}

function writeValue(plan: ValuePlan, value: unknown): void {
  sink.uint32(plan.tag);
  if (plan.content === "scalar") {
    writeScalar(sink, plan.scalar, value);
    return;
  }
  const reserved = plan.lengthBytes;
  const start = sink.beginNested(reserved);
  if (plan.content === "struct") writeStruct(sink, value);
  else
    writeMessage(plan.message as MessagePlan, plan.content === "message" ? (value as Message) : wrapped(plan, value));
  plan.lengthBytes = sink.endNested(start, reserved);
}

function wrapped({ message }: ValuePlan, value: unknown): Message {
  return { ...create((message as MessagePlan).desc), value } as Message;
}

const MAP_KEY = (1 << 3) | WIRE_DELIMITED;

function writeMap(field: FieldPlan, entries: { readonly [key: string]: unknown }): void {
  const { wrapping, value } = field;
  for (const key of Object.keys(entries)) {
    sink.uint32(wrapping.tag);
    const reserved = wrapping.lengthBytes;
    const start = sink.beginNested(reserved);
    sink.uint32(MAP_KEY);
    sink.string(key);
    writeValue(value, entries[key]);
    wrapping.lengthBytes = sink.endNested(start, reserved);
  }
}

function writePacked({ wrapping, value }: FieldPlan, items: readonly unknown[]): void {
  if (items.length === 0) return;
  sink.uint32(wrapping.tag);
  const reserved = wrapping.lengthBytes;
  const start = sink.beginNested(reserved);
  for (const item of items) writeScalar(sink, value.scalar, item);
  wrapping.lengthBytes = sink.endNested(start, reserved);
}

const plans = new WeakMap<DescMessage, MessagePlan>();

function planOf(desc: DescMessage): MessagePlan {
  const known = plans.get(desc);
  if (known !== undefined) return known;
  const plan: MessagePlan = { desc, typeName: desc.typeName, fields: [], isForeign: !isKnown(desc) };
  // Before its fields are planned: a type may contain itself.
  plans.set(desc, plan);
  if (!plan.isForeign) plan.fields.push(...fieldsInOrder(desc).map(planField));
  return plan;
}

/** Keys that are no strings are as rare as what is not ordinary. */
function isKnown(desc: DescMessage): boolean {
  return (
    isOrdinary(desc) && desc.fields.every((field) => field.fieldKind !== "map" || field.mapKey === ScalarType.STRING)
  );
}

function planField(field: DescField): FieldPlan {
  return {
    member: memberOf(field),
    localName: field.localName,
    holding: field.fieldKind === "list" && field.packed ? "packed" : holdingOf(field),
    unset: unsetValueOf(field),
    // The value of an entry of a map is its field 2.
    value: planValue(field, field.fieldKind === "map" ? 2 : field.number),
    wrapping: { tag: tagOf(field.number, WIRE_DELIMITED), lengthBytes: 1 },
  };
}

function planValue(field: DescField, number: number): ValuePlan {
  const scalar = field.scalar ?? ScalarType.INT32;
  const { message } = field;
  if (message === undefined) {
    return { content: "scalar", scalar, message, tag: tagOf(number, wireTypeOf(scalar)), lengthBytes: 1 };
  }
  const content = isJsonStruct(field) ? "struct" : isUnwrapped(field) ? "wrapper" : "message";
  return { content, scalar, message: planOf(message), tag: tagOf(number, WIRE_DELIMITED), lengthBytes: 1 };
}

function tagOf(number: number, wireType: number): number {
  return ((number << 3) | wireType) >>> 0;
}
