/** How a policy is shown to a person. */
import type { Policy, PolicyValues } from "../../../../gen/lockkeeper/policy/v1/policy_service_pb.ts";
import { Table } from "../../frame/output.ts";
import { durationText, fieldLines, instantText } from "../../frame/text.ts";
import { FACTORS, nameOf } from "../words.ts";

export function policyLines({ organizationId, details, values, effective }: Policy): string {
  const head = fieldLines([
    ["policy of", organizationId === "" ? "the instance" : `the organization ${organizationId}`],
    ["sequence", String(details?.sequence ?? 0)],
    ["changed", instantText(details?.changeDate)],
  ]);
  const here = values === undefined ? {} : valueTexts(values);
  const rows = Object.entries(effective === undefined ? {} : valueTexts(effective));
  const table = new Table(["VALUE", "IN FORCE", "SET HERE"]);
  return `${head}\n${table.lines(rows.map(([name, text]) => [name, text, here[name] ?? ""]))}`;
}

/** Named like the flags that set them. */
function valueTexts(values: PolicyValues): Readonly<Record<string, string>> {
  const limits = Object.fromEntries(
    values.limits.map(({ factor, attemptsMax }) => [
      `attempts ${nameOf(FACTORS, factor).toLowerCase().replaceAll("_", "-")}`,
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
