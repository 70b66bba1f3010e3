/** Counts the values of a message in protobuf's binary form before it is decoded. */
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";

/** Decoders refuse messages that nest deeper. */
const DEPTH_MAX = 100;

/** How the values of a field are counted. */
type FieldPlan =
  /** The plan is made at its first use: messages may contain themselves. */
  | { readonly kind: "message"; readonly plan: () => MessagePlan }
  /** `bytes`: the size of each value; 0: a varint, which ends at its last byte. */
  | { readonly kind: "packed"; readonly bytes: 0 | 4 | 8 };

interface MessagePlan {
  /** The number of fields that are counted together with the field that holds the message. */
  readonly free: number;
  /** The plans of fields that hold more than one value; every other field is one value. */
  readonly fields: ReadonlyMap<number, FieldPlan>;
}

const plans = new WeakMap<DescMessage, MessagePlan>();

/**
 * Returns the number of values in a message: the members of objects and lists that its JSON would have. Stops at the
 * first value beyond `max`. Bytes that are not a message of this type are counted as far as they can be read; decoders
 * refuse them.
 */
export function countValues(desc: DescMessage, bytes: Uint8Array, max: number): number {
  const scan = new Scan(bytes, max);
  scan.message(planOf(desc), bytes.byteLength, 0);
  return scan.values;
}

class Scan {
  readonly #bytes: Uint8Array;
  readonly #max: number;
  #at = 0;
  values = 0;

  constructor(bytes: Uint8Array, max: number) {
    this.#bytes = bytes;
    this.#max = max;
  }

  /**
   * Counts the fields up to `end`. Returns false if the bytes are not a message, or the count is beyond the maximum.
   */
  message({ free, fields }: MessagePlan, end: number, depth: number): boolean {
    for (let seen = 1; this.#at < end; seen++) {
      const tag = this.#varint(end);
      if (seen > free) this.values++;
      if (this.values > this.#max || !this.#field(tag, fields.get(Math.floor(tag / 8)), end, depth)) return false;
    }
    return this.#at === end;
  }

  #field(tag: number, plan: FieldPlan | undefined, end: number, depth: number): boolean {
    switch (tag % 8) {
      case 0:
        return !Number.isNaN(this.#varint(end));
      case 1:
        return this.#skip(8, end);
      case 2:
        return this.#delimited(plan, end, depth);
      case 3:
      case 4:
        // The content of a group is counted as if it stood next to the group.
        return true;
      case 5:
        return this.#skip(4, end);
      default:
        return false;
    }
  }

  #delimited(plan: FieldPlan | undefined, end: number, depth: number): boolean {
    const length = this.#varint(end);
    const stop = this.#at + length;
    if (!(stop <= end)) return false;
    if (plan?.kind === "message" && depth < DEPTH_MAX) return this.message(plan.plan(), stop, depth + 1);
    if (plan?.kind === "packed" && length > 0) this.values += Math.max(0, this.#packed(plan.bytes, stop) - 1);
    this.#at = stop;
    return this.values <= this.#max;
  }

  #packed(bytes: number, stop: number): number {
    if (bytes > 0) return Math.ceil((stop - this.#at) / bytes);
    let count = 0;
    for (let at = this.#at; at < stop && count <= this.#max; at++) if ((this.#bytes[at] as number) < 0x80) count++;
    return count;
  }

  #skip(bytes: number, end: number): boolean {
    this.#at += bytes;
    return this.#at <= end;
  }

  /** Reads a varint; NaN if it does not end in time. Exact within the range of tags and lengths. */
  #varint(end: number): number {
    let value = 0;
    for (let factor = 1; this.#at < end && factor < 2 ** 70; factor *= 128) {
      const byte = this.#bytes[this.#at++] as number;
      value += (byte % 128) * factor;
      if (byte < 0x80) return value;
    }
    return Number.NaN;
  }
}

/** Returns the plan of a message. A google.protobuf.Value and its content are one value, as in JSON. */
function planOf(desc: DescMessage): MessagePlan {
  let plan = plans.get(desc);
  if (plan === undefined) {
    plan = { free: desc.typeName === "google.protobuf.Value" ? 1 : 0, fields: new Map(desc.fields.flatMap(toEntry)) };
    plans.set(desc, plan);
  }
  return plan;
}

function toEntry(field: DescField): readonly (readonly [number, FieldPlan])[] {
  if (field.fieldKind === "map") {
    // An entry with its key is one value.
    const entry: MessagePlan = {
      free: 2,
      fields: new Map(field.message === undefined ? [] : [[2, messagePlan(field.message)]]),
    };
    return [[field.number, { kind: "message", plan: () => entry }]];
  }
  if (field.message !== undefined) return [[field.number, messagePlan(field.message)]];
  if (field.fieldKind !== "list") return [];
  const bytes = field.scalar === undefined ? 0 : PACKED_BYTES[field.scalar];
  return bytes === undefined ? [] : [[field.number, { kind: "packed", bytes }]];
}

function messagePlan(desc: DescMessage): FieldPlan {
  return { kind: "message", plan: () => planOf(desc) };
}

/** The scalars that a list may pack into one field. */
const PACKED_BYTES: Readonly<Partial<Record<ScalarType, 0 | 4 | 8>>> = {
  [ScalarType.DOUBLE]: 8,
  [ScalarType.FIXED64]: 8,
  [ScalarType.SFIXED64]: 8,
  [ScalarType.FLOAT]: 4,
  [ScalarType.FIXED32]: 4,
  [ScalarType.SFIXED32]: 4,
  [ScalarType.BOOL]: 0,
  [ScalarType.INT32]: 0,
  [ScalarType.INT64]: 0,
  [ScalarType.UINT32]: 0,
  [ScalarType.UINT64]: 0,
  [ScalarType.SINT32]: 0,
  [ScalarType.SINT64]: 0,
};
