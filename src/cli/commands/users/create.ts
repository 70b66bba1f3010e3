/** `lockkeeper users create`: one user. */
import type { JsonObject } from "@bufbuild/protobuf";
import { defineCommand } from "../../frame/command.ts";
import { type FlagTable, type FlagValues, optionalWord, repeated, text, toggle } from "../../frame/flag.ts";
import { REASON_FLAGS, REPEAT_FLAGS, reasonFields, repeatFields } from "../change-flags.ts";
import { outcomeLine } from "./view.ts";

const PROFILE_FLAGS = {
  username: text("TEXT", "what the person signs in with"),
  email: text("ADDRESS", "the email address"),
  "email-verified": toggle("the address was verified"),
  "given-name": text("TEXT", "the given name"),
  "family-name": text("TEXT", "the family name"),
  "display-name": text("TEXT", "the name to show"),
  phone: text("NUMBER", "the phone number"),
  locale: text("TAG", "the language, such as de-CH"),
  "external-id": text("ID", "the id in another system"),
} satisfies FlagTable;

function profileFields(given: FlagValues<typeof PROFILE_FLAGS>) {
  return {
    username: given.username ?? "",
    email: given.email ?? "",
    emailVerified: given["email-verified"],
    givenName: given["given-name"] ?? "",
    familyName: given["family-name"] ?? "",
    displayName: given["display-name"] ?? "",
    phone: given.phone ?? "",
    locale: given.locale ?? "",
    externalId: given["external-id"] ?? "",
  };
}

/** `NAME=JSON` → name and object. */
function parseAttribute(typed: string): readonly [name: string, object: JsonObject] {
  const [, name, json] = /^([^=]+)=(.*)$/s.exec(typed) ?? [];
  if (name !== undefined && json !== undefined) {
    try {
      const object: unknown = JSON.parse(json);
      if (typeof object === "object" && object !== null && !Array.isArray(object)) return [name, object as JsonObject];
    } catch {
      // Refused below, as anything else that is no object.
    }
  }
  throw new Error(`${JSON.stringify(typed)} is not allowed; it must be NAME=JSON such as billing={"plan":"free"}`);
}

export const usersCreate = defineCommand({
  name: "users create",
  meaning: "create a user",
  reach: "organization",
  words: { user: optionalWord("the user's id; absent: the service makes one") },
  flags: {
    ...PROFILE_FLAGS,
    attributes: repeated("NAME=JSON", "a JSON object of yours under a name; may be repeated", parseAttribute),
    ...REASON_FLAGS,
    ...REPEAT_FLAGS,
  },
  examples: [
    ["users create alice --email alice@example.com", "with an id of yours"],
    ["users create --username bob --json | jq -r .user.userId", "with an id that the service makes"],
  ],
  async run(given, { client, organizationId, output }) {
    const users = await client("users");
    const response = await users.createUser({
      userId: given.user ?? "",
      organizationId,
      profile: profileFields(given),
      attributes: Object.fromEntries(given.attributes),
      ...reasonFields(given),
      ...repeatFields(given),
    });
    await output.result(response, () => outcomeLine(response));
    return "done";
  },
});
