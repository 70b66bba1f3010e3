/** Commands on attempts for tests, and a store with a user and a limit. */
import assert from "node:assert/strict";
import type {
  Attempt,
  AttemptAnswer,
  AttemptSubject,
  BeginAttempt,
  CompleteAttempt,
  RecordAttempt,
} from "../../../src/domain/attempt.ts";
import type { PolicyValues, UpdatePolicy } from "../../../src/domain/policy.ts";
import type { Store } from "../../../src/store/store.ts";
import type { ContractStore, OpenStore } from "../contract/contract.ts";
import { context, createUser, ORGANIZATION_ID } from "./commands.ts";
import { readAll, resourceOf } from "./outcomes.ts";

export const RESERVATION_MS = 30_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

let lastId = 0;

function common(subject: AttemptSubject) {
  return {
    subject,
    organizationId: ORGANIZATION_ID,
    factor: "PASSWORD",
    ip: "192.0.2.1",
    userAgent: "Browser",
    restrictionId: `lock-${++lastId}`,
    context: context(),
  } as const;
}

export function begin(
  subject: AttemptSubject,
  attemptId = `attempt-${++lastId}`,
  more: Partial<BeginAttempt> = {},
): BeginAttempt {
  return { type: "BeginAttempt", attemptId, ...common(subject), ...more };
}

export function record(subject: AttemptSubject, succeeded = false): RecordAttempt {
  return { type: "RecordAttempt", attemptId: `attempt-${++lastId}`, succeeded, ...common(subject) };
}

export function complete(attemptId: string, succeeded = false): CompleteAttempt {
  return { type: "CompleteAttempt", attemptId, succeeded, restrictionId: `lock-${++lastId}`, context: context() };
}

export function setPolicy(values: PolicyValues): UpdatePolicy {
  return { type: "UpdatePolicy", policyId: ORGANIZATION_ID, values, cleared: Object.keys(values), context: context() };
}

export const U = { userId: "u" };

/** A store with the user u and a limit. */
export async function openWith(
  open: OpenStore,
  t: Parameters<OpenStore>[0],
  limit: number,
  ...more: [Parameters<OpenStore>[1]?]
) {
  const opened = await open(t, ...more);
  resourceOf(await opened.store.execute(createUser("u")));
  resourceOf(await opened.store.execute(setPolicy({ attemptsMax: { PASSWORD: limit } })));
  return opened;
}

export async function fail(store: Store, subject: AttemptSubject, times: number): Promise<AttemptAnswer> {
  let answer: AttemptAnswer | undefined;
  for (let i = 0; i < times; i++) answer = resourceOf(await store.execute(record(subject)));
  assert.ok(answer !== undefined);
  return answer;
}

export function kept({ store }: ContractStore, organizationId: string | null = null): Promise<Attempt[]> {
  const period = { organizationId, startTime: 0, endTime: Number.MAX_SAFE_INTEGER, pageSize: 3 };
  return readAll((after) => store.listAttempts({ ...period, ...(after === undefined ? {} : { after }) }));
}

export async function eventsOf({ store }: ContractStore): Promise<string[]> {
  const { items } = await store.listUserEvents({ userId: "u", order: "oldest_first", pageSize: 100 });
  return items.map(({ event }) => event.type);
}

export async function attemptsLeft({ store }: ContractStore): Promise<number> {
  const view = await store.readSignIn({ userId: "u", factor: "PASSWORD" });
  assert.ok(view !== undefined);
  return view.policy.attemptsMax.PASSWORD - view.counter.failures.length - view.counter.outstanding.length;
}
