/** What updates change: the fields that a mask names, or those that are present. */
import { type Profile, ProfileSchema } from "../../../gen/lockkeeper/resource/v1/profile_pb.ts";
import type * as pb from "../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { invalidField, shown } from "../../domain/refusal.ts";
import { PROFILE_FIELDS, type ProfileField } from "../../domain/user.ts";

type UpdatedField = ProfileField | "emailVerified";

const FIELDS: readonly UpdatedField[] = [...PROFILE_FIELDS, "emailVerified"];

/** Profile fields by their proto and JSON names; a mask may contain either. */
const BY_NAME = new Map<string, UpdatedField>(
  FIELDS.flatMap((field) => {
    const name = ProfileSchema.field[field].name;
    return [
      [name, field],
      [field, field],
    ];
  }),
);

export interface UpdatedFields {
  readonly fields: readonly UpdatedField[];
  readonly namespaces: readonly string[] | "all";
}

/**
 * Returns what a mask names, or, without one, the fields that have a value; a present but empty text removes the field.
 * Throws FIELD_INVALID for an unknown path, and for values that the mask does not name.
 */
export function updatedFields({ updateMask, profile, attributes }: pb.UpdateUserRequest): UpdatedFields {
  const paths = updateMask?.paths ?? [];
  if (paths.length === 0) return presentFields(profile, Object.keys(attributes));
  const fields = new Set<UpdatedField>();
  const namespaces = new Set<string>();
  let all = false;
  for (const path of paths) {
    const [head, ...rest] = path.split(".");
    const name = rest.join(".");
    const field = BY_NAME.get(name);
    if (path === "*") all = true;
    if (path === "*" || path === "profile") for (const each of FIELDS) fields.add(each);
    else if (head === "profile" && field !== undefined) fields.add(field);
    else if (path === "attributes") all = true;
    else if (head === "attributes" && name !== "") namespaces.add(name);
    else throw invalidField("update_mask", `${shown(path)} names nothing; allowed are ${allowedPaths()}`);
  }
  const idle = FIELDS.find((field) => Boolean(profile?.[field]) && !fields.has(field));
  if (idle !== undefined) {
    const { name } = ProfileSchema.field[idle];
    throw invalidField(`profile.${name}`, `has a value, but update_mask does not name profile.${name}`);
  }
  const unnamed = all ? undefined : Object.keys(attributes).find((namespace) => !namespaces.has(namespace));
  if (unnamed !== undefined) {
    throw invalidField(
      "attributes",
      `${shown(unnamed)} has a value, but update_mask does not name ${shown(`attributes.${unnamed}`)}`,
    );
  }
  return { fields: [...fields], namespaces: all ? "all" : [...namespaces] };
}

interface MaskedFields<F> {
  readonly byPath: ReadonlyMap<string, F>;
  readonly present: readonly F[];
  /** What a mask may name, in words. */
  readonly allowed: string;
}

/**
 * Returns the fields that an update changes: those that the mask names, or, without one, those that are present. Throws
 * FIELD_INVALID for an unknown path, and if nothing changes.
 */
export function namedFields<F>(
  paths: readonly string[],
  { byPath, present, allowed }: MaskedFields<F>,
): ReadonlySet<F> {
  if (paths.length + present.length === 0) {
    throw invalidField("update_mask", `is absent, and no field has a value; ${allowed}`);
  }
  const named = new Set(paths.length === 0 ? present : []);
  for (const path of paths) {
    for (const field of path === "*" ? byPath.values() : [byPath.get(path)]) {
      if (field === undefined) throw invalidField("update_mask", `${shown(path)} names nothing; ${allowed}`);
      named.add(field);
    }
  }
  return named;
}

function presentFields(profile: Profile | undefined, namespaces: readonly string[]): UpdatedFields {
  const fields = FIELDS.filter((field) => profile?.[field] !== undefined);
  if (fields.length + namespaces.length > 0) return { fields, namespaces };
  throw invalidField("update_mask", `is absent, and no field has a value; name or give one of ${allowedPaths()}`);
}

function allowedPaths(): string {
  const fields = FIELDS.map((field) => `profile.${ProfileSchema.field[field].name}`);
  return `profile, ${fields.join(", ")}, attributes and attributes.<namespace>`;
}
