/** What the writers ask of descriptors and of the values that messages hold. */
import { type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import { Edition, FeatureSet_FieldPresence, isWrapperDesc } from "@bufbuild/protobuf/wkt";

/** Returns what a message holds in a member. */
export function heldBy(message: Message, member: string): unknown {
  return (message as unknown as { readonly [name: string]: unknown })[member];
}

/** Ends a writer that meets what it does not know; protobuf-es then writes the message. Has no stack: it is never shown. */
export const UNUSUAL: unique symbol = Symbol("unusual message");

/**
 * Whether the writers know the fields of a type. The others are too rare to be worth code: proto2 has groups and defaults
 * on prototypes, and a 64-bit value may be a text, or an enum null.
 */
export function isOrdinary({ file, fields }: DescMessage): boolean {
  return (
    file.edition === Edition.EDITION_PROTO3 &&
    fields.every(
      (field) =>
        !("longAsString" in field && field.longAsString) && field.enum?.typeName !== "google.protobuf.NullValue",
    )
  );
}

/** Whether a field with the zero value counts as unset. */
function isImplicit(field: DescField): boolean {
  return field.presence === FeatureSet_FieldPresence.IMPLICIT;
}

/** Whether a field holds plain JSON in place of a google.protobuf.Struct. */
export function isJsonStruct(field: DescField): boolean {
  return field.message?.typeName === "google.protobuf.Struct" && field.parent?.typeName !== "google.protobuf.Value";
}

/** Returns the value of a field that counts as unset. `number` and `bytes` need a closer look. */
export function unsetValueOf(field: DescField): unknown {
  if (!isImplicit(field)) return undefined;
  switch (field.scalar) {
    case ScalarType.STRING:
      return "";
    case ScalarType.BOOL:
      return false;
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return 0n;
    default:
      return 0;
  }
}

/** Whether a field holds the value of a wrapper in place of the wrapper. */
export function isUnwrapped(field: DescField): boolean {
  return field.fieldKind === "message" && field.oneof === undefined && isWrapperDesc(field.message);
}

/** How a field of a message holds its value or values. */
export type Holding = "single" | "number" | "bytes" | "oneof" | "list" | "map";

/** Returns how a field is held. `number`: without presence, and -0 is not the zero value; `bytes`: so are empty ones. */
export function holdingOf(field: DescField): Holding {
  if (field.fieldKind === "list" || field.fieldKind === "map") return field.fieldKind;
  if (field.oneof !== undefined) return "oneof";
  if (!isImplicit(field)) return "single";
  if (field.scalar === ScalarType.BYTES) return "bytes";
  return field.scalar === ScalarType.DOUBLE || field.scalar === ScalarType.FLOAT ? "number" : "single";
}

/** Returns the member of a message that holds a field: of a field in a oneof, that of the oneof. */
export function memberOf(field: DescField): string {
  return field.oneof?.localName ?? field.localName;
}

/** Returns the fields in the order in which they are written. */
export function fieldsInOrder({ fields }: DescMessage): readonly DescField[] {
  return fields.toSorted((a, b) => a.number - b.number);
}
