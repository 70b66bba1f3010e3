/** Finds fields by dotted paths and reads and sets their values in messages, oneofs included. */
import { create, type DescField, type DescMessage, equals, isFieldSet, type Message } from "@bufbuild/protobuf";
import { hasCustomJsonRepresentation } from "@bufbuild/protobuf/wkt";

/** A path of fields, never empty; all but the last are singular messages. */
export type FieldPath = readonly DescField[];

/**
 * The properties of a message by local name. Names come from descriptors, never from a request, so that no caller can
 * reach a property of Object.prototype.
 */
type Slots = Record<string, unknown>;

/** Why a value was not set: another member of the same oneof is set already. */
export interface OneofConflict {
  readonly oneof: string;
  readonly present: string;
}

const fieldsByName = new WeakMap<DescMessage, ReadonlyMap<string, DescField>>();

/** Returns a message's fields by JSON name and by proto name; a JSON name wins over the proto name of another field. */
export function namedFields(desc: DescMessage): ReadonlyMap<string, DescField> {
  let fields = fieldsByName.get(desc);
  if (fields === undefined) {
    const made = new Map<string, DescField>();
    for (const field of desc.fields) made.set(field.name, field);
    for (const field of desc.fields) made.set(field.jsonName, field);
    fields = made;
    fieldsByName.set(desc, fields);
  }
  return fields;
}

/** Returns whether a path may continue below the field: a single message whose JSON is an object of its fields. */
export function hasSubfields(field: DescField): field is DescField & { fieldKind: "message" } {
  return field.fieldKind === "message" && !hasCustomJsonRepresentation(field.message);
}

/** Returns the path in proto names, with dots. */
export function toProtoPath(path: FieldPath): string {
  return path.map((field) => field.name).join(".");
}

/** Returns the path in JSON names, with dots. */
export function toJsonPath(path: FieldPath): string {
  return path.map((field) => field.jsonName).join(".");
}

/** Returns the message that holds the path's last field; undefined if a message on the way is unset. */
function findHolder(message: Message, path: FieldPath): Message | undefined {
  let holder: Message | undefined = message;
  for (let i = 0; i < path.length - 1 && holder !== undefined; i++) {
    holder = getLocal(holder, path[i] as DescField) as Message | undefined;
  }
  return holder;
}

/**
 * Returns the local value at the path; undefined if it is unset. A field without presence counts as unset while it
 * holds its default value.
 */
export function findValue(message: Message, path: FieldPath): unknown {
  const holder = findHolder(message, path);
  const last = path.at(-1);
  if (holder === undefined || last === undefined || !isFieldSet(holder, last)) return undefined;
  return getLocal(holder, last);
}

/** Returns whether two local values of one singular field are the same. */
export function isSameValue(field: DescField, a: unknown, b: unknown): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array) {
    return a.length === b.length && a.every((byte, i) => byte === b[i]);
  }
  if (field.fieldKind === "message" && typeof a === "object" && typeof b === "object") {
    return equals(field.message, a as Message, b as Message);
  }
  return Object.is(a, b);
}

/**
 * Sets a singular field, or appends to a repeated one, and creates the messages on the way. If that would replace
 * another member of a oneof, it sets nothing and returns the conflict.
 */
export function setValue(message: Message, path: FieldPath, value: unknown): OneofConflict | undefined {
  let holder = message;
  for (let i = 0; i < path.length - 1; i++) {
    const field = path[i] as DescField & { fieldKind: "message" };
    const conflict = findConflict(holder, field);
    if (conflict !== undefined) return conflict;
    let next = getLocal(holder, field) as Message | undefined;
    if (next === undefined) {
      next = create(field.message);
      setLocal(holder, field, next);
    }
    holder = next;
  }
  const last = path.at(-1) as DescField;
  const conflict = findConflict(holder, last);
  if (conflict === undefined) setLocal(holder, last, value);
  return conflict;
}

function findConflict(holder: Message, field: DescField): OneofConflict | undefined {
  if (field.oneof === undefined) return undefined;
  const present = (slotsOf(holder)[field.oneof.localName] as { case?: string }).case;
  if (present === undefined || present === field.localName) return undefined;
  return { oneof: field.oneof.name, present: field.parent.field[present]?.jsonName ?? present };
}

/** Returns the local value of a field, also of a member of a oneof. */
export function getLocal(holder: Message, field: DescField): unknown {
  const slots = slotsOf(holder);
  if (field.oneof === undefined) return slots[field.localName];
  const group = slots[field.oneof.localName] as { case?: string; value?: unknown };
  return group.case === field.localName ? group.value : undefined;
}

/** Sets the local value of a field, also of a member of a oneof; appends to a list. */
export function setLocal(holder: Message, field: DescField, value: unknown): void {
  const slots = slotsOf(holder);
  if (field.oneof !== undefined) {
    slots[field.oneof.localName] = { case: field.localName, value };
  } else if (field.fieldKind === "list") {
    (slots[field.localName] as unknown[]).push(value);
  } else {
    slots[field.localName] = value;
  }
}

function slotsOf(message: Message): Slots {
  return message as unknown as Slots;
}
