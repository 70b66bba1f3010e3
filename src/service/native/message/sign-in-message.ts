/** Converts sign-in decisions and recorded attempts to messages, and factors back. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Factor as FactorValue } from "../../../../gen/lockkeeper/resource/v1/factor_pb.ts";
import {
  type Attempt as AttemptMessage,
  AttemptSchema,
  AttemptOutcome as OutcomeValue,
  type SignInDecision,
  SignInDecisionSchema,
} from "../../../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import type { Attempt, AttemptOutcome } from "../../../domain/attempt.ts";
import { revocationEpochOf } from "../../../domain/instance.ts";
import type { Factor } from "../../../domain/policy.ts";
import type { Restriction } from "../../../domain/restriction.ts";
import { decidingRestriction, type State, stateOf } from "../../../domain/user.ts";
import type { SignInDecision as Decision } from "../../operations/sign-ins.ts";
import { toTimestamp } from "../../times.ts";
import { toRestrictionMessage, toStateValue } from "./user-message.ts";

export const FACTOR_VALUES: Readonly<Record<Factor, FactorValue>> = {
  PASSWORD: FactorValue.PASSWORD,
  OTP: FactorValue.OTP,
  PASSKEY: FactorValue.PASSKEY,
  BACKUP_CODE: FactorValue.BACKUP_CODE,
  RECOVERY: FactorValue.RECOVERY,
};

export const OUTCOME_VALUES: Readonly<Record<AttemptOutcome, OutcomeValue>> = {
  OUTSTANDING: OutcomeValue.OUTSTANDING,
  SUCCEEDED: OutcomeValue.SUCCEEDED,
  FAILED: OutcomeValue.FAILED,
  EXPIRED: OutcomeValue.EXPIRED,
  DENIED: OutcomeValue.DENIED,
};

export function toAttemptMessage(attempt: Attempt): AttemptMessage {
  const { subject, ip, userAgent, settleTime } = attempt;
  return create(AttemptSchema, {
    attemptId: attempt.id,
    userId: "userId" in subject ? subject.userId : "",
    organizationId: attempt.organizationId,
    factor: FACTOR_VALUES[attempt.factor],
    beginTime: toTimestamp(attempt.beginTime),
    expireTime: toTimestamp(attempt.endTime),
    outcome: OUTCOME_VALUES[attempt.outcome],
    ...(settleTime === null ? {} : { settleTime: toTimestamp(settleTime) }),
    client: { ip, userAgent },
    createdBy: attempt.createdBy,
  });
}

/** Returns the factor. Unspecified means a password, because most sign-ins begin with one. */
export function factorOf(value: FactorValue): Factor {
  for (const [factor, each] of Object.entries(FACTOR_VALUES)) if (each === value) return factor as Factor;
  return "PASSWORD";
}

/** Returns whether the user may act. Whether a factor may be tried is another question, which `admitted` answers. */
export function toDecision({ user, attemptsLeft, now }: Decision, generation: number): SignInDecision {
  const state = stateOf(user);
  const allowed = state === "ACTIVE";
  const restriction = decidingRestriction(user);
  const init: MessageInitShape<typeof SignInDecisionSchema> = {
    allowed,
    state: toStateValue(state),
    text: allowed ? "" : textOf(state, restriction, now),
    reasonCode: restriction?.reasonCode ?? "",
    serverTime: toTimestamp(now),
    revocationEpoch: revocationEpochOf(generation, user.epoch),
  };
  if (restriction !== undefined) init.restriction = toRestrictionMessage(restriction);
  if (restriction?.expireTime != null) init.untilTime = toTimestamp(restriction.expireTime);
  if (attemptsLeft !== undefined) init.attemptsLeft = attemptsLeft;
  return create(SignInDecisionSchema, init);
}

/** Returns what the person can do, without reasons: notes and reason codes are for operators. */
function textOf(state: State, restriction: Restriction | undefined, now: number): string {
  const until = restriction?.expireTime ?? null;
  const wait = until === null ? "Please contact support." : `You can try again in ${inWords(until - now)}.`;
  switch (state) {
    case "LOCKED":
      return `Your account is locked. ${wait}`;
    case "BANNED":
      return `Your account is banned. ${until === null ? "Please contact support." : `The ban ends in ${inWords(until - now)}.`}`;
    default:
      return "Your account is not active. Please contact support.";
  }
}

const UNITS: readonly (readonly [ms: number, name: string])[] = [
  [86_400_000, "day"],
  [3_600_000, "hour"],
  [60_000, "minute"],
  [1_000, "second"],
];

/** Returns a duration in words, rounded up, so that nobody comes back too early. */
function inWords(ms: number): string {
  const [unitMs, name] = UNITS.find(([each]) => ms >= each) ?? [1_000, "second"];
  const count = Math.max(1, Math.ceil(ms / unitMs));
  return `${count} ${name}${count === 1 ? "" : "s"}`;
}
