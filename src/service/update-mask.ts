/** What the update mask of UpdateUser names. */
import { ProfileSchema } from "../../gen/lockkeeper/resource/v1/profile_pb.ts";
import type { PersonInput } from "../domain/command.ts";
import { shown } from "../domain/refusal.ts";
import { PROFILE_FIELDS, type ProfileField } from "../domain/user.ts";
import { invalidField } from "./request.ts";

type UpdatedField = ProfileField | "emailVerified";

const FIELDS: readonly UpdatedField[] = [...PROFILE_FIELDS, "emailVerified"];

/** Proto name and JSON name of each profile field, both of which a mask may use. */
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

/** Throws FIELD_INVALID for a path that names nothing, and for values that the mask does not name. */
export function updatedFields(paths: readonly string[], { profile, attributes }: PersonInput): UpdatedFields {
  if (paths.length === 0)
    throw invalidField("update_mask", "names nothing; name at least one field, such as profile.email");
  const fields = new Set<UpdatedField>();
  const namespaces = new Set<string>();
  let all = false;
  for (const path of paths) {
    const [head, ...rest] = path.split(".");
    const name = rest.join(".");
    const field = BY_NAME.get(name);
    if (path === "profile") for (const each of FIELDS) fields.add(each);
    else if (head === "profile" && field !== undefined) fields.add(field);
    else if (path === "attributes") all = true;
    else if (head === "attributes" && name !== "") namespaces.add(name);
    else {
      const allowed = `profile, ${FIELDS.map((f) => `profile.${ProfileSchema.field[f].name}`).join(", ")}, attributes and attributes.<namespace>`;
      throw invalidField("update_mask", `${shown(path)} names nothing; allowed are ${allowed}`);
    }
  }
  const idle = FIELDS.find((field) => profile[field] !== undefined && !fields.has(field));
  if (idle !== undefined) {
    const { name } = ProfileSchema.field[idle];
    throw invalidField(`profile.${name}`, `has a value, but update_mask does not name profile.${name}`);
  }
  const unnamed = all ? undefined : Object.keys(attributes).find((namespace) => !namespaces.has(namespace));
  if (unnamed !== undefined) {
    throw invalidField(
      "attributes",
      `${shown(unnamed)} has a value, but update_mask does not name attributes.${unnamed}`,
    );
  }
  return { fields: [...fields], namespaces: all ? "all" : [...namespaces] };
}
