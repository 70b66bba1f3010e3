/** Translates bodies about a person into our model: the profile, and the properties that only Clerk has. */
import type { Profile, ProfileField } from "../../../domain/user.ts";
import {
  type ParamFault,
  paramFormatInvalid,
  paramMissing,
  paramsInvalid,
  paramValueInvalid,
} from "../wire/clerk-error.ts";
import type { Form } from "../wire/form.ts";
import { EMAIL, type IdentificationKind, PHONE, toStored } from "./identification.ts";
import { METADATA_PARAMS } from "./metadata.ts";
import type { IdentificationStatus, StoredIdentification, UserExtras } from "./user-attributes.ts";

/** The parameters of both create and update. */
const PERSON_PARAMS = {
  external_id: "string",
  first_name: "string",
  last_name: "string",
  username: "string",
  locale: "string",
  timezone: "string",
  password: "string",
  password_digest: "string",
  password_hasher: "string",
  skip_password_checks: "boolean",
  totp_secret: "string",
  backup_codes: "string[]",
  delete_self_enabled: "boolean",
  create_organization_enabled: "boolean",
  create_organizations_limit: "integer",
  legal_accepted_at: "time",
  skip_legal_checks: "boolean",
  bypass_client_trust: "boolean",
  ...METADATA_PARAMS,
} as const;

/** The parameters of a create. */
export const CREATE_PARAMS = {
  ...PERSON_PARAMS,
  email_address: "string[]",
  email_address_identification_status: "string[]",
  phone_number: "string[]",
  phone_number_identification_status: "string[]",
  web3_wallet: "string[]",
  skip_password_requirement: "boolean",
  skip_user_requirement: "boolean",
  created_at: "time",
  banned: "boolean",
  locked: "boolean",
} as const;

/** The parameters of an update. Neither `banned` nor `locked`: these have their own operations. */
export const UPDATE_PARAMS = {
  ...PERSON_PARAMS,
  primary_email_address_id: "string",
  notify_primary_email_address_changed: "boolean",
  primary_phone_number_id: "string",
  primary_web3_wallet_id: "string",
  profile_image_id: "string",
  sign_out_of_other_sessions: "boolean",
} as const;

/** What creating and updating have in common. */
export type PersonForm = Form<typeof PERSON_PARAMS>;
/** The body of a create, after reading. */
export type CreateForm = Form<typeof CREATE_PARAMS>;
/** The body of an update, after reading. */
export type UpdateForm = Form<typeof UPDATE_PARAMS>;

const PROFILE_PARAMS = {
  username: "username",
  first_name: "givenName",
  last_name: "familyName",
  locale: "locale",
  external_id: "externalId",
} as const satisfies Readonly<Record<string, ProfileField>>;

/** Returns the profile texts that a body names: `null` and blank ones are removed. */
export function readProfile(form: PersonForm): {
  readonly profile: Profile;
  readonly fields: readonly ProfileField[];
} {
  const profile: Partial<Record<ProfileField, string>> = {};
  const fields: ProfileField[] = [];
  for (const param of Object.keys(PROFILE_PARAMS) as (keyof typeof PROFILE_PARAMS)[]) {
    const value = form[param];
    if (value === undefined) continue;
    const field = PROFILE_PARAMS[param];
    fields.push(field);
    if (value !== null && value !== "") profile[field] = value;
  }
  return { profile, fields };
}

const TIMEZONE_CHARS_MAX = 100;

/**
 * Returns the Clerk properties that a body sets. `now`: the instant; `null` for a creation. Of passwords, digests and
 * second factors only their existence is recorded.
 */
export function readExtras(form: PersonForm, now: number | null): Partial<UserExtras> {
  assertPassword(form);
  if ((form.timezone?.length ?? 0) > TIMEZONE_CHARS_MAX) {
    throw paramsInvalid([paramFormatInvalid("timezone", `must have at most ${TIMEZONE_CHARS_MAX} characters.`)]);
  }
  const hasPassword = isGiven(form.password) || isGiven(form.password_digest);
  const hasTotp = isGiven(form.totp_secret);
  const hasBackupCodes = (form.backup_codes ?? []).length > 0;
  const limit = form.create_organizations_limit;
  if (typeof limit === "number" && limit < 0) {
    throw paramsInvalid([paramValueInvalid("create_organizations_limit", `${limit}`)]);
  }
  return {
    ...(hasPassword ? { password_enabled: true, password_last_updated_at: now } : {}),
    ...(hasTotp ? { totp_enabled: true } : {}),
    ...(hasBackupCodes ? { backup_code_enabled: true } : {}),
    ...(hasTotp || hasBackupCodes ? { mfa_enabled_at: now } : {}),
    ...given("timezone", form.timezone, null),
    ...given("legal_accepted_at", form.legal_accepted_at, null),
    ...given("delete_self_enabled", form.delete_self_enabled, true),
    ...given("create_organization_enabled", form.create_organization_enabled, true),
    ...given("create_organizations_limit", limit, null),
    ...given("bypass_client_trust", form.bypass_client_trust, false),
  };
}

function isGiven(secret: string | null | undefined): boolean {
  return typeof secret === "string" && secret !== "";
}

/** Returns a property that a body names; `null` and blank ones become the default. */
function given<K extends keyof UserExtras>(
  name: K,
  value: UserExtras[K] | null | undefined,
  byDefault: UserExtras[K],
): Partial<UserExtras> {
  if (value === undefined) return {};
  return { [name]: value === null || value === "" ? byDefault : value };
}

/** A digest is useless without its algorithm, and an algorithm without a digest. */
function assertPassword({ password, password_digest: digest, password_hasher: hasher }: PersonForm): void {
  if (password === "") throw paramsInvalid([paramFormatInvalid("password", "must not be empty.")]);
  if (isGiven(digest) === isGiven(hasher)) return;
  throw paramsInvalid([paramMissing(isGiven(digest) ? "password_hasher" : "password_digest")]);
}

/** Returns the email addresses and phone numbers of a new user; the first of each is the primary one. */
export function readIdentifications(form: CreateForm): {
  readonly profile: Profile;
  readonly extras: Partial<UserExtras>;
} {
  const emails = readKind(form, EMAIL);
  const phones = readKind(form, PHONE);
  const [email] = emails;
  const [phone] = phones;
  return {
    profile: {
      ...(email === undefined ? {} : { email: email.value }),
      ...(email?.status === "verified" ? { emailVerified: true as const } : {}),
      ...(phone === undefined ? {} : { phone: phone.value }),
    },
    extras: { email_addresses: toStored(emails, EMAIL), phone_numbers: toStored(phones, PHONE) },
  };
}

/** The limit that Clerk has for a filter. */
const VALUES_MAX = 100;

function readKind(form: CreateForm, kind: IdentificationKind): readonly StoredIdentification[] {
  const values = form[kind.object] ?? [];
  const statuses = form[kind.statusParam] ?? [];
  const faults: ParamFault[] = [];
  const seen = new Set<string>();
  if (values.length > VALUES_MAX) {
    faults.push(paramFormatInvalid(kind.object, `must have at most ${VALUES_MAX} items.`));
  }
  for (const value of values) {
    if (!kind.pattern.test(value)) faults.push(paramFormatInvalid(kind.object, kind.requirement));
    else if (seen.has(value.toLowerCase())) faults.push(paramFormatInvalid(kind.object, "must not repeat a value."));
    seen.add(value.toLowerCase());
  }
  for (const status of statuses) {
    if (!isCreationStatus(status)) faults.push(paramValueInvalid(kind.statusParam, status));
  }
  if (statuses.length > 0 && statuses.length !== values.length) {
    faults.push(paramFormatInvalid(kind.statusParam, `must have exactly one item per item of ${kind.object}.`));
  }
  const [first, ...others] = faults;
  if (first !== undefined) throw paramsInvalid([first, ...others]);
  return values.map((value, index) => ({
    value,
    status: (statuses[index] ?? "verified") as IdentificationStatus,
    primary: index === 0,
  }));
}

function isCreationStatus(status: string): boolean {
  return status === "verified" || status === "reserved";
}
