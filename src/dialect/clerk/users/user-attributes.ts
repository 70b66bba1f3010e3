/** The properties that only Clerk's users have: stored in the user's attributes, in namespaces of their own. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { Attributes, User } from "../../../domain/user.ts";
import { toAttributes } from "../../../service/native/message/user-message.ts";
import { isObject } from "../wire/form.ts";

/** Everything except the metadata. */
export const EXTRAS_NAMESPACE = "clerk";

/** The metadata, one namespace each, so that our own API reads and writes them unchanged. */
export const METADATA_NAMESPACES = {
  public_metadata: "clerk.public_metadata",
  private_metadata: "clerk.private_metadata",
  unsafe_metadata: "clerk.unsafe_metadata",
} as const;
/** A kind of metadata, as Clerk names it. */
export type MetadataName = keyof typeof METADATA_NAMESPACES;
/** All three kinds. */
/** The kinds that a user shows. */
export const SHOWN_NAMESPACES: readonly string[] = [EXTRAS_NAMESPACE, ...Object.values(METADATA_NAMESPACES)];

export const METADATA_NAMES = Object.keys(METADATA_NAMESPACES) as readonly MetadataName[];

/** `reserved`: nobody else may have it, though it is not proved to be the user's. */
export type IdentificationStatus = "verified" | "reserved" | "unverified";

/** An email address or phone number of a user. */
export interface StoredIdentification {
  readonly value: string;
  readonly status: IdentificationStatus;
  /** Was in the profile when it was written. The profile decides what is there now. */
  readonly primary: boolean;
}

/** All of Clerk's properties. Instants are milliseconds since the epoch. */
export interface UserExtras {
  /** Empty: only the profile's value exists. */
  readonly email_addresses: readonly StoredIdentification[];
  readonly phone_numbers: readonly StoredIdentification[];
  /** Only the fact that a password was given is stored, never a password or digest. */
  readonly password_enabled: boolean;
  /** `null`: at the creation, if at all. */
  readonly password_last_updated_at: number | null;
  readonly totp_enabled: boolean;
  readonly backup_code_enabled: boolean;
  /** `null`: at the creation, if at all. */
  readonly mfa_enabled_at: number | null;
  readonly timezone: string | null;
  readonly legal_accepted_at: number | null;
  readonly delete_self_enabled: boolean;
  readonly create_organization_enabled: boolean;
  readonly create_organizations_limit: number | null;
  readonly bypass_client_trust: boolean;
}

/** The defaults of a user that Clerk's API never described. */
export const DEFAULT_EXTRAS: UserExtras = {
  email_addresses: [],
  phone_numbers: [],
  password_enabled: false,
  password_last_updated_at: null,
  totp_enabled: false,
  backup_code_enabled: false,
  mfa_enabled_at: null,
  timezone: null,
  legal_accepted_at: null,
  delete_self_enabled: true,
  create_organization_enabled: true,
  create_organizations_limit: null,
  bypass_client_trust: false,
};

/** Returns the Clerk properties of a user. Ignores anything else that our own API wrote there. */
export function extrasOf({ person }: Pick<User, "person">): UserExtras {
  const stored = readNamespace(person.attributes, EXTRAS_NAMESPACE);
  const boolean = (name: keyof UserExtras): boolean => {
    const value = stored[name];
    return typeof value === "boolean" ? value : (DEFAULT_EXTRAS[name] as boolean);
  };
  const integer = (name: keyof UserExtras): number | null => {
    const value = stored[name];
    return Number.isSafeInteger(value) ? (value as number) : null;
  };
  return {
    email_addresses: readIdentifications(stored.email_addresses),
    phone_numbers: readIdentifications(stored.phone_numbers),
    password_enabled: boolean("password_enabled"),
    password_last_updated_at: integer("password_last_updated_at"),
    totp_enabled: boolean("totp_enabled"),
    backup_code_enabled: boolean("backup_code_enabled"),
    mfa_enabled_at: integer("mfa_enabled_at"),
    timezone: typeof stored.timezone === "string" ? stored.timezone : null,
    legal_accepted_at: integer("legal_accepted_at"),
    delete_self_enabled: boolean("delete_self_enabled"),
    create_organization_enabled: boolean("create_organization_enabled"),
    create_organizations_limit: integer("create_organizations_limit"),
    bypass_client_trust: boolean("bypass_client_trust"),
  };
}

/** Returns one kind of metadata of a user. */
export function metadataOf({ person }: Pick<User, "person">, name: MetadataName): JsonObject {
  return readNamespace(person.attributes, METADATA_NAMESPACES[name]);
}

/** Returns the properties as attributes: only what differs from the default, nothing if nothing does. */
export function extrasAttributes(extras: UserExtras): Attributes {
  const stored: Record<string, JsonValue> = {};
  for (const [name, value] of Object.entries(extras)) {
    const isDefault = Array.isArray(value) ? value.length === 0 : value === DEFAULT_EXTRAS[name as keyof UserExtras];
    if (!isDefault) stored[name] = value as JsonValue;
  }
  return Object.keys(stored).length === 0 ? {} : toAttributes({ [EXTRAS_NAMESPACE]: stored });
}

/** Returns metadata as attributes; an empty object equals none. */
export function toMetadataAttributes(name: MetadataName, value: JsonObject): Attributes {
  return Object.keys(value).length === 0 ? {} : toAttributes({ [METADATA_NAMESPACES[name]]: value });
}

function readNamespace(attributes: Attributes, namespace: string): JsonObject {
  const text = Object.hasOwn(attributes, namespace) ? attributes[namespace] : undefined;
  return text === undefined ? {} : (JSON.parse(text) as JsonObject);
}

function readIdentifications(stored: JsonValue | undefined): readonly StoredIdentification[] {
  if (!Array.isArray(stored)) return [];
  return stored
    .filter(isObject)
    .flatMap(({ value, status, primary }) =>
      typeof value === "string" && isStatus(status) ? [{ value, status, primary: primary === true }] : [],
    );
}

function isStatus(value: JsonValue | undefined): value is IdentificationStatus {
  return value === "verified" || value === "reserved" || value === "unverified";
}
