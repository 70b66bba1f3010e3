/** Users as Clerk exports them: the CSV of its dashboard, and the user objects of its Backend API. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { Cause, RestrictionKind } from "../../../../gen/lockkeeper/resource/v1/restriction_pb.ts";
import {
  type Cells,
  Draft,
  flagIn,
  type Mapped,
  objectIn,
  objectsIn,
  RowFault,
  readBoolean,
  readObject,
  readTime,
  type Source,
  textIn,
  timeIn,
  withheld,
} from "../row.ts";

const ACTOR = "clerk";

/** The namespaces in which the dialect stores these words. */
const WORDS = "clerk";
const METADATA = ["public_metadata", "private_metadata", "unsafe_metadata"] as const;

const LOCKOUT = "lockout_expires_in_seconds";

/** Columns with secrets: they are not imported, and the summary counts their rows. */
const SECRET_COLUMNS = ["password_digest", "password_hasher", "totp_secret", "backup_codes"] as const;
/** Columns that lockkeeper does not store. */
const UNUSED_COLUMNS = ["updated_at", "last_sign_in_at", "last_active_at", "image_url", "has_image"] as const;
const TEXT_COLUMNS = { username: "username", first_name: "givenName", last_name: "familyName" } as const;

/**
 * The thirteen columns of the dashboard's export (github.com/clerk/migration-tool, samples/clerk.csv, at bbf7558), those
 * that its migration tool also knows (src/transformers/clerk.ts), and the flags under their names in the API.
 */
const COLUMNS: readonly string[] = [
  "id",
  ...Object.keys(TEXT_COLUMNS),
  "primary_email_address",
  "primary_phone_number",
  "verified_email_addresses",
  "unverified_email_addresses",
  "verified_phone_numbers",
  "unverified_phone_numbers",
  ...SECRET_COLUMNS,
  "backup_codes_enabled",
  ...METADATA,
  "external_id",
  "locale",
  "created_at",
  "banned",
  "locked",
  LOCKOUT,
  "deprovisioned",
  ...UNUSED_COLUMNS,
];

export const clerkExport: Source = {
  formats: ["csv", "ndjson", "json"],
  columns: COLUMNS,
  // The Backend API answers a bare list, or one with a count.
  lists: ["data"],
  fromCells,
  fromObject,
};

interface Identification {
  readonly value: string;
  readonly verified: boolean;
  readonly primary: boolean;
}

function fromCells(cells: Cells): Mapped {
  const draft = new Draft();
  const cell = (name: string): string => cells.get(name) ?? "";
  const flag = (name: string): boolean => readBoolean(name, cell(name));
  draft.userId = cell("id");
  for (const [column, field] of Object.entries(TEXT_COLUMNS)) draft.set(field, cell(column));
  draft.set("externalId", cell("external_id"));
  draft.set("locale", cell("locale"));
  if (cell("created_at") !== "") draft.creationTime = readTime("created_at", cell("created_at"));
  const of = (thing: string, things: string): readonly Identification[] =>
    identificationsOf(
      cell(`primary_${thing}`),
      listOf(cell(`verified_${things}`)),
      listOf(cell(`unverified_${things}`)),
    );
  setIdentifications(draft, of("email_address", "email_addresses"), of("phone_number", "phone_numbers"), {
    ...(cell("password_digest") === "" ? {} : { password_enabled: true }),
    ...(cell("totp_secret") === "" ? {} : { totp_enabled: true }),
    ...(flag("backup_codes_enabled") || cell("backup_codes") !== "" ? { backup_code_enabled: true } : {}),
  });
  draft.hasSecrets = SECRET_COLUMNS.some((column) => column !== "password_hasher" && cell(column) !== "");
  for (const name of METADATA) if (cell(name) !== "") draft.keep(`${WORDS}.${name}`, readObject(name, cell(name)));
  restrict(draft, {
    banned: flag("banned"),
    locked: flag("locked"),
    lockoutSeconds: lockoutSeconds(cell(LOCKOUT)),
    deprovisioned: flag("deprovisioned"),
  });
  return draft.finish();
}

/** Returns the values of a cell; the migration tool accepts commas and bars. */
function listOf(cell: string): readonly string[] {
  return cell
    .split(/[,|]/)
    .map((value) => value.trim())
    .filter((value) => value !== "");
}

function identificationsOf(
  primary: string,
  verified: readonly string[],
  unverified: readonly string[],
): readonly Identification[] {
  const all = new Map<string, Identification>();
  if (primary !== "") all.set(primary, { value: primary, verified: verified.includes(primary), primary: true });
  const others = [
    ...verified.map((value) => [value, true] as const),
    ...unverified.map((value) => [value, false] as const),
  ];
  for (const [value, isVerified] of others) {
    // Without a primary value, the first one is primary.
    if (!all.has(value)) all.set(value, { value, verified: isVerified, primary: all.size === 0 });
  }
  return [...all.values()];
}

/** Maps an object of the API (reference: Backend API 2026-05-12, schema User). */
function fromObject(object: JsonObject): Mapped {
  const draft = new Draft();
  draft.userId = textIn(object, "id");
  draft.set("username", textIn(object, "username"));
  draft.set("givenName", textIn(object, "first_name"));
  draft.set("familyName", textIn(object, "last_name"));
  draft.set("externalId", textIn(object, "external_id"));
  draft.set("locale", textIn(object, "locale"));
  draft.creationTime = timeIn(object, "created_at");
  const emails = identificationsIn(object, "email_addresses", "email_address");
  const phones = identificationsIn(object, "phone_numbers", "phone_number");
  const enabled = ["password_enabled", "totp_enabled", "backup_code_enabled"] as const;
  setIdentifications(draft, emails, phones, {
    ...Object.fromEntries(enabled.filter((name) => flagIn(object, name)).map((name) => [name, true])),
  });
  draft.hasSecrets = SECRET_COLUMNS.some((name) => name !== "password_hasher" && isSet(object[name]));
  for (const name of METADATA) draft.keep(`${WORDS}.${name}`, objectIn(object, name));
  restrict(draft, {
    banned: flagIn(object, "banned"),
    locked: flagIn(object, "locked"),
    lockoutSeconds: lockoutSeconds(object[LOCKOUT] ?? null),
    deprovisioned: flagIn(object, "deprovisioned"),
  });
  return draft.finish();
}

function isSet(value: JsonValue | undefined): boolean {
  return value !== undefined && value !== null && value !== "" && !(Array.isArray(value) && value.length === 0);
}

function identificationsIn(object: JsonObject, list: string, member: string): readonly Identification[] {
  const primaryId = textIn(object, `primary_${member}_id`);
  const all = objectsIn(object[list]).map((each) => ({
    value: textIn(each, member),
    verified: textIn(objectIn(each, "verification"), "status") === "verified",
    primary: primaryId !== "" && textIn(each, "id") === primaryId,
  }));
  const known = all.filter(({ value }) => value !== "");
  return known.some(({ primary }) => primary) ? known : known.map((each, index) => ({ ...each, primary: index === 0 }));
}

/** Sets the primary values in the profile; all values, with whether they are verified, go to the dialect's attributes. */
function setIdentifications(
  draft: Draft,
  emails: readonly Identification[],
  phones: readonly Identification[],
  others: JsonObject,
): void {
  const email = emails.find(({ primary }) => primary);
  draft.set("email", email?.value);
  if (email?.verified) draft.profile.emailVerified = true;
  draft.set("phone", phones.find(({ primary }) => primary)?.value);
  const stored = (all: readonly Identification[]): JsonObject[] =>
    all.map(({ value, verified, primary }) => ({ value, status: verified ? "verified" : "unverified", primary }));
  draft.keep(WORDS, {
    ...(emails.length === 0 ? {} : { email_addresses: stored(emails) }),
    ...(phones.length === 0 ? {} : { phone_numbers: stored(phones) }),
    ...others,
  });
}

/** Returns whole seconds; `null` for an empty value. Throws RowFault for any other value. */
function lockoutSeconds(value: JsonValue): number | null {
  if (value === null || (typeof value === "string" && value.trim() === "")) return null;
  const number = typeof value === "string" && /^ *\d{1,15} *$/.test(value) ? Number(value) : value;
  if (typeof number === "number" && Number.isSafeInteger(number) && number >= 0) return number;
  throw new RowFault(`${LOCKOUT} is ${withheld(value)}; it must be a whole number of seconds, or empty`);
}

interface Flags {
  readonly banned: boolean;
  readonly locked: boolean;
  /** Seconds left when the export was made; `null`: without end. */
  readonly lockoutSeconds: number | null;
  readonly deprovisioned: boolean;
}

/** Adds the restrictions. A lock lasts from now for its remaining time. Clerk does not name its origin: it counts as an administrator's. */
function restrict(draft: Draft, { banned, locked, lockoutSeconds, deprovisioned }: Flags): void {
  if (banned) draft.restrict(RestrictionKind.BAN, ACTOR);
  if (locked && lockoutSeconds === null) draft.restrict(RestrictionKind.LOCK, ACTOR);
  else if (locked && lockoutSeconds !== null && lockoutSeconds > 0) {
    draft.restrict(RestrictionKind.LOCK, ACTOR, { durationMs: lockoutSeconds * 1000 });
  }
  if (deprovisioned) draft.restrict(RestrictionKind.DEACTIVATION, ACTOR, { cause: Cause.DIRECTORY });
}
