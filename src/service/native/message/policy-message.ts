/** Converts policies to messages, and back. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import * as pb from "../../../../gen/lockkeeper/policy/v1/policy_service_pb.ts";
import { FACTORS, type Factor, type PolicyValues } from "../../../domain/policy.ts";
import { invalidField } from "../../../domain/refusal.ts";
import type { PolicyView } from "../../operations/policies.ts";
import { toDuration, toDurationMs } from "../../times.ts";
import { namedFields } from "../update-mask.ts";
import { FACTOR_VALUES, factorOf } from "./sign-in-message.ts";
import { toDetails } from "./user-message.ts";

/** The durations of PolicyValues with their names in the domain. */
const DURATIONS = [
  ["countingWindow", "countingWindowMs"],
  ["lockDuration", "lockDurationMs"],
  ["lockDurationMax", "lockDurationMaxMs"],
  ["reservationTime", "reservationMs"],
] as const;

/** Fields whose values are equal in both. */
const PLAIN = [
  "growthFactor",
  "permanentAfter",
  "revokeSessions",
  "resetOnSuccess",
  "resetOnUnlock",
  "concealUnknown",
] as const;

export function toPolicyMessage(id: string, { stored, effective }: PolicyView): pb.Policy {
  return create(pb.PolicySchema, {
    organizationId: id,
    ...(stored === undefined || stored.sequence === 0 ? {} : { details: toDetails({ ...stored, organizationId: id }) }),
    values: toValuesMessage(stored?.values ?? {}),
    effective: toValuesMessage(effective),
  });
}

/** Returns the values of a policy as a message; absent ones stay absent. */
export function toValuesMessage(values: PolicyValues): MessageInitShape<typeof pb.PolicyValuesSchema> {
  const message: MessageInitShape<typeof pb.PolicyValuesSchema> = {
    limits: FACTORS.flatMap((factor) => {
      const attemptsMax = values.attemptsMax?.[factor];
      return attemptsMax === undefined ? [] : [{ factor: FACTOR_VALUES[factor], attemptsMax }];
    }),
  };
  for (const [field, name] of DURATIONS) {
    const ms = values[name];
    if (ms !== undefined) message[field] = toDuration(ms);
  }
  for (const name of PLAIN) Object.assign(message, values[name] === undefined ? {} : { [name]: values[name] });
  return message;
}

/** Returns the values that a message sets. Throws FIELD_INVALID for a factor that occurs twice. */
export function toPolicyValues(message: pb.PolicyValues | undefined): PolicyValues {
  if (message === undefined) return {};
  const limits: Partial<Record<Factor, number>> = {};
  for (const [index, { factor: value, attemptsMax }] of message.limits.entries()) {
    const factor = factorOf(value);
    if (limits[factor] !== undefined) {
      throw invalidField(`values.limits[${index}]`, `${factor} stands twice; once is allowed`);
    }
    // The rules of the contract require it.
    limits[factor] = attemptsMax ?? 0;
  }
  const values: Record<string, unknown> = Object.keys(limits).length === 0 ? {} : { attemptsMax: limits };
  for (const [field, name] of DURATIONS) {
    const duration = message[field];
    if (duration !== undefined) values[name] = toDurationMs(duration, `values.${toProtoName(field)}`);
  }
  for (const name of PLAIN) if (message[name] !== undefined) values[name] = message[name];
  return values as PolicyValues;
}

function toProtoName(field: string): string {
  return pb.PolicyValuesSchema.field[field as keyof typeof pb.PolicyValuesSchema.field].name;
}

/** Names in the domain by the names that a mask may contain. */
const BY_PATH = new Map<string, string>(
  [...DURATIONS, ...PLAIN.map((name) => [name, name] as const), ["limits", "attemptsMax"] as const].flatMap(
    ([field, name]) => [
      [field, name],
      [toProtoName(field), name],
    ],
  ),
);

/**
 * Returns what an update sets and what it clears, so that it is inherited again. Throws FIELD_INVALID for a mask with
 * unknown names, and for values that the mask does not name.
 */
export function toPolicyChange(
  message: pb.PolicyValues | undefined,
  paths: readonly string[],
): { readonly values: PolicyValues; readonly cleared: readonly string[] } {
  const allowed = `allowed are ${pb.PolicyValuesSchema.fields.map(({ name }) => name).join(", ")}`;
  const values = toPolicyValues(message);
  const named = namedFields(paths, { byPath: BY_PATH, present: Object.keys(values), allowed });
  const idle = Object.keys(values).find((name) => !named.has(name));
  if (idle !== undefined) {
    const path = [...BY_PATH].find(([, name]) => name === idle)?.[0] ?? idle;
    const proto = toProtoName(path);
    throw invalidField(`values.${proto}`, `has a value, but update_mask does not name ${proto}`);
  }
  const cleared = [...named].flatMap((name) =>
    name === "attemptsMax" ? FACTORS.map((factor) => `attemptsMax.${factor}`) : [name],
  );
  return { values, cleared };
}
