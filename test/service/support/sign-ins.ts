/** A service with the user ann, a clock that stands still, and short words for attempts to sign in. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { TestContext } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { PolicyValues, PolicyValuesSchema } from "../../../gen/lockkeeper/policy/v1/policy_service_pb.ts";
import { Factor } from "../../../gen/lockkeeper/resource/v1/factor_pb.ts";
import {
  AttemptOutcome,
  type BeginAttemptResponse,
  type CompleteAttemptResponse,
  type RecordFailureResponse,
  type SignInDecision,
} from "../../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import type { Config } from "../../../src/config.ts";
import { type Running, startService, TestClock } from "../../support/service.ts";

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

export interface Gate extends Running {
  readonly clock: TestClock;
}

/** Ann is there; `policy`: what the instance sets. */
export async function startGate(
  t: TestContext,
  policy?: MessageInitShape<typeof PolicyValuesSchema>,
  more: { readonly path?: string; readonly config?: Partial<Config> } = {},
): Promise<Gate> {
  const clock = new TestClock();
  const running = await startService(t, { clock: () => clock.now, ...more });
  await running.users.createUser({ userId: "ann" });
  if (policy !== undefined) await setPolicy(running, policy);
  return { ...running, clock };
}

/** Sets what is named, and nothing else. */
export async function setPolicy(
  { policies }: Pick<Running, "policies">,
  values: MessageInitShape<typeof PolicyValuesSchema>,
  organizationId = "",
): Promise<PolicyValues | undefined> {
  const paths = Object.keys(values).filter((name) => name !== "$typeName");
  const { policy } = await policies.updatePolicy({ organizationId, values, updateMask: { paths } });
  return policy?.effective;
}

/** The limit of one factor. */
export function limit(attemptsMax: number, factor: Factor = Factor.PASSWORD) {
  return [{ factor, attemptsMax }];
}

export interface Who {
  readonly userId?: string;
  readonly identifier?: string;
  readonly factor?: Factor;
  readonly organizationId?: string;
}

/** The subject, the factor and the organization of a request. */
export function of({ userId = "ann", identifier, factor = Factor.PASSWORD, organizationId = "" }: Who = {}) {
  const subject =
    identifier === undefined
      ? ({ case: "userId", value: userId } as const)
      : ({ case: "identifier", value: identifier } as const);
  return { subject: { subject }, factor, organizationId };
}

type SignIns = Pick<Running, "signIns">;

export function begin(
  { signIns }: SignIns,
  who: Who & { readonly id?: string; readonly timeoutMs?: number } = {},
): Promise<BeginAttemptResponse & { readonly attemptId: string }> {
  const attemptId = who.id ?? randomUUID();
  const options = who.timeoutMs === undefined ? {} : { timeoutMs: who.timeoutMs };
  return signIns.beginAttempt({ attemptId, ...of(who) }, options).then((answer) => ({ ...answer, attemptId }));
}

export function complete(
  { signIns }: SignIns,
  attemptId: string,
  succeeded: boolean,
): Promise<CompleteAttemptResponse> {
  const outcome = succeeded ? AttemptOutcome.SUCCEEDED : AttemptOutcome.FAILED;
  return signIns.completeAttempt({ attemptId, outcome });
}

/** One attempt from its beginning to its end; it must be admitted. */
export async function attempt(signIns: SignIns, succeeded: boolean, who: Who = {}): Promise<CompleteAttemptResponse> {
  const { admitted, attemptId } = await begin(signIns, who);
  assert.equal(admitted, true, "the attempt is not admitted");
  return complete(signIns, attemptId, succeeded);
}

/** Failures one after another; answers the last. */
export async function fail(signIns: SignIns, count: number, who: Who = {}): Promise<CompleteAttemptResponse> {
  assert.ok(count > 0);
  let last: CompleteAttemptResponse | undefined;
  for (let i = 0; i < count; i++) last = await attempt(signIns, false, who);
  assert.ok(last !== undefined);
  return last;
}

export function record(
  { signIns }: SignIns,
  succeeded: boolean,
  who: Who = {},
): Promise<Pick<RecordFailureResponse, "decision"> & { readonly locked?: boolean | undefined }> {
  return succeeded ? signIns.recordSuccess(of(who)) : signIns.recordFailure(of(who));
}

export async function check(
  { signIns }: SignIns,
  userId = "ann",
  factor: Factor = Factor.PASSWORD,
): Promise<SignInDecision> {
  const { decision } = await signIns.checkSignIn({ userId, factor });
  assert.ok(decision !== undefined);
  return decision;
}

/** `undefined`: there is none. */
export function toMs(time: Timestamp | undefined): number | undefined {
  return time === undefined ? undefined : Number(time.seconds) * 1000 + time.nanos / 1e6;
}

/** Types of a user's events, the oldest first. */
export async function historyOf({ users }: Pick<Running, "users">, userId = "ann"): Promise<readonly string[]> {
  const { events } = await users.listUserEvents({ userId });
  return events.map(({ payload }) => payload.case ?? "").reverse();
}
