/** Users as Auth0 exports them: NDJSON or CSV of its bulk export, and the objects of its Management API. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { RestrictionKind } from "../../../../gen/lockkeeper/resource/v1/restriction_pb.ts";
import {
  type Cells,
  Draft,
  isObject,
  type Mapped,
  objectsIn,
  RowFault,
  readBoolean,
  readTime,
  type Source,
  withheld,
} from "../row.ts";

const ACTOR = "auth0";
const WORDS = "auth0";
const METADATA = ["user_metadata", "app_metadata"] as const;

const TEXTS = {
  email: "email",
  username: "username",
  phone_number: "phone",
  name: "displayName",
  given_name: "givenName",
  family_name: "familyName",
  locale: "locale",
} as const;

const SECRETS = ["password", "password_hash", "passwordhash", "custom_password_hash", "mfa_factors"] as const;
const UNUSED = [
  "updated_at",
  "picture",
  "last_login",
  "last_ip",
  "logins_count",
  "last_password_reset",
  "multifactor",
  "multifactor_last_modified",
  "blocked_for",
  "guardian_authenticators",
  "connection",
  "provider",
] as const;

/**
 * The attributes that can be exported (auth0.com/docs/manage-users/user-accounts/user-profiles/user-profile-structure).
 * A job that names no fields writes them as titles: `Id`, `Given Name`, `Email Verified` …
 * (github.com/auth0-extensions/auth0-user-import-export-extension/issues/79).
 */
export const auth0Export: Source = {
  formats: ["csv", "ndjson", "json"],
  columns: [
    "user_id",
    ...Object.keys(TEXTS),
    "email_verified",
    "phone_verified",
    "nickname",
    "created_at",
    "blocked",
    "identities",
    ...METADATA,
    ...METADATA.map((name) => `${name}.`),
    "identities[",
    ...SECRETS,
    ...UNUSED,
  ],
  columnOf,
  lists: ["users"],
  fromCells,
  fromObject,
};

/** Returns the spelling of a column: `Given Name` is `given_name`, `Id` is `user_id`. Names after a dot are the customer's own. */
function columnOf(name: string): string {
  const [root = "", ...rest] = name.split(".");
  const title = root.trim().toLowerCase().replace(/\s+/g, "_");
  return [title === "id" ? "user_id" : title, ...rest].join(".");
}

/** Auth0 puts a quote mark before each text of a CSV, so that spreadsheets do not take it for a formula. */
function fromCells(cells: Cells): Mapped {
  const object: Record<string, JsonValue> = {};
  for (const [name, cell] of cells) {
    const text = cell.startsWith("'") ? cell.slice(1) : cell;
    if (text === "") continue;
    const dot = name.indexOf(".");
    const root = METADATA.find((each) => each === name.slice(0, Math.max(0, dot)));
    if (root !== undefined) {
      const words = object[root];
      object[root] = { ...(isObject(words) ? words : {}), [name.slice(dot + 1)]: text };
    } else object[name] = isJsonColumn(name) ? readJson(name, text) : text;
  }
  return fromObject(object);
}

function isJsonColumn(name: string): boolean {
  return name === "identities" || METADATA.some((each) => each === name);
}

function readJson(name: string, text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    throw new RowFault(`${name} is ${withheld(text)}; it must be JSON`);
  }
}

function fromObject(titled: JsonObject): Mapped {
  const object = Object.fromEntries(Object.entries(titled).map(([name, value]) => [columnOf(name), value]));
  const draft = new Draft();
  const text = (name: string): string => {
    const value = object[name];
    return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
  };
  const flag = (name: string): boolean => readBoolean(name, String(object[name] ?? ""));
  draft.userId = text("user_id");
  for (const [name, field] of Object.entries(TEXTS)) draft.set(field, text(name));
  if (flag("email_verified")) draft.profile.emailVerified = true;
  if (text("created_at") !== "") draft.creationTime = readTime("created_at", text("created_at"));
  draft.hasSecrets = SECRETS.some((name) => object[name] !== undefined && object[name] !== null && object[name] !== "");
  const identities = objectsIn(object.identities).map(identityOf);
  draft.keep(WORDS, {
    ...(text("nickname") === "" ? {} : { nickname: text("nickname") }),
    ...(flag("phone_verified") ? { phone_verified: true } : {}),
    ...(identities.length === 0 ? {} : { identities }),
  });
  for (const name of METADATA) {
    const words = object[name];
    if (isObject(words)) draft.keep(`${WORDS}.${name}`, words);
  }
  // A block at Auth0 lasts until someone lifts it: it is a ban, not a lock that expires.
  if (flag("blocked")) draft.restrict(RestrictionKind.BAN, ACTOR);
  return draft.finish();
}

/** Returns the identity of a user at a provider, without the provider's tokens. */
function identityOf(identity: JsonObject): JsonObject {
  const kept = ["connection", "provider", "user_id", "isSocial"] as const;
  return Object.fromEntries(kept.flatMap((name) => (identity[name] === undefined ? [] : [[name, identity[name]]])));
}
