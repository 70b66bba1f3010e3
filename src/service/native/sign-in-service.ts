/** SignInService: who may act now, who may try, and what was tried. Message → operation → message. */
import { create } from "@bufbuild/protobuf";
import * as pb from "../../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import type { AttemptOutcome } from "../../domain/attempt.ts";
import { type AddressRange, parseNetwork } from "../../domain/network.ts";
import { invalidField, shown } from "../../domain/refusal.ts";
import type { ServiceHandlers } from "../call.ts";
import { mapInTurns } from "../in-turns.ts";
import { listScope, pageOf, readScope } from "../operations/caller.ts";
import type { AttemptOf, SignInOperations } from "../operations/sign-ins.ts";
import { refuseUnknownUser } from "../operations/users.ts";
import { toTimestamp } from "../times.ts";
import { factorOf, OUTCOME_VALUES, toAttemptMessage, toDecision } from "./message/sign-in-message.ts";
import { toPeriod } from "./request.ts";

type Handlers = ServiceHandlers<typeof pb.SignInService>;

/** The handlers of lockkeeper.signin.v1.SignInService. */
export function signInHandlers(operations: SignInOperations): Handlers {
  const { generation } = operations;
  return {
    ...attemptHandlers(operations),

    async checkSignIn({ userId, organizationId, factor }, call) {
      const scope = readScope(call.admission.actor, organizationId);
      const decision = await operations.checkSignIn({ userId, factor: factorOf(factor) }, scope);
      if (decision === undefined) refuseUnknownUser(userId);
      return create(pb.CheckSignInResponseSchema, { decision: toDecision(decision, generation) });
    },

    async listAttempts(request, call) {
      const query = {
        organizationId: listScope(call.admission.actor, request.organizationId),
        ...toPeriod(request),
        ...(request.userId === undefined ? {} : { userId: request.userId }),
        ...(request.network === undefined ? {} : { network: toAddressRange(request.network) }),
        ...(request.outcomes.length === 0 ? {} : { outcomes: toOutcomes(request.outcomes) }),
        newestFirst: true,
        ...pageOf(request),
      };
      const page = await operations.listAttempts(query, { signal: call.signal });
      return create(pb.ListAttemptsResponseSchema, {
        attempts: await mapInTurns(page.items, call, toAttemptMessage),
        nextPageToken: page.next ?? "",
      });
    },
  };
}

type Attempts = Pick<Handlers, "beginAttempt" | "completeAttempt" | "recordFailure" | "recordSuccess">;

function attemptHandlers(operations: SignInOperations): Attempts {
  const { generation } = operations;
  return {
    async beginAttempt(request, call) {
      const { answer, userId = "" } = await operations.beginAttempt(
        { attemptId: request.attemptId, ...attemptOf(request) },
        call,
      );
      return create(pb.BeginAttemptResponseSchema, {
        admitted: answer.result === "ADMITTED",
        decision: toDecision(answer, generation),
        userId,
        ...(answer.endTime === undefined ? {} : { expireTime: toTimestamp(answer.endTime) }),
      });
    },

    async completeAttempt({ attemptId, outcome }, call) {
      const succeeded = outcome === pb.AttemptOutcome.SUCCEEDED;
      const answer = await operations.completeAttempt({ attemptId, succeeded }, call);
      const decision = toDecision(answer, generation);
      return create(pb.CompleteAttemptResponseSchema, { decision, locked: answer.locked });
    },

    async recordFailure(request, call) {
      const answer = await operations.recordAttempt({ succeeded: false, ...attemptOf(request) }, call);
      const decision = toDecision(answer, generation);
      return create(pb.RecordFailureResponseSchema, { decision, locked: answer.locked });
    },

    async recordSuccess(request, call) {
      const answer = await operations.recordAttempt({ succeeded: true, ...attemptOf(request) }, call);
      return create(pb.RecordSuccessResponseSchema, { decision: toDecision(answer, generation) });
    },
  };
}

function attemptOf(request: pb.BeginAttemptRequest | pb.RecordFailureRequest | pb.RecordSuccessRequest): AttemptOf {
  const { case: kind, value = "" } = request.subject?.subject ?? {};
  return {
    subject: kind === "identifier" ? { identifier: value } : { userId: value },
    organizationId: request.organizationId,
    factor: factorOf(request.factor),
    ip: request.client?.ip ?? "",
    userAgent: request.client?.userAgent ?? "",
  };
}

function toAddressRange(network: string): AddressRange {
  const range = parseNetwork(network);
  if (range !== undefined) return range;
  throw invalidField(
    "network",
    `${shown(network)} is not a network; it must be like 203.0.113.0/24, 2001:db8::/48 or a single address`,
  );
}

function toOutcomes(values: readonly pb.AttemptOutcome[]): readonly AttemptOutcome[] {
  const names = Object.keys(OUTCOME_VALUES) as AttemptOutcome[];
  return names.filter((name) => values.includes(OUTCOME_VALUES[name]));
}
