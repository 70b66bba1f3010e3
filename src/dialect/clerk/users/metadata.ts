/** Public, private and unsafe metadata: merged by PATCH, replaced by PUT. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isObject, readForm } from "../wire/form.ts";
import type { Operation } from "../wire/operation.ts";
import { type PersonEdit, updatePerson } from "./update-person.ts";
import {
  METADATA_NAMES,
  METADATA_NAMESPACES,
  type MetadataName,
  metadataOf,
  toMetadataAttributes,
} from "./user-attributes.ts";
import { showUser } from "./user-json.ts";

/** The metadata parameters of a body. `null` is ignored, so that it never destroys what is there. */
export type MetadataForm = { readonly [K in MetadataName]?: JsonObject | null };

/** The metadata parameters, wherever they are allowed. */
export const METADATA_PARAMS = {
  public_metadata: "object",
  private_metadata: "object",
  unsafe_metadata: "object",
} as const satisfies Record<MetadataName, "object">;

/** PATCH /users/{id}/metadata. */
export const updateUserMetadata = metadataOperation("UpdateUserMetadata", mergeDeep);
/** PUT /users/{id}/metadata: each given value replaces the stored one. */
export const replaceUserMetadata = metadataOperation("ReplaceUserMetadata", (_present, given) => given);

function metadataOperation(name: string, combine: Combine): Operation {
  return {
    name,
    permission: "user.write",
    serve: async (call) => {
      const form = readForm(await call.readBody(), METADATA_PARAMS);
      return showUser(call, await updatePerson(call, (view) => editMetadata(view.user, form, combine)));
    },
  };
}

type Combine = (present: JsonObject, given: JsonObject) => JsonObject;

/** Returns the changes that result from combining the given metadata with the stored ones. */
export function editMetadata(user: Parameters<typeof metadataOf>[0], form: MetadataForm, combine: Combine): PersonEdit {
  const given = METADATA_NAMES.flatMap((name) => {
    const value = form[name];
    return value === undefined || value === null ? [] : [{ name, value }];
  });
  const attributes = given.map(({ name, value }) => toMetadataAttributes(name, combine(metadataOf(user, name), value)));
  return {
    profile: {},
    fields: [],
    attributes: Object.assign({}, ...attributes),
    namespaces: given.map(({ name }) => METADATA_NAMESPACES[name]),
  };
}

/** Merges objects at every level; `null` removes a key, every other value replaces the stored one. */
export function mergeDeep(present: JsonObject, given: JsonObject): JsonObject {
  const merged = new Map<string, JsonValue>(Object.entries(present));
  for (const [key, value] of Object.entries(given)) {
    if (value === null) {
      merged.delete(key);
      continue;
    }
    const before = merged.get(key);
    merged.set(key, isObject(value) ? mergeDeep(isObject(before) ? before : {}, value) : value);
  }
  // Unlike an assignment, this also creates a member for a key such as `__proto__`.
  return Object.fromEntries(merged);
}
