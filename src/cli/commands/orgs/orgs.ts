/** `lockkeeper orgs create`, `list`, `show` and `update`: the organizations that own users. */
import type { Organization } from "../../../../gen/lockkeeper/organization/v1/organization_service_pb.ts";
import { type Command, defineCommand } from "../../frame/command.ts";
import { usageFailure } from "../../frame/failure.ts";
import { clearableText, type FlagTable, optionalWord, text, toggle, value, word } from "../../frame/flag.ts";
import { parseDuration } from "../../frame/flag-values.ts";
import { forEachId, ids } from "../../frame/ids.ts";
import type { Output, Shown, View } from "../../frame/output.ts";
import { durationText, fieldLines } from "../../frame/text.ts";
import { head, REPEAT_FLAGS, repeatFields, SEQUENCE_FLAGS, sequenceFields } from "../change-flags.ts";
import { LIST_FLAGS, printList } from "../list-flags.ts";

const ORGANIZATION_VIEW: View<Organization> = {
  columns: ["ORGANIZATION", "NAME", "LOCKS LAST", "SEQUENCE", "CREATED", "CHANGED"],
  name: ({ organizationId }) => organizationId,
  row: ({ organizationId, displayName, defaultLockDuration, details }, time) => [
    organizationId,
    displayName,
    durationText(defaultLockDuration),
    String(details?.sequence ?? ""),
    time(details?.creationDate),
    time(details?.changeDate),
  ],
};

const VALUE_FLAGS = {
  "display-name": text("TEXT", "the display name"),
  "lock-duration": value(
    "TIME",
    "how long a lock without an explicit end lasts (one hour if never set)",
    parseDuration,
  ),
} satisfies FlagTable;

/** Returns all fields of an organization, below an optional line. */
function shown(
  { organization }: { readonly organization?: Organization | undefined },
  output: Output,
  above = "",
): Shown {
  const { organizationId = "", displayName = "", defaultLockDuration, details } = organization ?? {};
  const lines = (): string =>
    fieldLines([
      ["organization", organizationId],
      ["name", displayName],
      ["locks last", durationText(defaultLockDuration)],
      ["sequence", String(details?.sequence ?? "")],
      ["created", output.time(details?.creationDate)],
      ["changed", output.time(details?.changeDate)],
    ]);
  return { lines: () => above + lines(), name: () => organizationId };
}

const create = defineCommand({
  name: "orgs create",
  meaning: "create an organization",
  reach: "instance",
  words: { organization: optionalWord("its id; the service generates one if it is absent") },
  flags: { ...VALUE_FLAGS, ...REPEAT_FLAGS },
  examples: [["orgs create acme --display-name 'Acme Ltd' --lock-duration 15m", "with your own id"]],
  async run(given, { client, output }) {
    const organizations = await client("organizations");
    const response = await organizations.createOrganization({
      organizationId: given.organization ?? "",
      displayName: given["display-name"] ?? "",
      ...(given["lock-duration"] === undefined ? {} : { defaultLockDuration: given["lock-duration"] }),
      ...repeatFields(given),
    });
    await output.result(response, shown(response, output, head(given, "created")));
    return "done";
  },
});

const list = defineCommand({
  name: "orgs list",
  meaning: "list organizations",
  reach: "instance",
  words: {},
  flags: LIST_FLAGS,
  examples: [["orgs list --all --json", "all of them, one JSON object per line"]],
  async run(given, { client, output }) {
    return printList(given, {
      output,
      view: ORGANIZATION_VIEW,
      readPage: async (page) => {
        const { organizations: items, nextPageToken } = await (await client("organizations")).listOrganizations(page);
        return { items, nextPageToken };
      },
    });
  },
});

const show = defineCommand({
  name: "orgs show",
  meaning: "show organizations",
  reach: "instance",
  words: { organizations: ids("their ids") },
  flags: {},
  examples: [["orgs show acme", "its name, how long its locks last, and its sequence"]],
  async run({ organizations: typed }, context) {
    const { client, output } = context;
    let isFirst = true;
    return forEachId(typed, context, async (organizationId) => {
      const response = await (await client("organizations")).getOrganization({ organizationId });
      const between = isFirst ? "" : "\n";
      isFirst = false;
      await output.result(response, shown(response, output, between));
    });
  },
});

const update = defineCommand({
  name: "orgs update",
  meaning: "change the name or the lock duration of an organization",
  reach: "instance",
  words: { organization: word("its id") },
  flags: {
    ...VALUE_FLAGS,
    "display-name": clearableText("TEXT", "the display name; empty removes it"),
    "reset-lock-duration": toggle("reset the lock duration to one hour"),
    ...SEQUENCE_FLAGS,
    ...REPEAT_FLAGS,
  },
  examples: [
    ["orgs update acme --lock-duration 2h", "applies to new locks"],
    ["orgs update acme --display-name ''", "removes the name"],
  ],
  async run(given, { client, output }) {
    const { "display-name": displayName, "lock-duration": duration, "reset-lock-duration": reset } = given;
    if (reset && duration !== undefined) {
      throw usageFailure("--lock-duration and --reset-lock-duration cannot be used together; give one of them");
    }
    const paths = [
      ...(displayName === undefined ? [] : ["display_name"]),
      ...(duration === undefined && !reset ? [] : ["default_lock_duration"]),
    ];
    if (paths.length === 0) throw usageFailure("nothing to change; give --display-name or --lock-duration");
    const organizations = await client("organizations");
    const response = await organizations.updateOrganization({
      organizationId: given.organization,
      displayName: displayName ?? "",
      ...(duration === undefined ? {} : { defaultLockDuration: duration }),
      updateMask: { paths },
      ...sequenceFields(given),
      ...repeatFields(given),
    });
    await output.result(response, shown(response, output, head(given, "updated")));
    return "done";
  },
});

export const ORGS: readonly Command[] = [create, list, show, update];
