/** Field masks in JSON: paths in lowerCamelCase or in snake_case, each of which is taken. */

/*
 * ProtoJSON knows lowerCamelCase alone, and protobuf-es refuses a path with an underscore. But Google's own APIs take
 * snake_case, and a name such as `tier_2`, which may stand in a path below a map, has no lowerCamelCase form that leads
 * back to it. So underscores are hidden from protobuf-es and shown again in the message that it makes.
 */
import { create, type DescField, type DescMessage, type JsonValue, type Message } from "@bufbuild/protobuf";
import { type FieldMask, FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import { getLocal } from "./field-path.ts";

/** Stands for an underscore on the way. A character for private use: `isFieldMaskText` lets none in. */
const HIDDEN = "\ue05f";

/** `*` stands for all fields (AIP-134). */
const FIELD_MASK = /^(?:[a-zA-Z0-9.*_-]+(?:,[a-zA-Z0-9.*_-]+)*)?$/;

export function isFieldMaskText(text: string): boolean {
  return FIELD_MASK.test(text);
}

export function isFieldMask(field: DescField): boolean {
  return field.fieldKind === "message" && field.message.typeName === FieldMaskSchema.typeName;
}

/** The mask of a text that `isFieldMaskText` takes; its paths are in snake_case. */
export function toFieldMask(text: string): FieldMask {
  const paths = text === "" ? [] : text.split(",");
  return create(FieldMaskSchema, {
    paths: paths.map((path) => path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)),
  });
}

const maskFieldsOf = new WeakMap<DescMessage, readonly DescField[]>();

/** The fields that are masks or lead to one. */
function maskFields(desc: DescMessage): readonly DescField[] {
  const known = maskFieldsOf.get(desc);
  if (known !== undefined) return known;
  // A message that holds itself leads nowhere new.
  maskFieldsOf.set(desc, []);
  const found = desc.fields.filter(
    (field) => field.message !== undefined && (isMaskType(field.message) || maskFields(field.message).length > 0),
  );
  maskFieldsOf.set(desc, found);
  return found;
}

function isMaskType({ typeName }: DescMessage): boolean {
  return typeName === FieldMaskSchema.typeName;
}

/** Whether a message of this type may hold a mask. */
export function mayHoldMask(desc: DescMessage): boolean {
  return maskFields(desc).length > 0;
}

/** Changes the masks of a JSON value, which fits the descriptor, to ones that protobuf-es takes. */
export function hideUnderscores(desc: DescMessage, json: JsonValue): void {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return;
  for (const field of maskFields(desc)) {
    for (const name of [field.jsonName, field.name]) {
      const value = Object.hasOwn(json, name) ? json[name] : undefined;
      if (typeof value === "string") {
        json[name] = value.replaceAll("_", HIDDEN);
      } else if (value !== undefined) {
        for (const inner of innerOf(field, value)) hideUnderscores(field.message as DescMessage, inner as JsonValue);
      }
    }
  }
}

/** Puts the underscores back in a message that was made from such JSON. */
export function showUnderscores(desc: DescMessage, message: Message): void {
  for (const field of maskFields(desc)) {
    const value = getLocal(message, field);
    for (const inner of value === undefined ? [] : innerOf(field, value)) {
      const type = field.message as DescMessage;
      if (isMaskType(type)) {
        const mask = inner as FieldMask;
        mask.paths = mask.paths.map((path) => path.replaceAll(HIDDEN, "_"));
      } else {
        showUnderscores(type, inner as Message);
      }
    }
  }
}

function innerOf({ fieldKind }: DescField, value: unknown): readonly unknown[] {
  if (fieldKind === "list") return Array.isArray(value) ? value : [];
  return fieldKind === "map" ? Object.values(value as object) : [value];
}
