/** JSON in one form only: keys sorted by code unit, no white space. Equal values have equal texts. */

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Returns the canonical text of a JSON value. Members that are `undefined` are left out, as in JSON.stringify. */
export function canonicalJson(value: Json | undefined): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value ?? null);
  if (isList(value)) return `[${value.map((item) => canonicalJson(item)).join(",")}]`;
  let text = "";
  for (const key of Object.keys(value).sort()) {
    const member = value[key];
    if (member === undefined) continue;
    text += `${text === "" ? "" : ","}${JSON.stringify(key)}:${canonicalJson(member)}`;
  }
  return `{${text}}`;
}

function isList(value: object): value is readonly Json[] {
  return Array.isArray(value);
}
