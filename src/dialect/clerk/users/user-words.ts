/** What Clerk knows of a user and our model does not: kept in the user's attributes, under namespaces of its own. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { Attributes, User } from "../../../domain/user.ts";
import { toAttributes } from "../../../service/native/message/user-message.ts";
import { isObject } from "../wire/form.ts";

/** Everything but the metadata. */
export const WORDS_NAMESPACE = "clerk";

/** The metadata, one namespace each, so that our own API reads and writes them as they are. */
export const METADATA_NAMESPACES = {
  public_metadata: "clerk.public_metadata",
  private_metadata: "clerk.private_metadata",
  unsafe_metadata: "clerk.unsafe_metadata",
} as const;
/** A kind of metadata, as Clerk names it. */
export type MetadataName = keyof typeof METADATA_NAMESPACES;
/** The three of them. */
/** All that a user shows. */
export const SHOWN_NAMESPACES: readonly string[] = [WORDS_NAMESPACE, ...Object.values(METADATA_NAMESPACES)];

export const METADATA_NAMES = Object.keys(METADATA_NAMESPACES) as readonly MetadataName[];

/** `reserved`: nobody else may have it, though it was not proved to be the user's. */
export type IdentificationStatus = "verified" | "reserved" | "unverified";

/** An email address or phone number of a user. */
export interface StoredIdentification {
  readonly value: string;
  readonly status: IdentificationStatus;
  /** It was in the profile when it was written. What is there now is the profile's to say. */
  readonly primary: boolean;
}

/** All of them. Instants are milliseconds since the epoch. */
export interface UserWords {
  /** Empty: the profile's is the only one. */
  readonly email_addresses: readonly StoredIdentification[];
  readonly phone_numbers: readonly StoredIdentification[];
  /** That a password was given is known; no password nor digest is ever kept. */
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

/** What holds of a user of whom Clerk's API was told nothing. */
export const DEFAULT_WORDS: UserWords = {
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

/** The words of a user. Whatever else somebody has written there by our own API is passed over. */
export function wordsOf({ person }: Pick<User, "person">): UserWords {
  const stored = readNamespace(person.attributes, WORDS_NAMESPACE);
  const boolean = (name: keyof UserWords): boolean => {
    const value = stored[name];
    return typeof value === "boolean" ? value : (DEFAULT_WORDS[name] as boolean);
  };
  const integer = (name: keyof UserWords): number | null => {
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

/** One kind of metadata of a user. */
export function metadataOf({ person }: Pick<User, "person">, name: MetadataName): JsonObject {
  return readNamespace(person.attributes, METADATA_NAMESPACES[name]);
}

/** Words as attributes: only what differs from the default; nothing at all where all are the default. */
export function toWordsAttributes(words: UserWords): Attributes {
  const stored: Record<string, JsonValue> = {};
  for (const [name, value] of Object.entries(words)) {
    const isDefault = Array.isArray(value) ? value.length === 0 : value === DEFAULT_WORDS[name as keyof UserWords];
    if (!isDefault) stored[name] = value as JsonValue;
  }
  return Object.keys(stored).length === 0 ? {} : toAttributes({ [WORDS_NAMESPACE]: stored });
}

/** Metadata as attributes; an empty object is the same as none. */
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
