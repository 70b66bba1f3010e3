/** `lockkeeper policy set`: sets values of a policy, or inherits them again. */
import type { Policy } from "../../../../gen/lockkeeper/policy/v1/policy_service_pb.ts";
import { defineCommand } from "../../frame/command.ts";
import { usageFailure } from "../../frame/failure.ts";
import { choiceList } from "../../frame/flag.ts";
import { head, REPEAT_FLAGS, repeatFields, SEQUENCE_FLAGS } from "../change-flags.ts";
import { givenValues, pathOf, policyValues, VALUE_FLAGS } from "./value-flags.ts";
import { shownPolicy } from "./view.ts";

const NAMES = Object.keys(VALUE_FLAGS);
const INHERITED = { ...Object.fromEntries(NAMES.map((name) => [name, [name]])), all: NAMES };

type Limits = NonNullable<ReturnType<typeof policyValues>["limits"]>;

/** Returns the limits that are set already, with the given ones in their place. */
function mergedLimits(policy: Policy | undefined, given: Limits): Limits {
  const factors = given.map(({ factor }) => factor);
  return [...(policy?.values?.limits ?? []).filter(({ factor }) => !factors.includes(factor)), ...given];
}

export const policySet = defineCommand({
  name: "policy set",
  meaning: "set policy values of the instance or of an organization; the others stay unchanged",
  reach: "organization",
  words: {},
  flags: {
    ...VALUE_FLAGS,
    inherit: choiceList("inherit these values again, comma-separated", INHERITED),
    ...SEQUENCE_FLAGS,
    ...REPEAT_FLAGS,
  },
  examples: [
    ["policy set --attempts password=5,otp=3 --lock-duration 15m", "for the instance"],
    ["policy set --organization acme --inherit all", "removes all values of its own"],
  ],
  async run(given, { client, organizationId, output }) {
    const values = policyValues(given);
    const inherited = [...new Set(given.inherit.flat())];
    const set = givenValues(given);
    const both = set.find((name) => inherited.includes(name));
    if (both !== undefined) throw usageFailure(`--${both} cannot be set and inherited at the same time`);
    if (set.length + inherited.length === 0) {
      throw usageFailure("nothing to set; give a value, such as --lock-duration 15m");
    }
    const policies = await client("policies");
    let expectedSequence = given["expected-sequence"];
    if (values.limits !== undefined) {
      const { policy } = await policies.getPolicy({ organizationId });
      values.limits = mergedLimits(policy, values.limits);
      // The limits that were merged must not change in the meantime.
      expectedSequence ??= policy?.details?.sequence;
    }
    const response = await policies.updatePolicy({
      organizationId,
      values,
      updateMask: { paths: [...set, ...inherited].map(pathOf) },
      ...(expectedSequence === undefined ? {} : { expectedSequence }),
      ...repeatFields(given),
    });
    const shown = shownPolicy(output, response);
    await output.result(response, { ...shown, lines: () => head(given, "set") + shown.lines() });
    return "done";
  },
});
