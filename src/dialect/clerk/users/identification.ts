/** The email addresses and phone numbers of a user: one of each is in the profile, the others in the attributes. */
import { hash } from "node:crypto";
import type { JsonObject } from "@bufbuild/protobuf";
import type { Profile, User } from "../../../domain/user.ts";
import { extrasOf, type StoredIdentification } from "./user-attributes.ts";

/** The differences between email addresses and phone numbers. */
export interface IdentificationKind {
  /** The name of the list in a user and in our attributes. */
  readonly list: "email_addresses" | "phone_numbers";
  /** The name of the value in an item, the item's `object`, and the parameter of a create. */
  readonly object: "email_address" | "phone_number";
  readonly profileField: "email" | "phone";
  readonly primaryParam: "primary_email_address_id" | "primary_phone_number_id";
  readonly statusParam: "email_address_identification_status" | "phone_number_identification_status";
  readonly pattern: RegExp;
  readonly requirement: string;
  /** The properties that only items of this kind have. */
  readonly more: JsonObject;
}

/** Email addresses. */
export const EMAIL: IdentificationKind = {
  list: "email_addresses",
  object: "email_address",
  profileField: "email",
  primaryParam: "primary_email_address_id",
  statusParam: "email_address_identification_status",
  pattern: /^[^\s@]+@[^\s@]+$/u,
  requirement: "must be a valid email address.",
  more: { matches_sso_connection: false },
};

/** Phone numbers. */
export const PHONE: IdentificationKind = {
  list: "phone_numbers",
  object: "phone_number",
  profileField: "phone",
  primaryParam: "primary_phone_number_id",
  statusParam: "phone_number_identification_status",
  pattern: /^\+[1-9]\d{1,14}$/,
  requirement: "must be a valid phone number according to E.164 international standard.",
  more: { reserved_for_second_factor: false, default_second_factor: false, backup_codes: null },
};

/** One identification as it stands now. */
export interface Identification extends StoredIdentification {
  readonly id: string;
}

/** Returns all of one kind. The profile's current value wins over what was stored next to it. */
export function identificationsOf(user: User, kind: IdentificationKind): readonly Identification[] {
  const { profile } = user.person;
  const primary = profile[kind.profileField];
  const stored = extrasOf(user)[kind.list];
  const shown: StoredIdentification[] = stored
    .filter((each) => each.value === primary || !each.primary)
    .map((each) => ({ ...each, primary: each.value === primary }));
  if (primary !== undefined && !shown.some((each) => each.primary)) {
    shown.unshift({ value: primary, status: "unverified", primary: true });
  }
  return shown.map((each) => ({
    ...each,
    status: each.primary ? primaryStatus(each, kind, profile) : each.status,
    id: identificationId(user.state.id, kind, each.value),
  }));
}

/** Only the profile says whether an email address is verified. */
function primaryStatus(
  { status }: StoredIdentification,
  kind: IdentificationKind,
  profile: Profile,
): StoredIdentification["status"] {
  if (kind !== EMAIL) return status;
  if (profile.emailVerified) return "verified";
  return status === "verified" ? "unverified" : status;
}

/** Returns the same id for the same value of the same user, primary or not, so that no id is stored. */
function identificationId(userId: string, { object }: IdentificationKind, value: string): string {
  return `idn_${hash("sha256", JSON.stringify([userId, object, value]), "hex").slice(0, 27)}`;
}

/** Returns the items to store; none if the profile alone holds everything. */
export function toStored(
  all: readonly StoredIdentification[],
  kind: IdentificationKind,
): readonly StoredIdentification[] {
  const [first] = all;
  const isSaid = all.length === 1 && first?.primary === true && kind === EMAIL && first.status === "verified";
  return isSaid ? [] : all.map(({ value, status, primary }) => ({ value, status, primary }));
}

/** Returns one in Clerk's form. Identifications are created with the user and never change, hence the dates. */
export function toIdentificationJson(
  { id, value, status }: Identification,
  kind: IdentificationKind,
  creationTime: number,
): JsonObject {
  return {
    id,
    object: kind.object,
    [kind.object]: value,
    reserved: status === "reserved",
    verification:
      status === "verified"
        ? { object: "verification_admin", status: "verified", strategy: "admin", attempts: null, expire_at: null }
        : null,
    linked_to: [],
    ...kind.more,
    created_at: creationTime,
    updated_at: creationTime,
  };
}
