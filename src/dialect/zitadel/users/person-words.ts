/** The words of ZITADEL's persons that our profile does not have: kept as attributes, in namespaces of their own. */
import type { JsonObject } from "@bufbuild/protobuf";
import type { Attributes, Profile, User } from "../../../domain/user.ts";
import { toAttributes } from "../../../service/native/message/user-message.ts";

/** Present: the user was made without a password or a verified address and has not been seen since. */
export const INITIAL_NAMESPACE = "zitadel.initial";
/** Present: the user is a machine. */
export const MACHINE_NAMESPACE = "zitadel.machine";
const HUMAN_NAMESPACE = "zitadel.human";
const SCHEMA_NAMESPACE = "zitadel.schema";
/** All that a user shows. */
export const SHOWN_NAMESPACES: readonly string[] = [INITIAL_NAMESPACE, MACHINE_NAMESPACE, HUMAN_NAMESPACE];

const GENDERS = ["", "FEMALE", "MALE", "DIVERSE"] as const;
const ACCESS_TOKEN_TYPES = ["BEARER", "JWT"] as const;

/** What is kept of a human beside the profile. Passwords are not: only that there was one. */
export interface HumanWords {
  readonly nickName: string;
  /** As all versions number it. */
  readonly gender: number;
  readonly isPhoneVerified: boolean;
  readonly hasPassword: boolean;
  readonly passwordChangeRequired: boolean;
  readonly metadata: readonly { readonly key: string; readonly value: Uint8Array }[];
  readonly identities: readonly LinkedIdentity[];
}

/** Who the user is at an identity provider. */
export interface LinkedIdentity {
  readonly providerId: string;
  readonly userId: string;
  readonly userName: string;
}

/** What is kept of a machine. */
export interface MachineWords {
  readonly name: string;
  readonly description: string;
  /** As all versions number it. */
  readonly accessTokenType: number;
}

/** What v3alpha keeps: data of a schema. */
export interface SchemaWords {
  readonly schemaId: string;
  readonly data: JsonObject;
}

/** The attributes of a new human; only what says something is kept. */
export function humanAttributes(words: HumanWords, isInitial: boolean): Attributes {
  const { nickName, gender, isPhoneVerified, hasPassword, passwordChangeRequired, metadata, identities } = words;
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

/** The attributes of a new machine. */
export function machineAttributes({ name, description, accessTokenType }: MachineWords): Attributes {
  return toAttributes({
    [MACHINE_NAMESPACE]: {
      name,
      ...(description === "" ? {} : { description }),
      ...(accessTokenType === 0 ? {} : { accessTokenType: ACCESS_TOKEN_TYPES[accessTokenType] ?? "" }),
    },
  });
}

/** The attributes of a new user of v3alpha. */
export function schemaAttributes({ schemaId, data }: SchemaWords): Attributes {
  return toAttributes({ [SCHEMA_NAMESPACE]: { schemaId, data } });
}

/** The words of a human, as far as they can be read: others may have written there too. */
export function humanWordsOf(attributes: Attributes): Omit<HumanWords, "metadata" | "identities"> {
  const words = wordsIn(attributes, HUMAN_NAMESPACE);
  return {
    nickName: textOf(words.nickName),
    gender: indexIn(GENDERS, words.gender),
    isPhoneVerified: words.isPhoneVerified === true,
    hasPassword: words.hasPassword === true,
    passwordChangeRequired: words.passwordChangeRequired === true,
  };
}

/** The words of a machine; `undefined`: the user is a human. */
export function machineWordsOf(attributes: Attributes): MachineWords | undefined {
  if (!Object.hasOwn(attributes, MACHINE_NAMESPACE)) return undefined;
  const words = wordsIn(attributes, MACHINE_NAMESPACE);
  return {
    name: textOf(words.name),
    description: textOf(words.description),
    accessTokenType: indexIn(ACCESS_TOKEN_TYPES, words.accessTokenType),
  };
}

/** Whether a user counts as not yet initialised while it is ACTIVE. */
export function isInitial({ person }: Pick<User, "person">): boolean {
  return Object.hasOwn(person.attributes, INITIAL_NAMESPACE);
}

/** The name that the user signs in with. */
export function loginNameOf({ state, person: { profile } }: User): string {
  return profile.username ?? profile.email ?? state.id;
}

/** The display name, made of the names where there is none. */
export function displayNameOf({ displayName, givenName = "", familyName = "" }: Profile): string {
  return displayName ?? `${givenName} ${familyName}`.trim();
}

/** What is kept in a namespace. */
export function wordsIn(attributes: Attributes, namespace: string): Readonly<Record<string, unknown>> {
  return Object.hasOwn(attributes, namespace) ? JSON.parse(attributes[namespace] ?? "{}") : {};
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function indexIn(names: readonly string[], value: unknown): number {
  return Math.max(0, names.indexOf(textOf(value)));
}
