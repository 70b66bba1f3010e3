/** The properties that only ZITADEL's persons have: stored as attributes, in namespaces of their own. */
import type { JsonObject } from "@bufbuild/protobuf";
import type { Attributes, Profile, User } from "../../../domain/user.ts";
import { toAttributes } from "../../../service/native/message/user-message.ts";

/** Present: the user was created without a password or a verified address and was not seen since. */
export const INITIAL_NAMESPACE = "zitadel.initial";
/** Present: the user is a machine. */
export const MACHINE_NAMESPACE = "zitadel.machine";
const HUMAN_NAMESPACE = "zitadel.human";
const SCHEMA_NAMESPACE = "zitadel.schema";
/** The namespaces that a user shows. */
export const SHOWN_NAMESPACES: readonly string[] = [INITIAL_NAMESPACE, MACHINE_NAMESPACE, HUMAN_NAMESPACE];

const GENDERS = ["", "FEMALE", "MALE", "DIVERSE"] as const;
const ACCESS_TOKEN_TYPES = ["BEARER", "JWT"] as const;

/** What is stored of a human in addition to the profile. Of passwords only their existence is stored. */
export interface HumanExtras {
  readonly nickName: string;
  /** Numbered as in all versions. */
  readonly gender: number;
  readonly isPhoneVerified: boolean;
  readonly hasPassword: boolean;
  readonly passwordChangeRequired: boolean;
  readonly metadata: readonly { readonly key: string; readonly value: Uint8Array }[];
  readonly identities: readonly LinkedIdentity[];
}

/** The user's identity at an identity provider. */
export interface LinkedIdentity {
  readonly providerId: string;
  readonly userId: string;
  readonly userName: string;
}

/** What is stored of a machine. */
export interface MachineExtras {
  readonly name: string;
  readonly description: string;
  /** Numbered as in all versions. */
  readonly accessTokenType: number;
}

/** What v3alpha stores: data of a schema. */
export interface SchemaExtras {
  readonly schemaId: string;
  readonly data: JsonObject;
}

/** Returns the attributes of a new human; only values that are not defaults are stored. */
export function humanAttributes(extras: HumanExtras, isInitial: boolean): Attributes {
  const { nickName, gender, isPhoneVerified, hasPassword, passwordChangeRequired, metadata, identities } = extras;
  const kept: JsonObject = {
    ...(nickName === "" ? {} : { nickName }),
    ...(GENDERS[gender] ? { gender: GENDERS[gender] } : {}),
    ...(isPhoneVerified ? { isPhoneVerified } : {}),
    ...(hasPassword ? { hasPassword } : {}),
    ...(passwordChangeRequired ? { passwordChangeRequired } : {}),
    ...(identities.length === 0 ? {} : { identities: identities.map((identity) => ({ ...identity })) }),
    ...(metadata.length === 0
      ? {}
      : {
          metadata: Object.fromEntries(metadata.map(({ key, value }) => [key, Buffer.from(value).toString("base64")])),
        }),
  };
  return toAttributes({
    ...(Object.keys(kept).length === 0 ? {} : { [HUMAN_NAMESPACE]: kept }),
    ...(isInitial ? { [INITIAL_NAMESPACE]: {} } : {}),
  });
}

/** Returns the attributes of a new machine. */
export function machineAttributes({ name, description, accessTokenType }: MachineExtras): Attributes {
  return toAttributes({
    [MACHINE_NAMESPACE]: {
      name,
      ...(description === "" ? {} : { description }),
      ...(accessTokenType === 0 ? {} : { accessTokenType: ACCESS_TOKEN_TYPES[accessTokenType] ?? "" }),
    },
  });
}

/** Returns the attributes of a new user of v3alpha. */
export function schemaAttributes({ schemaId, data }: SchemaExtras): Attributes {
  return toAttributes({ [SCHEMA_NAMESPACE]: { schemaId, data } });
}

/** Returns the properties of a human as far as they are readable: others may have written there too. */
export function humanExtrasOf(attributes: Attributes): Omit<HumanExtras, "metadata" | "identities"> {
  const extras = extrasIn(attributes, HUMAN_NAMESPACE);
  return {
    nickName: textOf(extras.nickName),
    gender: indexIn(GENDERS, extras.gender),
    isPhoneVerified: extras.isPhoneVerified === true,
    hasPassword: extras.hasPassword === true,
    passwordChangeRequired: extras.passwordChangeRequired === true,
  };
}

/** Returns the properties of a machine; `undefined`: the user is a human. */
export function machineExtrasOf(attributes: Attributes): MachineExtras | undefined {
  if (!Object.hasOwn(attributes, MACHINE_NAMESPACE)) return undefined;
  const extras = extrasIn(attributes, MACHINE_NAMESPACE);
  return {
    name: textOf(extras.name),
    description: textOf(extras.description),
    accessTokenType: indexIn(ACCESS_TOKEN_TYPES, extras.accessTokenType),
  };
}

/** Returns whether a user counts as not yet initialised while it is ACTIVE. */
export function isInitial({ person }: Pick<User, "person">): boolean {
  return Object.hasOwn(person.attributes, INITIAL_NAMESPACE);
}

/** Returns the name that the user signs in with. */
export function loginNameOf({ state, person: { profile } }: User): string {
  return profile.username ?? profile.email ?? state.id;
}

/** Returns the display name, composed of the names if there is none. */
export function displayNameOf({ displayName, givenName = "", familyName = "" }: Profile): string {
  return displayName ?? `${givenName} ${familyName}`.trim();
}

/** Returns what is stored in a namespace. */
export function extrasIn(attributes: Attributes, namespace: string): Readonly<Record<string, unknown>> {
  return Object.hasOwn(attributes, namespace) ? JSON.parse(attributes[namespace] ?? "{}") : {};
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function indexIn(names: readonly string[], value: unknown): number {
  return Math.max(0, names.indexOf(textOf(value)));
}
