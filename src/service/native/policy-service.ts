/** PolicyService: how many failures lock a user, and for how long; per organization over the instance's. */
import { create } from "@bufbuild/protobuf";
import * as pb from "../../../gen/lockkeeper/policy/v1/policy_service_pb.ts";
import type { Actor } from "../../auth/actor.ts";
import { ATTEMPT_KEPT_MS } from "../../domain/attempt.ts";
import { organizationNotFound } from "../../domain/organization.ts";
import { combinePolicies, INSTANCE_POLICY_ID, type PolicyCommand } from "../../domain/policy.ts";
import { RefusalError } from "../../domain/refusal.ts";
import type { Store } from "../../store/store.ts";
import type { ServiceCall, ServiceHandlers } from "../call.ts";
import { effectivePolicy } from "../operations/effective-policy.ts";
import {
  assertWithinScope,
  commandContext,
  executeOptions,
  readScope,
  resourceOf,
  toPeriod,
  toSequence,
} from "../request.ts";
import { toPolicyChange, toPolicyMessage, toPolicyValues } from "./message/policy-message.ts";
import { FACTOR_VALUES } from "./message/sign-in-message.ts";
import { toTimestamp } from "./message/user-message.ts";
import { simulatePolicy } from "./simulate-policy.ts";

/** The handlers of lockkeeper.policy.v1.PolicyService. */
export function policyHandlers({ store }: { readonly store: Store }): ServiceHandlers<typeof pb.PolicyService> {
  const change = async (call: ServiceCall, command: PolicyCommand): Promise<pb.Policy> => {
    const stored = resourceOf<PolicyCommand>(await store.execute(command, executeOptions(call)));
    return toPolicyMessage(stored.id, stored, await effectivePolicy(store, stored.id, stored));
  };

  return {
    async getPolicy(request, call) {
      const id = await policyIdOf(store, call.admission.actor, request.organizationId);
      const stored = await store.readPolicy(id);
      const policy = toPolicyMessage(id, stored, await effectivePolicy(store, id, stored));
      return create(pb.GetPolicyResponseSchema, { policy });
    },

    async updatePolicy(request, call) {
      const { actor } = call.admission;
      const expectedSequence = toSequence(request.expectedSequence);
      const policy = await change(call, {
        type: "UpdatePolicy",
        policyId: await policyIdOf(store, actor, request.organizationId),
        ...toPolicyChange(request.values, request.updateMask?.paths ?? []),
        ...(expectedSequence === undefined ? {} : { expectedSequence }),
        context: commandContext(call, request, ""),
      });
      return create(pb.UpdatePolicyResponseSchema, { policy });
    },

    async resetPolicy(request, call) {
      const policyId = await policyIdOf(store, call.admission.actor, request.organizationId);
      const policy = await change(call, { type: "ResetPolicy", policyId, context: commandContext(call, request, "") });
      return create(pb.ResetPolicyResponseSchema, { policy });
    },

    async simulatePolicy(request, call) {
      const { actor } = call.admission;
      assertWithinScope(actor, request.organizationId);
      const now = await store.now();
      const period = toPeriod(request, { startTime: now - ATTEMPT_KEPT_MS, endTime: now + 1 });
      const values = toPolicyValues(request.values);
      const { locks, ...counts } = await simulatePolicy({
        store,
        query: { organizationId: readScope(actor, request.organizationId), ...period },
        policyOf: async (organizationId) => combinePolicies(await effectivePolicy(store, organizationId), values),
        signal: call.signal,
      });
      return create(pb.SimulatePolicyResponseSchema, {
        locks: locks.map(({ userId, factor, number, startTime: from, expireTime }) => ({
          userId,
          factor: FACTOR_VALUES[factor],
          number,
          startTime: toTimestamp(from),
          ...(expireTime === null ? {} : { expireTime: toTimestamp(expireTime) }),
        })),
        lockCount: BigInt(counts.lockCount),
        attemptCount: BigInt(counts.attemptCount),
        refusedCount: BigInt(counts.refusedCount),
      });
    },
  };
}

/** The organization named, the caller's own, or the instance. Throws SCOPE_EXCEEDED and ORGANIZATION_NOT_FOUND. */
async function policyIdOf(store: Store, actor: Actor, organizationId: string): Promise<string> {
  assertWithinScope(actor, organizationId);
  const id = organizationId === "" ? (actor.scope ?? INSTANCE_POLICY_ID) : organizationId;
  if (id !== INSTANCE_POLICY_ID && (await store.readOrganization(id)) === undefined) {
    throw new RefusalError(organizationNotFound(id));
  }
  return id;
}
