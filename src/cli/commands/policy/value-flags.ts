/** The values of a policy as flags, and the fields of a request that they set. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { BOUNDS } from "../../../../gen/lockkeeper/contract.ts";
import type { PolicyValuesSchema } from "../../../../gen/lockkeeper/policy/v1/policy_service_pb.ts";
import { choice, type Flag, type FlagTable, type FlagValues, list, value } from "../../frame/flag.ts";
import { parseDuration, parseWhole } from "../../frame/flag-values.ts";
import { FACTORS, wordsOf } from "../words.ts";

const BOOLEANS = { true: true, false: false } as const;
/** The words of factors, with their numbers. */
const FACTOR_WORDS = wordsOf(FACTORS);
/** The service checks these bounds too, but does not name the flag. */
const ATTEMPTS_MAX = BOUNDS["lockkeeper.policy.v1.FactorLimit.attempts_max"].max;
const PERMANENT_AFTER_MAX = BOUNDS["lockkeeper.policy.v1.PolicyValues.permanent_after"].max;
const GROWTH_FACTOR = BOUNDS["lockkeeper.policy.v1.PolicyValues.growth_factor"];

interface Limit {
  readonly factor: (typeof FACTORS)[keyof typeof FACTORS];
  readonly attemptsMax: number;
}

/** Reads `password=5`. */
function parseLimit(typed: string): Limit {
  const [, name = "", count = ""] = /^([^=]*)=(.*)$/.exec(typed) ?? [];
  const factor = Object.hasOwn(FACTOR_WORDS, name) ? FACTOR_WORDS[name] : undefined;
  if (factor === undefined) {
    const names = Object.keys(FACTOR_WORDS).join(", ");
    throw new Error(
      `${JSON.stringify(typed)} is not allowed; it must be FACTOR=NUMBER such as password=5, of ${names}`,
    );
  }
  return {
    factor,
    attemptsMax: parseWhole(count, { min: 0, max: ATTEMPTS_MAX }),
  };
}

function parseFactor(typed: string): number {
  const number = /^\d+(?:\.\d+)?$/.test(typed) ? Number(typed) : Number.NaN;
  const { min, max } = GROWTH_FACTOR;
  if (number >= min && number <= max) return number;
  throw new Error(`${JSON.stringify(typed)} is not allowed; it must be a number from ${min} to ${max}`);
}

function bool(meaning: string): Flag<boolean | undefined> {
  return choice(meaning, BOOLEANS);
}

export const VALUE_FLAGS = {
  attempts: list(
    "FACTOR=NUMBER",
    `the number of failures that lock a user, 0: never; factors: ${Object.keys(FACTOR_WORDS).join(", ")}`,
    parseLimit,
  ),
  "counting-window": value("TIME", "how long a failure counts", parseDuration),
  "lock-duration": value("TIME", "how long the first lock lasts", parseDuration),
  "growth-factor": value("NUMBER", "each further lock lasts this many times as long", parseFactor),
  "lock-duration-max": value("TIME", "the longest that a lock lasts", parseDuration),
  "permanent-after": value("NUMBER", "the lock with this number in a row is permanent; 0: none is", (typed) =>
    parseWhole(typed, { min: 0, max: PERMANENT_AFTER_MAX }),
  ),
  "reservation-time": value(
    "TIME",
    "an attempt that is not completed within this time counts as failed",
    parseDuration,
  ),
  "revoke-sessions": bool("whether a lock ends all sessions of the user"),
  "reset-on-success": bool("whether a success clears the failures of its factor"),
  "reset-on-unlock": bool("whether unlocking clears the failures of all factors"),
  "conceal-unknown": bool("whether unknown users are counted and locked like known ones"),
} satisfies FlagTable;

export type Values = MessageInitShape<typeof PolicyValuesSchema>;

/** Returns the fields of PolicyValues for flags; absent ones stay absent. */
export function policyValues(given: FlagValues<typeof VALUE_FLAGS>): Values {
  const { attempts, ...others } = given;
  const all: Readonly<Record<string, unknown>> = others;
  const set = givenValues(given).filter((name) => name !== "attempts");
  return {
    ...Object.fromEntries(set.map((name) => [camelCase(name), all[name]])),
    ...(attempts.length === 0 ? {} : { limits: [...attempts] }),
  };
}

/** Returns the names of the value flags that were given. */
export function givenValues(given: FlagValues<typeof VALUE_FLAGS>): readonly string[] {
  const all: Readonly<Record<string, unknown>> = given;
  return Object.keys(VALUE_FLAGS).filter((name) => {
    const each = all[name];
    return each !== undefined && !(Array.isArray(each) && each.length === 0);
  });
}

/** Returns the path of a flag in an update mask: `--attempts` sets the field `limits`. */
export function pathOf(flag: string): string {
  return flag === "attempts" ? "limits" : flag.replaceAll("-", "_");
}

function camelCase(name: string): string {
  return name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
