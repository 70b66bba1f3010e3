/** Writes single values in protobuf's binary form. What is not of the type ends the writer, as `UNUSUAL` says. */
import { type JsonValue, ScalarType } from "@bufbuild/protobuf";
import type { ByteSink } from "./byte-sink.ts";
import { UNUSUAL } from "./message-shape.ts";

type WriteValue = (sink: ByteSink, value: unknown) => void;

export const WIRE_VARINT = 0;
export const WIRE_64 = 1;
export const WIRE_DELIMITED = 2;
export const WIRE_32 = 5;

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);
const UINT64_MAX = 2n ** 64n - 1n;

export function wireTypeOf(type: ScalarType): number {
  switch (type) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return WIRE_DELIMITED;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return WIRE_64;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return WIRE_32;
    default:
      return WIRE_VARINT;
  }
}

/** Writes a value without its tag. */
export function writeScalar(sink: ByteSink, type: ScalarType, value: unknown): void {
  switch (type) {
    case ScalarType.STRING:
      if (typeof value !== "string") throw UNUSUAL;
      sink.string(value);
      return;
    case ScalarType.BOOL:
      sink.uint32(value ? 1 : 0);
      return;
    case ScalarType.INT32: {
      const int = int32Of(value);
      if (int >= 0) sink.uint32(int);
      else sink.varint64(BigInt(int));
      return;
    }
    case ScalarType.INT64:
    case ScalarType.UINT64: {
      const near = typeof value === "bigint" ? Number(value) : -1;
      if (near >= 0 && near <= Number.MAX_SAFE_INTEGER) sink.safeInteger(near);
      else sink.varint64(type === ScalarType.INT64 ? int64Of(value) : uint64Of(value));
      return;
    }
    case ScalarType.BYTES:
      if (!(value instanceof Uint8Array)) throw UNUSUAL;
      sink.uint32(value.byteLength);
      sink.raw(value);
      return;
    case ScalarType.UINT32:
      sink.uint32(uint32Of(value));
      return;
    default:
      writeRare(sink, type, value);
  }
}

/** The types that no field of ours has. */
function writeRare(sink: ByteSink, type: ScalarType, value: unknown): void {
  switch (type) {
    case ScalarType.DOUBLE:
      if (typeof value !== "number") throw UNUSUAL;
      sink.double(value);
      return;
    case ScalarType.FLOAT:
      if (typeof value !== "number" || (Number.isFinite(value) && !Number.isFinite(Math.fround(value)))) throw UNUSUAL;
      sink.float(value);
      return;
    case ScalarType.SINT32: {
      const int = int32Of(value);
      sink.uint32(((int << 1) ^ (int >> 31)) >>> 0);
      return;
    }
    case ScalarType.FIXED32:
      sink.fixed32(uint32Of(value));
      return;
    case ScalarType.SFIXED32:
      sink.fixed32(int32Of(value));
      return;
    case ScalarType.SINT64: {
      const int = int64Of(value);
      sink.varint64((int << 1n) ^ (int >> 63n));
      return;
    }
    case ScalarType.FIXED64:
      sink.fixed64(uint64Of(value));
      return;
    case ScalarType.SFIXED64:
      sink.fixed64(int64Of(value));
      return;
    default:
      throw UNUSUAL;
  }
}

function int32Of(value: unknown): number {
  if (typeof value !== "number" || (value | 0) !== value) throw UNUSUAL;
  return value;
}

function uint32Of(value: unknown): number {
  if (typeof value !== "number" || value >>> 0 !== value) throw UNUSUAL;
  return value;
}

function int64Of(value: unknown): bigint {
  if (typeof value !== "bigint" || value > INT64_MAX || value < INT64_MIN) throw UNUSUAL;
  return value;
}

function uint64Of(value: unknown): bigint {
  if (typeof value !== "bigint" || value > UINT64_MAX || value < 0n) throw UNUSUAL;
  return value;
}

/** The fields of google.protobuf.Value, as tags. */
const NULL_VALUE = (1 << 3) | WIRE_VARINT;
const NUMBER_VALUE = (2 << 3) | WIRE_64;
const STRING_VALUE = (3 << 3) | WIRE_DELIMITED;
const BOOL_VALUE = (4 << 3) | WIRE_VARINT;
const STRUCT_VALUE = (5 << 3) | WIRE_DELIMITED;
const LIST_VALUE = (6 << 3) | WIRE_DELIMITED;
/** `fields` of a Struct and `values` of a ListValue. */
const ITEM = (1 << 3) | WIRE_DELIMITED;
const ENTRY_KEY = (1 << 3) | WIRE_DELIMITED;
const ENTRY_VALUE = (2 << 3) | WIRE_DELIMITED;

/** Writes a JSON object as the fields of a google.protobuf.Struct. */
export function writeStruct(sink: ByteSink, value: unknown): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw UNUSUAL;
  const members = value as { readonly [name: string]: JsonValue };
  for (const name of Object.keys(members)) {
    sink.uint32(ITEM);
    const start = sink.beginNested(1);
    sink.uint32(ENTRY_KEY);
    sink.string(name);
    sink.uint32(ENTRY_VALUE);
    writeNested(sink, members[name], writeJson);
    sink.endNested(start, 1);
  }
}

function writeList(sink: ByteSink, items: unknown): void {
  for (const item of items as readonly JsonValue[]) {
    sink.uint32(ITEM);
    writeNested(sink, item, writeJson);
  }
}

function writeNested(sink: ByteSink, value: unknown, write: WriteValue): void {
  const start = sink.beginNested(1);
  write(sink, value);
  sink.endNested(start, 1);
}

/** Writes a JSON value as the fields of a google.protobuf.Value. */
function writeJson(sink: ByteSink, value: unknown): void {
  switch (typeof value) {
    case "string":
      sink.uint32(STRING_VALUE);
      sink.string(value);
      return;
    case "number":
      sink.uint32(NUMBER_VALUE);
      sink.double(value);
      return;
    case "boolean":
      sink.uint32(BOOL_VALUE);
      sink.uint32(value ? 1 : 0);
      return;
    case "object":
      if (value === null) {
        sink.uint32(NULL_VALUE);
        sink.uint32(0);
      } else if (Array.isArray(value)) {
        sink.uint32(LIST_VALUE);
        writeNested(sink, value, writeList);
      } else {
        sink.uint32(STRUCT_VALUE);
        writeNested(sink, value, writeStruct);
      }
      return;
    default:
      throw UNUSUAL;
  }
}
