/** `lockkeeper policy simulate`: shows which users another policy would have locked. */
import type { SimulatePolicyResponse } from "../../../../gen/lockkeeper/policy/v1/policy_service_pb.ts";
import { defineCommand } from "../../frame/command.ts";
import { value } from "../../frame/flag.ts";
import { parseInstant } from "../../frame/flag-values.ts";
import type { Output } from "../../frame/output.ts";
import { FACTORS, nameOf } from "../words.ts";
import { policyValues, VALUE_FLAGS } from "./value-flags.ts";

function simulationLines(response: SimulatePolicyResponse, output: Output): string {
  const { locks, lockCount, attemptCount, refusedCount } = response;
  const counts = `${numbered(attemptCount, "attempt")}: ${numbered(lockCount, "lock")}, ${numbered(refusedCount, "attempt")} refused\n`;
  const rows = locks.map((lock) => [
    lock.userId,
    nameOf(FACTORS, lock.factor),
    output.time(lock.startTime),
    output.time(lock.expireTime) || "without end",
    String(lock.number),
  ]);
  const table = output.table(["USER", "FACTOR", "FROM", "UNTIL", "IN A ROW"]);
  const shown = BigInt(locks.length) < lockCount ? `only the first ${locks.length} locks are shown\n` : "";
  return rows.length === 0 ? counts : `${counts}\n${table.lines(rows)}${shown}`;
}

function numbered(count: bigint, noun: string): string {
  return `${count} ${noun}${count === 1n ? "" : "s"}`;
}

export const policySimulate = defineCommand({
  name: "policy simulate",
  meaning:
    "replay the recorded attempts with other policy values and show which users they would have locked; stores nothing",
  reach: "organization",
  words: {},
  flags: {
    ...VALUE_FLAGS,
    from: value(
      "INSTANT",
      "only attempts from this instant on (default: all that are kept, by default 30 days)",
      parseInstant,
    ),
    until: value("INSTANT", "only attempts before this instant (default: now)", parseInstant),
  },
  examples: [["policy simulate --attempts password=3 --lock-duration 1d", "who would have been locked"]],
  async run(given, { client, organizationId, output }) {
    const { from, until, ...values } = given;
    const policies = await client("policies");
    const response = await policies.simulatePolicy({
      organizationId,
      values: policyValues(values),
      ...(from === undefined ? {} : { startTime: from }),
      ...(until === undefined ? {} : { endTime: until }),
    });
    await output.result(response, () => simulationLines(response, output));
    return "done";
  },
});
