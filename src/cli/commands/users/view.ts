/** Tables and lines of users. */
import type { Profile } from "../../../../gen/lockkeeper/resource/v1/profile_pb.ts";
import type { Restriction } from "../../../../gen/lockkeeper/resource/v1/restriction_pb.ts";
import type { User } from "../../../../gen/lockkeeper/user/v1/user_pb.ts";
import type { Output, TimeText, View } from "../../frame/output.ts";
import { printable } from "../../frame/table.ts";
import { fieldLines, instantText } from "../../frame/text.ts";
import type { ActorNames } from "../actor-names.ts";
import { CAUSES, KINDS, nameOf, STATES } from "../words.ts";

export const USER_VIEW: View<User> = {
  columns: [
    "USER",
    { title: "STATE", toned: true },
    { title: "UNTIL", whole: true },
    "REASON",
    "USERNAME",
    "EMAIL",
    "ORGANIZATION",
    "CHANGED",
    { title: "NAME", wide: true },
    { title: "SEQUENCE", wide: true },
    { title: "CREATED", wide: true },
  ],
  name: ({ userId }) => userId,
  row(user, time) {
    const { userId, state, profile, details } = user;
    const deciding = decidingRestriction(user);
    return [
      userId,
      nameOf(STATES, state),
      deciding === undefined ? "" : untilText(deciding, time),
      deciding?.reasonCode ?? "",
      profile?.username ?? "",
      profile?.email ?? "",
      details?.resourceOwner ?? "",
      time(details?.changeDate),
      profile?.displayName ?? "",
      String(details?.sequence ?? ""),
      time(details?.creationDate),
    ];
  },
};

const KIND_OF_STATE: Readonly<Record<number, number>> = {
  [STATES.LOCKED]: KINDS.LOCK,
  [STATES.BANNED]: KINDS.BAN,
  [STATES.INACTIVE]: KINDS.DEACTIVATION,
};

/** Returns the longest restriction of the kind that causes the state. */
function decidingRestriction({ state, restrictions }: User): Restriction | undefined {
  const endOf = ({ expireTime }: Restriction): number =>
    expireTime === undefined ? Number.POSITIVE_INFINITY : Number(expireTime.seconds);
  return restrictions
    .filter(({ kind, scheduled }) => kind === KIND_OF_STATE[state] && !scheduled)
    .sort((a, b) => (endOf(a) > endOf(b) ? -1 : 1))[0];
}

function untilText({ expireTime }: Restriction, time: TimeText): string {
  return expireTime === undefined ? "without end" : time(expireTime);
}

/** Returns all fields of a user. */
export function userLines(user: User, output: Output, names: ActorNames): string {
  const { profile, details } = user;
  const fields = fieldLines([
    ["user", user.userId],
    ["state", nameOf(STATES, user.state)],
    ["organization", details?.resourceOwner ?? ""],
    ...(profile === undefined ? [] : profileFields(profile)),
    ...Object.entries(user.attributes).map(([name, each]) => [`attributes.${name}`, JSON.stringify(each)] as const),
    ["sequence", String(details?.sequence ?? "")],
    ["revocation epoch", String(user.revocationEpoch)],
    ["created", instantText(details?.creationDate)],
    ["changed", instantText(details?.changeDate)],
  ]);
  return user.restrictions.length === 0 ? fields : `${fields}\n${restrictionLines(user.restrictions, output, names)}`;
}

function profileFields(profile: Profile): readonly (readonly [string, string])[] {
  return [
    ["username", profile.username ?? ""],
    ["email", profile.email ? `${profile.email}${profile.emailVerified ? " (verified)" : ""}` : ""],
    ["given name", profile.givenName ?? ""],
    ["family name", profile.familyName ?? ""],
    ["display name", profile.displayName ?? ""],
    ["phone", profile.phone ?? ""],
    ["locale", profile.locale ?? ""],
    ["external id", profile.externalId ?? ""],
  ];
}

function restrictionLines(restrictions: readonly Restriction[], output: Output, names: ActorNames): string {
  const table = output.table(["RESTRICTION", "CAUSE", "FROM", "UNTIL", "REASON", "BY", "NOTE"]);
  return table.lines(
    restrictions.map((each) => [
      `${nameOf(KINDS, each.kind)}${each.scheduled ? " (scheduled)" : ""}`,
      nameOf(CAUSES, each.cause),
      output.time(each.startTime),
      untilText(each, output.time),
      each.reasonCode,
      names.shown(each.actor),
      each.note,
    ]),
  );
}

/** Returns one line with the state that a user has, or would have. */
export function outcomeLine({ user }: { readonly user?: User | undefined }, be: string): string {
  if (user === undefined) return "done\n";
  const restrictions = user.restrictions.map((each) => {
    const kind = nameOf(KINDS, each.kind).toLowerCase();
    const from = each.scheduled ? ` from ${instantText(each.startTime)}` : "";
    return `${kind}${from} ${each.expireTime === undefined ? "without end" : `until ${instantText(each.expireTime)}`}`;
  });
  const why = restrictions.length === 0 ? "" : ` (${restrictions.join(", ")})`;
  return `${printable(user.userId)} ${be} ${nameOf(STATES, user.state)}${why}, sequence ${user.details?.sequence}\n`;
}
