/** The profile and the attributes of a user as flags, and the fields of a request that they set. */
import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import type { ProfileSchema } from "../../../../gen/lockkeeper/resource/v1/profile_pb.ts";
import { type FlagTable, text, toggle } from "../../frame/flag.ts";

/** The text fields of a profile. */
export const PROFILE_TEXTS = {
  username: text("TEXT", "the name that the user signs in with"),
  email: text("ADDRESS", "the email address"),
  "given-name": text("TEXT", "the given name"),
  "family-name": text("TEXT", "the family name"),
  "display-name": text("TEXT", "the display name"),
  phone: text("NUMBER", "the phone number"),
  locale: text("TAG", "the language, such as de-CH"),
  "external-id": text("ID", "the id in another system"),
} satisfies FlagTable;

export const PROFILE_FLAGS = {
  ...PROFILE_TEXTS,
  "email-verified": toggle("mark the email address as verified"),
} satisfies FlagTable;

type ProfileTexts = { readonly [K in keyof typeof PROFILE_TEXTS]: string | undefined };

/** Returns the text fields of a profile that were given. */
export function profileTexts(given: ProfileTexts): MessageInitShape<typeof ProfileSchema> {
  const texts = {
    username: given.username,
    email: given.email,
    givenName: given["given-name"],
    familyName: given["family-name"],
    displayName: given["display-name"],
    phone: given.phone,
    locale: given.locale,
    externalId: given["external-id"],
  };
  return Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== undefined));
}

/** Reads `NAME=JSON` into the name and the object. */
export function parseAttribute(typed: string): readonly [name: string, object: JsonObject] {
  const [, name, json] = /^([^=]+)=(.*)$/s.exec(typed) ?? [];
  if (name !== undefined && json !== undefined) {
    try {
      const object: unknown = JSON.parse(json);
      if (typeof object === "object" && object !== null && !Array.isArray(object)) return [name, object as JsonObject];
    } catch {
      // Refused below, like anything else that is not an object.
    }
  }
  throw new Error(`${JSON.stringify(typed)} is not allowed; it must be NAME=JSON such as billing={"plan":"free"}`);
}
