/** The values of a policy as fields of a form: their kinds, their bounds, and the way to the wire and back. */
import { create } from "@bufbuild/protobuf";
import { type Duration, durationFromMs, durationMs } from "@bufbuild/protobuf/wkt";
import { type PolicyValues, PolicyValuesSchema } from "../../../../gen/lockkeeper/policy/v1/policy_service_pb.ts";
import { Factor } from "../../../../gen/lockkeeper/resource/v1/factor_pb.ts";
import { T } from "../../texts/texts.ts";
import { durationWords } from "../../wire/duration.ts";

const DAY_S = 86_400;

const DURATIONS = {
  countingWindow: 365 * DAY_S,
  reservationTime: 600,
  lockDuration: 3_650 * DAY_S,
  lockDurationMax: 3_650 * DAY_S,
} as const;

const FLAGS = ["revokeSessions", "resetOnSuccess", "resetOnUnlock", "concealUnknown"] as const;

const FACTORS = [Factor.PASSWORD, Factor.OTP, Factor.PASSKEY, Factor.BACKUP_CODE, Factor.RECOVERY] as const;

/** `limit.1` and so on are the factors by their numbers. */
export type FieldId =
  | `limit.${(typeof FACTORS)[number]}`
  | keyof typeof DURATIONS
  | (typeof FLAGS)[number]
  | "growthFactor"
  | "permanentAfter";

export type Kind = "count" | "number" | "duration" | "flag";

export interface PolicyField {
  readonly id: FieldId;
  readonly kind: Kind;
  readonly min: number;
  /** In seconds for durations. */
  readonly max: number;
}

const limit = (factor: (typeof FACTORS)[number]): PolicyField => ({
  id: `limit.${factor}`,
  kind: "count",
  min: 0,
  max: 100,
});
const duration = (id: keyof typeof DURATIONS): PolicyField => ({ id, kind: "duration", min: 1, max: DURATIONS[id] });

/** The groups of the form, with the bounds of the contract. */
export const GROUPS: readonly { readonly id: string; readonly fields: readonly PolicyField[] }[] = [
  { id: "attempts", fields: [...FACTORS.map(limit), duration("countingWindow")] },
  {
    id: "locks",
    fields: [
      duration("lockDuration"),
      { id: "growthFactor", kind: "number", min: 1, max: 100 },
      duration("lockDurationMax"),
      { id: "permanentAfter", kind: "count", min: 0, max: 1_000 },
    ],
  },
  {
    id: "more",
    fields: [...FLAGS.map((id): PolicyField => ({ id, kind: "flag", min: 0, max: 1 })), duration("reservationTime")],
  },
];

export const FIELDS: readonly PolicyField[] = GROUPS.flatMap(({ fields }) => fields);

/** Returns a value as a number: a duration in seconds, a flag as 0 or 1. Undefined: it is not set. */
export function numberOf(values: PolicyValues | undefined, id: FieldId): number | undefined {
  if (values === undefined) return undefined;
  if (id.startsWith("limit.")) return values.limits.find(({ factor }) => `limit.${factor}` === id)?.attemptsMax;
  const value = values[id as Exclude<FieldId, `limit.${number}`>];
  if (value === undefined) return undefined;
  if (typeof value === "object") return durationMs(value as Duration) / 1_000;
  return Number(value);
}

/** Returns the values of a message that sets these. `numbers`: as `numberOf` returns them. */
export function valuesOf(numbers: ReadonlyMap<FieldId, number>): PolicyValues {
  const values = create(PolicyValuesSchema, {
    limits: FACTORS.flatMap((factor) => {
      const attemptsMax = numbers.get(`limit.${factor}`);
      return attemptsMax === undefined ? [] : [{ factor, attemptsMax }];
    }),
  });
  for (const { id, kind } of FIELDS) {
    const number = numbers.get(id);
    if (number === undefined || id.startsWith("limit.")) continue;
    const value = kind === "duration" ? durationFromMs(number * 1_000) : kind === "flag" ? number === 1 : number;
    Object.assign(values, { [id]: value });
  }
  return values;
}

/** Returns a value in words. `number`: as `numberOf` returns it. */
export function wordsOf({ id, kind }: PolicyField, number: number | undefined): string {
  if (number === undefined) return "";
  if (kind === "duration") return durationWords(number);
  if (kind === "flag") return number === 1 ? T.policy.yes : T.policy.no;
  if (id.startsWith("limit.")) return T.policy.failures(number);
  return id === "permanentAfter" && number === 0 ? T.policy.never : number.toLocaleString("en");
}

/** Returns the field that the service complains of; undefined if it is none of the form. `path`: `values.lock_duration`. */
export function fieldOfPath(path: string, values: PolicyValues): FieldId | undefined {
  const index = /^values\.limits\[(\d+)\]/.exec(path)?.[1];
  if (index !== undefined) {
    const factor = values.limits[Number(index)]?.factor;
    return FIELDS.find(({ id }) => id === `limit.${factor}`)?.id;
  }
  const name = /^values\.(\w+)/.exec(path)?.[1]?.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  return FIELDS.find(({ id }) => id === name)?.id;
}
