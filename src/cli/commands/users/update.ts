/** `lockkeeper users update`: changes the given fields of a profile and attributes, and leaves the rest. */
import { defineCommand } from "../../frame/command.ts";
import { usageFailure } from "../../frame/failure.ts";
import { choice, clearableText, type Flag, repeated, textList, word } from "../../frame/flag.ts";
import {
  be,
  REASON_FLAGS,
  REPEAT_FLAGS,
  reasonFields,
  repeatFields,
  SEQUENCE_FLAGS,
  sequenceFields,
} from "../change-flags.ts";
import { PROFILE_TEXTS, parseAttribute, profileTexts } from "./profile-flags.ts";
import { outcomeLine } from "./view.ts";

type TextName = keyof typeof PROFILE_TEXTS;
const TEXT_NAMES = Object.keys(PROFILE_TEXTS) as readonly TextName[];

/** Like the flags of `users create`, but the empty text removes a value. */
const CLEARABLE = Object.fromEntries(
  TEXT_NAMES.map((name) => {
    const { placeholder, meaning } = PROFILE_TEXTS[name];
    return [name, clearableText(placeholder, `${meaning}; empty removes it`)];
  }),
) as { readonly [K in TextName]: Flag<string | undefined> };

export const usersUpdate = defineCommand({
  name: "users update",
  meaning: "change the profile or the attributes of a user; other values stay unchanged",
  reach: "organization",
  words: { user: word("the user's id") },
  flags: {
    ...CLEARABLE,
    "email-verified": choice("whether the email address is verified", { true: true, false: false }),
    attributes: repeated(
      "NAME=JSON",
      "a JSON object that replaces the one stored under a name; may be repeated",
      parseAttribute,
    ),
    "remove-attributes": textList("NAME,…", "the names of objects to remove, comma-separated"),
    ...REASON_FLAGS,
    ...SEQUENCE_FLAGS,
    ...REPEAT_FLAGS,
  },
  examples: [
    ["users update alice --email alice@example.org --email-verified true", "a new address"],
    ["users update alice --phone '' --remove-attributes billing", "removes values"],
  ],
  async run(given, { client, organizationId, output }) {
    const { "email-verified": emailVerified, attributes, "remove-attributes": removed } = given;
    const set = Object.fromEntries(attributes);
    const both = removed.find((name) => Object.hasOwn(set, name));
    if (both !== undefined) throw usageFailure(`the attributes ${both} cannot be set and removed at the same time`);
    const paths = [
      ...TEXT_NAMES.filter((name) => given[name] !== undefined).map((name) => `profile.${name.replaceAll("-", "_")}`),
      ...(emailVerified === undefined ? [] : ["profile.email_verified"]),
      ...[...Object.keys(set), ...removed].map((name) => `attributes.${name}`),
    ];
    if (paths.length === 0) throw usageFailure("nothing to change; give a value, such as --email or --attributes");
    const response = await (await client("users")).updateUser({
      userId: given.user,
      organizationId,
      profile: { ...profileTexts(given), ...(emailVerified === undefined ? {} : { emailVerified }) },
      attributes: set,
      updateMask: { paths },
      ...reasonFields(given),
      ...sequenceFields(given),
      ...repeatFields(given),
    });
    await output.result(response, { lines: () => outcomeLine(response, be(given)), name: () => given.user });
    return "done";
  },
});
