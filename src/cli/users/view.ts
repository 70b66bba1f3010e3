/** How users are shown to a person. */
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { Restriction } from "../../../gen/lockkeeper/resource/v1/restriction_pb.ts";
import type { State, User } from "../../../gen/lockkeeper/user/v1/user_pb.ts";
import { printable, Table } from "../output.ts";

/** By number, as the contract has them; names are told without their prefix. */
export const STATE_NAMES = [
  "-",
  "ACTIVE",
  "LOCKED",
  "INACTIVE",
  "BANNED",
  "DELETED",
] as const satisfies readonly string[];
const KIND_NAMES = ["-", "LOCK", "BAN", "DEACTIVATION"] as const;
const CAUSE_NAMES = ["-", "ADMIN", "POLICY", "DIRECTORY", "RECOVERY"] as const;

export function stateName(state: State): string {
  return STATE_NAMES[state] ?? String(state);
}

/** ISO 8601 in UTC, with milliseconds where there are any; absent: empty. */
export function instantText(instant: Timestamp | undefined): string {
  if (instant === undefined) return "";
  const ms = Number(instant.seconds) * 1000 + Math.floor(instant.nanos / 1e6);
  return new Date(ms).toISOString().replace(".000Z", "Z");
}

/** Names with their values, aligned; those without a value are left out. */
export function fieldLines(fields: readonly (readonly [name: string, value: string])[]): string {
  const shown = fields.filter(([, value]) => value !== "");
  const width = Math.max(...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}\n`).join("");
}

export function userLines(user: User): string {
  const { profile, details } = user;
  const fields = fieldLines([
    ["user", user.userId],
    ["state", stateName(user.state)],
    ["organization", details?.resourceOwner ?? ""],
    ["username", profile?.username ?? ""],
    ["email", profile?.email === undefined || profile.email === "" ? "" : emailText(profile)],
    ["name", nameOf(user)],
    ["phone", profile?.phone ?? ""],
    ["locale", profile?.locale ?? ""],
    ["external id", profile?.externalId ?? ""],
    ["sequence", String(details?.sequence ?? "")],
    ["revocation epoch", String(user.revocationEpoch)],
    ["created", instantText(details?.creationDate)],
    ["changed", instantText(details?.changeDate)],
    ...Object.entries(user.attributes).map(([name, each]) => [`attributes.${name}`, JSON.stringify(each)] as const),
  ]);
  return user.restrictions.length === 0 ? fields : `${fields}\n${restrictionLines(user.restrictions)}`;
}

function emailText({ email, emailVerified }: { readonly email: string; readonly emailVerified: boolean }): string {
  return emailVerified ? `${email} (verified)` : email;
}

function nameOf({ profile }: User): string {
  return profile?.displayName || [profile?.givenName, profile?.familyName].filter(Boolean).join(" ");
}

function restrictionLines(restrictions: readonly Restriction[]): string {
  const table = new Table(["RESTRICTION", "CAUSE", "FROM", "UNTIL", "REASON", "BY", "NOTE"]);
  return table.lines(
    restrictions.map((each) => [
      `${KIND_NAMES[each.kind] ?? each.kind}${each.scheduled ? " (scheduled)" : ""}`,
      CAUSE_NAMES[each.cause] ?? String(each.cause),
      instantText(each.startTime),
      each.expireTime === undefined ? "without end" : instantText(each.expireTime),
      each.reasonCode,
      each.actor,
      each.note,
    ]),
  );
}

/** One line that says what a user is now. */
export function outcomeLine(user: User | undefined): string {
  if (user === undefined) return "done\n";
  const until = user.restrictions
    .filter(({ scheduled }) => !scheduled)
    .map((each) => {
      const kind = (KIND_NAMES[each.kind] ?? "").toLowerCase();
      return each.expireTime === undefined ? `${kind} without end` : `${kind} until ${instantText(each.expireTime)}`;
    });
  const why = until.length === 0 ? "" : ` (${until.join(", ")})`;
  return `${printable(user.userId)} is ${stateName(user.state)}${why}, sequence ${user.details?.sequence}\n`;
}
