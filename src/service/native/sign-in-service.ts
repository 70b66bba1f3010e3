/** SignInService: who may act now, and who may try. The rules are the domain's, in the transaction that records an attempt. */
import { create } from "@bufbuild/protobuf";
import * as pb from "../../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import { type AttemptAnswer, type AttemptSubject, attemptsLeft } from "../../domain/attempt.ts";
import { identifierNotFound, isVisible, userNotFound } from "../../domain/decide.ts";
import { RefusalError, refuse } from "../../domain/refusal.ts";
import type { Command } from "../../store/commands.ts";
import type { SignInKey } from "../../store/queries.ts";
import type { Store } from "../../store/store.ts";
import type { ServiceCall, ServiceHandlers } from "../call.ts";
import { AttemptWaiters } from "../operations/attempt-waiters.ts";
import { effectivePolicy } from "../operations/effective-policy.ts";
import { callContext, executeOptions, readScope, resourceOf, writeOrganization } from "../request.ts";
import { TickBatch } from "../tick-batch.ts";
import { attemptQueries } from "./attempt-queries.ts";
import { factorOf, toDecision } from "./message/sign-in-message.ts";
import { toTimestamp } from "./message/user-message.ts";

export interface SignInServiceOptions {
  readonly store: Store;
  readonly newId: () => string;
}

type Handlers = ServiceHandlers<typeof pb.SignInService>;
type SubjectRequest = pb.BeginAttemptRequest | pb.RecordFailureRequest | pb.RecordSuccessRequest;
type AttemptCommand = Extract<Command, { readonly restrictionId: string; readonly type: `${string}Attempt` }>;

/** The handlers of lockkeeper.signin.v1.SignInService. */
export function signInHandlers({ store, newId }: SignInServiceOptions): Handlers {
  const waiters = new AttemptWaiters();
  const reads = new TickBatch((keys: readonly SignInKey[]) => store.readSignIns(keys));

  const execute = async (command: AttemptCommand, call: ServiceCall): Promise<AttemptAnswer> =>
    resourceOf<AttemptCommand>(await store.execute(command, executeOptions(call)));

  /** What the commands on a subject share. */
  const ofSubject = async (request: SubjectRequest, call: ServiceCall) => ({
    ...(await findSubject(store, request, call)),
    factor: factorOf(request.factor),
    ip: request.client?.ip ?? "",
    userAgent: request.client?.userAgent ?? "",
    restrictionId: newId(),
    context: callContext(call, request.organizationId),
  });

  const record = async (request: SubjectRequest, call: ServiceCall, succeeded: boolean): Promise<AttemptAnswer> => {
    const common = await ofSubject(request, call);
    const answer = await execute({ type: "RecordAttempt", attemptId: newId(), succeeded, ...common }, call);
    waiters.settled(answer);
    return answer;
  };

  return {
    ...attemptQueries(store),
    async checkSignIn(request, call) {
      const factor = factorOf(request.factor);
      const view = await reads.get({ userId: request.userId, factor });
      const scope = readScope(call.admission.actor, request.organizationId);
      if (view === undefined || view.user.deleted || !isVisible({ state: view.user }, { scope })) {
        throw new RefusalError(userNotFound(request.userId));
      }
      const { user, counter, policy, now } = view;
      const decision = toDecision({ user, now, attemptsLeft: attemptsLeft(counter, policy, factor) }, store.generation);
      return create(pb.CheckSignInResponseSchema, { decision });
    },

    async beginAttempt(request, call) {
      const common = await ofSubject(request, call);
      const command = { type: "BeginAttempt", attemptId: request.attemptId, ...common } as const;
      const answer = await waiters.admit({
        key: JSON.stringify([common.subject, common.factor, common.life ?? 0]),
        attempt: (yields) => execute({ ...command, yields }, call),
        call,
      });
      return create(pb.BeginAttemptResponseSchema, {
        admitted: answer.result === "ADMITTED",
        decision: toDecision(answer, store.generation),
        userId: "userId" in common.subject ? common.subject.userId : "",
        ...(answer.endTime === undefined ? {} : { expireTime: toTimestamp(answer.endTime) }),
      });
    },

    async completeAttempt(request, call) {
      const succeeded = request.outcome === pb.AttemptOutcome.SUCCEEDED;
      const common = { attemptId: request.attemptId, succeeded, restrictionId: newId() };
      const answer = await execute({ type: "CompleteAttempt", ...common, context: callContext(call, "") }, call);
      waiters.settled(answer);
      return create(pb.CompleteAttemptResponseSchema, {
        decision: toDecision(answer, store.generation),
        locked: answer.locked,
      });
    },

    async recordFailure(request, call) {
      const answer = await record(request, call, false);
      return create(pb.RecordFailureResponseSchema, {
        decision: toDecision(answer, store.generation),
        locked: answer.locked,
      });
    },

    async recordSuccess(request, call) {
      const answer = await record(request, call, true);
      return create(pb.RecordSuccessResponseSchema, { decision: toDecision(answer, store.generation) });
    },
  };
}

interface Found {
  readonly subject: AttemptSubject;
  readonly organizationId: string;
  /** The user's life; absent for shadows. */
  readonly life?: number;
}

/**
 * The user, or the shadow of one who is unknown and is to be concealed. Known and unknown ones take the same steps: one
 * look at the user and one at the policy.
 */
async function findSubject(store: Store, request: SubjectRequest, call: ServiceCall): Promise<Found> {
  const { actor } = call.admission;
  const subject = request.subject?.subject;
  const scope = readScope(actor, request.organizationId);
  const fallback = writeOrganization(actor, request.organizationId);
  const typed = subject?.case === "identifier" ? subject.value : undefined;
  const userId = typed === undefined ? (subject?.value ?? "") : await identify(store, fallback, typed);
  const [view] = await store.readSignIns([{ userId, factor: factorOf(request.factor) }]);
  const isThere = view !== undefined && !view.user.deleted && isVisible({ state: view.user }, { scope });
  const organizationId = isThere ? view.user.organizationId : fallback;
  const { concealUnknown } = await effectivePolicy(store, organizationId);
  if (isThere) return { subject: { userId }, organizationId, life: view.counter.life };
  if (!concealUnknown) throw new RefusalError(typed === undefined ? userNotFound(userId) : identifierNotFound());
  const shadow = await store.shadowOf(organizationId, typed === undefined ? { userId } : { identifier: typed });
  return { subject: { shadow }, organizationId };
}

/** Empty: nobody has it. Throws IDENTIFIER_AMBIGUOUS. */
async function identify(store: Store, organizationId: string, identifier: string): Promise<string> {
  const [userId = "", ...others] = await store.findByIdentifier(organizationId, identifier);
  if (others.length === 0) return userId;
  throw new RefusalError(
    refuse("IDENTIFIER_AMBIGUOUS", "several users have this username or email address; name the user by user_id"),
  );
}
