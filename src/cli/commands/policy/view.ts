/** Tables and lines of policies. */
import type { Policy, PolicyValues } from "../../../../gen/lockkeeper/policy/v1/policy_service_pb.ts";
import type { Output, Shown } from "../../frame/output.ts";
import { durationText, fieldLines } from "../../frame/text.ts";
import { FACTORS, nameOf, wordOf } from "../words.ts";

/** Returns a policy as text: what is set and what is in force. Its name is the organization's, or `instance`. */
export function shownPolicy(output: Output, { policy }: { readonly policy?: Policy | undefined }): Shown {
  return {
    lines: () => (policy === undefined ? "" : policyLines(policy, output)),
    name: () => policy?.organizationId || "instance",
  };
}

function policyLines({ organizationId, details, values, effective }: Policy, output: Output): string {
  const head = fieldLines([
    ["policy of", organizationId === "" ? "the instance" : `the organization ${organizationId}`],
    ["sequence", String(details?.sequence ?? 0)],
    ["changed", output.time(details?.changeDate)],
  ]);
  const here = values === undefined ? {} : valueTexts(values);
  const rows = Object.entries(effective === undefined ? {} : valueTexts(effective));
  const table = output.table(["VALUE", "IN FORCE", "SET HERE"]);
  return `${head}\n${table.lines(rows.map(([name, text]) => [name, text, here[name] ?? ""]))}`;
}

/** Returns the values by the names of their flags. */
function valueTexts(values: PolicyValues): Readonly<Record<string, string>> {
  const limits = Object.fromEntries(
    values.limits.map(({ factor, attemptsMax }) => [
      `attempts ${wordOf(nameOf(FACTORS, factor))}`,
      attemptsMax === 0 ? "0 (never locks)" : String(attemptsMax),
    ]),
  );
  return {
    ...limits,
    "counting-window": durationText(values.countingWindow),
    "lock-duration": durationText(values.lockDuration),
    "growth-factor": String(values.growthFactor ?? ""),
    "lock-duration-max": durationText(values.lockDurationMax),
    "permanent-after": String(values.permanentAfter ?? ""),
    "reservation-time": durationText(values.reservationTime),
    "revoke-sessions": String(values.revokeSessions ?? ""),
    "reset-on-success": String(values.resetOnSuccess ?? ""),
    "reset-on-unlock": String(values.resetOnUnlock ?? ""),
    "conceal-unknown": String(values.concealUnknown ?? ""),
  };
}
