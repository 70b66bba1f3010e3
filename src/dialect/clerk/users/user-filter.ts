/** Translates the filters of list and count into a condition on users. */
import type { ProfileField } from "../../../domain/user.ts";
import type { UserPredicate } from "../../../service/operations/operations.ts";
import { type ParamFault, paramFormatInvalid, paramsInvalid, paramTypeInvalid } from "../wire/clerk-error.ts";

/** The condition of a query; `nobody`: it can match no user. */
export type UserFilter = { readonly kind: "nobody" } | { readonly kind: "where"; readonly where: UserPredicate };

const VALUES_MAX = 100;

/** Reads the filters and ignores unknown ones. Throws 422 naming every parameter at fault. */
export function readUserFilter(query: URLSearchParams): UserFilter {
  const reader = new FilterReader(query);
  reader.list("user_id", (value) => exactly("id", value), true);
  reader.list("external_id", (value) => exactly("externalId", value), true);
  reader.list("organization_id", (value) => ({ kind: "organization", ids: [value] }), true);
  reader.list("email_address", (value) => ignoringCase("email", "equals", value), false);
  reader.list("phone_number", (value) => exactly("phone", value), false);
  reader.list("username", (value) => ignoringCase("username", "equals", value), false);
  reader.text("query", ["email", "phone", "username", "id", "givenName", "familyName"]);
  reader.text("email_address_query", ["email"]);
  reader.text("phone_number_query", ["phone"]);
  reader.text("username_query", ["username"]);
  reader.text("name_query", ["givenName", "familyName"]);
  reader.banned();
  reader.creation();
  reader.unmatched();
  return reader.filter();
}

/** Returns the values of a parameter, in both spellings that clients use for lists. */
export function valuesOf(query: URLSearchParams, name: string): readonly string[] {
  return [...query.getAll(name), ...query.getAll(`${name}[]`)];
}

/** Returns a whole number of a query; `undefined` if it is not one. */
export function parseInteger(text: string): number | undefined {
  const value = /^-?\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}

/** A plus sign that was not encoded arrives as a space. */
export function splitSign(text: string): { readonly isExcluded: boolean; readonly rest: string } {
  return { isExcluded: text.startsWith("-"), rest: /^[-+ ]/.test(text) ? text.slice(1) : text };
}

/** No user has a text with U+0000, so the database need not be asked. */
const NOBODY: UserPredicate = { kind: "or", of: [] };

function exactly(field: "id" | ProfileField, value: string): UserPredicate {
  return { kind: "text", field, method: "equals", ignoreCase: false, value };
}

function ignoringCase(field: "id" | ProfileField, method: "equals" | "contains", value: string): UserPredicate {
  return { kind: "text", field, method, ignoreCase: true, value };
}

/** Filters on sign-ins and wallets match no user: none has any. */
const NEVER_MATCHED = {
  integers: [
    "last_active_at_before",
    "last_active_at_after",
    "last_active_at_since",
    "last_sign_in_at_before",
    "last_sign_in_at_after",
  ],
  texts: ["web3_wallet", "provider", "provider_user_id"],
} as const;

class FilterReader {
  readonly #query: URLSearchParams;
  readonly #all: UserPredicate[] = [];
  readonly #faults: ParamFault[] = [];
  #nobody: boolean = false;

  constructor(query: URLSearchParams) {
    this.#query = query;
  }

  /** Any of the values, and none of those excluded by a minus sign. */
  list(name: string, toPredicate: (value: string) => UserPredicate, isSigned: boolean): void {
    const values = valuesOf(this.#query, name);
    if (values.length === 0) return;
    if (values.length > VALUES_MAX) {
      this.#faults.push(paramFormatInvalid(name, `must have at most ${VALUES_MAX} items.`));
      return;
    }
    const included: UserPredicate[] = [];
    const excluded: UserPredicate[] = [];
    for (const value of values) {
      const { isExcluded, rest } = isSigned ? splitSign(value) : { isExcluded: false, rest: value };
      (isExcluded ? excluded : included).push(rest.includes("\0") ? NOBODY : toPredicate(rest));
    }
    if (included.length > 0) this.#all.push({ kind: "or", of: included });
    if (excluded.length > 0) this.#all.push({ kind: "not", of: { kind: "or", of: excluded } });
  }

  /** A part of any of these, ignoring case. A search box sends an empty value before anybody types. */
  text(name: string, fields: readonly ("id" | ProfileField)[]): void {
    const value = this.#query.get(name);
    if (value === null || value === "") return;
    const matches = fields.map((field) => ignoringCase(field, "contains", value));
    this.#all.push(value.includes("\0") ? NOBODY : { kind: "or", of: matches });
  }

  banned(): void {
    const text = this.#query.get("banned");
    if (text === null) return;
    const banned: UserPredicate = { kind: "restriction", kinds: ["BAN"], isStarted: true };
    if (text === "true" || text === "1") this.#all.push(banned);
    else if (text === "false" || text === "0") this.#all.push({ kind: "not", of: banned });
    else this.#faults.push(paramTypeInvalid("banned", "boolean"));
  }

  creation(): void {
    const before = this.#integer("created_at_before");
    const after = this.#integer("created_at_after");
    if (before === undefined && after === undefined) return;
    this.#all.push({
      kind: "time",
      of: "creation",
      ...(after === undefined ? {} : { from: after + 1 }),
      ...(before === undefined ? {} : { before }),
    });
  }

  unmatched(): void {
    for (const name of NEVER_MATCHED.integers) if (this.#integer(name) !== undefined) this.#nobody = true;
    for (const name of NEVER_MATCHED.texts) if (valuesOf(this.#query, name).length > 0) this.#nobody = true;
  }

  filter(): UserFilter {
    const [first, ...others] = this.#faults;
    if (first !== undefined) throw paramsInvalid([first, ...others]);
    return this.#nobody ? { kind: "nobody" } : { kind: "where", where: { kind: "and", of: this.#all } };
  }

  #integer(name: string): number | undefined {
    const text = this.#query.get(name);
    if (text === null) return undefined;
    const value = parseInteger(text);
    if (value === undefined) this.#faults.push(paramTypeInvalid(name, "integer"));
    return value;
  }
}
