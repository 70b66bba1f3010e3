/** Checks the sizes of lists and maps before any other rule, because the other rules run once for each item. */
import { type DescField, type DescMessage, getOption, type Message } from "@bufbuild/protobuf";
import { FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import { field as fieldRules, Ignore } from "../../gen/buf/validate/validate_pb.ts";
import type { FieldViolation } from "../domain/refusal.ts";

/** The most paths of a mask; no message has as many fields. */
const MASK_PATHS_MAX = 100;

/**
 * Adds the fields of a message that are too large to `found`. `path` leads to the message and ends with a dot, unless
 * it is empty.
 */
type SizeCheck = (message: Message, path: string, found: FieldViolation[]) => void;

const checks = new WeakMap<DescMessage, SizeCheck>();

/** Returns lists and maps with more members than the contract allows, including those of nested messages. */
export function findOversized(desc: DescMessage, message: Message): readonly FieldViolation[] {
  const found: FieldViolation[] = [];
  checkOf(desc)(message, "", found);
  return found;
}

/** Messages may contain themselves, so the check is stored before its parts are made. */
function checkOf(desc: DescMessage): SizeCheck {
  const known = checks.get(desc);
  if (known !== undefined) return known;
  let parts: readonly SizeCheck[] | undefined;
  const check: SizeCheck = (message, path, found) => {
    parts ??= desc.fields.flatMap((field) => fieldCheck(field) ?? []);
    for (const part of parts) part(message, path, found);
  };
  checks.set(desc, check);
  return check;
}

function fieldCheck(field: DescField): SizeCheck | undefined {
  if (field.fieldKind === "list") return listCheck(field);
  if (field.fieldKind === "map") return mapCheck(field);
  if (field.fieldKind !== "message") return undefined;
  if (field.message.typeName === FieldMaskSchema.typeName) {
    return (message, path, found) => {
      const { paths = [] } = (heldBy(message, field) ?? {}) as { readonly paths?: readonly string[] };
      if (paths.length > MASK_PATHS_MAX) {
        found.push(tooMany(`${path}${field.name}`, `a mask of ${paths.length} paths`, `${MASK_PATHS_MAX} paths`));
      }
    };
  }
  // The messages of protobuf itself have no rules, and some have a form of their own.
  if (field.message.typeName.startsWith("google.protobuf.")) return undefined;
  const inner = checkOf(field.message);
  return (message, path, found) => {
    const value = heldBy(message, field);
    if (value !== undefined) inner(value as Message, `${path}${field.name}.`, found);
  };
}

function listCheck(field: DescField & { fieldKind: "list" }): SizeCheck {
  const { type } = getOption(field, fieldRules);
  const max = type.case === "repeated" ? Number(type.value.maxItems) : 0;
  const inner = field.listKind === "message" && !areItemsIgnored(field) ? checkOf(field.message) : undefined;
  return (message, path, found) => {
    const items = heldBy(message, field) as readonly Message[];
    if (max > 0 && items.length > max) {
      found.push(tooMany(`${path}${field.name}`, `a list of ${items.length}`, `${max} items`));
    } else if (inner !== undefined) {
      for (const [index, item] of items.entries()) inner(item, `${path}${field.name}[${index}].`, found);
    }
  };
}

const ignored = new WeakMap<DescField, boolean>();

/** Returns whether the contract leaves the items of a list to the handler, which validates each item separately. */
export function areItemsIgnored(field: DescField): boolean {
  if (field.fieldKind !== "list") return false;
  const known = ignored.get(field);
  if (known !== undefined) return known;
  // An option is decoded again each time: for an item of an import that takes as long as all its rules.
  const rules = getOption(field, fieldRules).type;
  const isIgnored = rules.case === "repeated" && rules.value.items?.ignore === Ignore.ALWAYS;
  ignored.set(field, isIgnored);
  return isIgnored;
}

function mapCheck(field: DescField & { fieldKind: "map" }): SizeCheck {
  const { type } = getOption(field, fieldRules);
  const max = type.case === "map" ? Number(type.value.maxPairs) : 0;
  return (message, path, found) => {
    const { length } = Object.keys(heldBy(message, field) as object);
    if (max > 0 && length > max) found.push(tooMany(`${path}${field.name}`, `a map of ${length}`, `${max} entries`));
  };
}

/** Returns a field's value. The members of a oneof stand below its name. */
function heldBy(message: Message, field: DescField): unknown {
  const slots = message as unknown as Readonly<Record<string, unknown>>;
  if (field.oneof === undefined) return slots[field.localName];
  const chosen = slots[field.oneof.localName] as { readonly case?: string; readonly value?: unknown };
  return chosen.case === field.localName ? chosen.value : undefined;
}

function tooMany(field: string, received: string, allowed: string): FieldViolation {
  return { field, description: `${received} is not allowed; at most ${allowed} are allowed` };
}
