/** Field masks in JSON: paths may be in lowerCamelCase or in snake_case. */

/*
 * ProtoJSON allows only lowerCamelCase, and protobuf-es refuses a path with an underscore. But Google's own APIs accept
 * snake_case, and a name such as `tier_2`, which may appear in a path below a map, has no lowerCamelCase form that can
 * be converted back. So underscores are hidden from protobuf-es and restored in the message that it makes.
 */
import { create, type DescField, type DescMessage, type JsonValue, type Message } from "@bufbuild/protobuf";
import { type FieldMask, FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import { getLocal } from "./field-path.ts";

/** Replaces an underscore on the way. It is a private-use character, which `isFieldMaskText` does not accept. */
const HIDDEN = "\ue05f";

/** `*` stands for all fields (AIP-134). */
const FIELD_MASK = /^(?:[a-zA-Z0-9.*_-]+(?:,[a-zA-Z0-9.*_-]+)*)?$/;

/** Returns whether a text is a field mask. */
export function isFieldMaskText(text: string): boolean {
  return FIELD_MASK.test(text);
}

/** Returns whether a field is a field mask. */
export function isFieldMask(field: DescField): boolean {
  return field.fieldKind === "message" && field.message.typeName === FieldMaskSchema.typeName;
}

/** Returns the mask for a text that `isFieldMaskText` accepts; its paths are in snake_case. */
export function toFieldMask(text: string): FieldMask {
  const paths = text === "" ? [] : text.split(",");
  return create(FieldMaskSchema, {
    paths: paths.map((path) => path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)),
  });
}

const maskFieldsOf = new WeakMap<DescMessage, readonly DescField[]>();

/** Returns the fields that are masks or lead to one. */
function maskFields(desc: DescMessage): readonly DescField[] {
  const known = maskFieldsOf.get(desc);
  if (known !== undefined) return known;
  // A message that contains itself adds no new fields.
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

/** Returns whether a message of this type may hold a mask. */
export function mayHoldMask(desc: DescMessage): boolean {
  return maskFields(desc).length > 0;
}

/** Rewrites the masks of a JSON value that fits the descriptor to the form that protobuf-es accepts. */
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

/** Restores the underscores in a message that was made from such JSON. */
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
