/** PolicyService: how many failures lock a user, and for how long. Message → operation → message. */
import { create } from "@bufbuild/protobuf";
import * as pb from "../../../gen/lockkeeper/policy/v1/policy_service_pb.ts";
import type { ServiceHandlers } from "../call.ts";
import type { PolicyOperations } from "../operations/policies.ts";
import { toTimestamp } from "../times.ts";
import { toPolicyChange, toPolicyMessage, toPolicyValues } from "./message/policy-message.ts";
import { FACTOR_VALUES } from "./message/sign-in-message.ts";
import { termsOf, toPeriod, toSequence } from "./request.ts";

/** The handlers of lockkeeper.policy.v1.PolicyService. */
export function policyHandlers(operations: PolicyOperations): ServiceHandlers<typeof pb.PolicyService> {
  return {
    async getPolicy({ organizationId }, call) {
      const id = await operations.policyIdOf(call.admission.actor, organizationId);
      const policy = toPolicyMessage(id, await operations.readPolicy(id));
      return create(pb.GetPolicyResponseSchema, { policy });
    },

    async updatePolicy(request, call) {
      const expectedSequence = toSequence(request.expectedSequence);
      const change = toPolicyChange(request.values, request.updateMask?.paths ?? []);
      const policyId = await operations.policyIdOf(call.admission.actor, request.organizationId);
      const sequence = expectedSequence === undefined ? {} : { expectedSequence };
      const update = { type: "UpdatePolicy", policyId, ...change, ...sequence } as const;
      const view = await operations.changePolicy(update, call, termsOf(call, request));
      return create(pb.UpdatePolicyResponseSchema, { policy: toPolicyMessage(policyId, view) });
    },

    async resetPolicy(request, call) {
      const expectedSequence = toSequence(request.expectedSequence);
      const policyId = await operations.policyIdOf(call.admission.actor, request.organizationId);
      const sequence = expectedSequence === undefined ? {} : { expectedSequence };
      const reset = { type: "ResetPolicy", policyId, ...sequence } as const;
      const view = await operations.changePolicy(reset, call, termsOf(call, request));
      return create(pb.ResetPolicyResponseSchema, { policy: toPolicyMessage(policyId, view) });
    },

    async simulatePolicy(request, call) {
      const { organizationId } = request;
      const asked = { organizationId, values: toPolicyValues(request.values), ...toPeriod(request) };
      const { locks, lockCount, attemptCount, refusedCount } = await operations.simulatePolicy(asked, call);
      return create(pb.SimulatePolicyResponseSchema, {
        locks: locks.map(({ userId, factor, number, startTime, expireTime }) => ({
          userId,
          factor: FACTOR_VALUES[factor],
          number,
          startTime: toTimestamp(startTime),
          ...(expireTime === null ? {} : { expireTime: toTimestamp(expireTime) }),
        })),
        lockCount: BigInt(lockCount),
        attemptCount: BigInt(attemptCount),
        refusedCount: BigInt(refusedCount),
      });
    },
  };
}
