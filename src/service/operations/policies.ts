/** Operations on lockout policies: an organization's over the instance's over the built-in one. */
import type { Actor } from "../../auth/actor.ts";
import type { Simulation } from "../../domain/attempt-replay.ts";
import { organizationNotFound } from "../../domain/organization.ts";
import {
  combinePolicies,
  INSTANCE_POLICY_ID,
  type Policy,
  type PolicyCommand,
  type PolicyValues,
  type StoredPolicy,
} from "../../domain/policy.ts";
import { RefusalError } from "../../domain/refusal.ts";
import type { Store } from "../../store/store.ts";
import { type Caller, type ChangeTerms, contextOf, execute, listScope } from "./caller.ts";
import { type Period, periodOf } from "./period.ts";
import { PolicySimulator } from "./policy-simulator.ts";
import type { Without } from "./users.ts";

/** `stored` is absent if nothing was ever set. */
export interface PolicyView {
  readonly stored: StoredPolicy | undefined;
  readonly effective: Policy;
}

/** A change of a policy as a caller requests it. */
export type PolicyChange = Without<PolicyCommand, "context">;

/** Every method rejects with RefusalError, or with what `refusalOf` knows. */
export interface PolicyOperations {
  /** The organization named, the caller's own, or the instance. Rejects with SCOPE_EXCEEDED and ORGANIZATION_NOT_FOUND. */
  policyIdOf(actor: Actor, organizationId: string): Promise<string>;
  /** The values of an organization, or of the instance (`INSTANCE_POLICY_ID`), and the policy in force there. */
  readPolicy(policyId: string): Promise<PolicyView>;
  /** Decides a change and makes it durable. */
  changePolicy(change: PolicyChange, caller: Caller, terms?: ChangeTerms): Promise<PolicyView>;
  /** What recorded attempts would have led to if `values` had been set too. Absent ends: all that are kept. */
  simulatePolicy(
    asked: { readonly organizationId: string; readonly values: PolicyValues } & Partial<Period>,
    caller: Caller,
  ): Promise<Simulation>;
}

export function policyOperations({ store }: { readonly store: Store }): PolicyOperations {
  const simulator = new PolicySimulator(store);
  const viewOf = async (id: string, stored: StoredPolicy | undefined): Promise<PolicyView> => ({
    stored,
    effective: await effectivePolicy(store, id, stored),
  });
  return {
    async policyIdOf(actor, organizationId) {
      const id = listScope(actor, organizationId) ?? INSTANCE_POLICY_ID;
      if (id !== INSTANCE_POLICY_ID && (await store.readOrganization(id)) === undefined) {
        throw new RefusalError(organizationNotFound(id));
      }
      return id;
    },
    readPolicy: async (id) => viewOf(id, await store.readPolicy(id)),
    async changePolicy(change, caller, terms) {
      const command = { ...change, context: contextOf(caller, terms) };
      return viewOf(change.policyId, await execute<PolicyCommand>(store, command, caller));
    },
    async simulatePolicy({ organizationId, values, ...asked }, { admission: { actor }, signal }) {
      const scope = listScope(actor, organizationId);
      const now = await store.now();
      const period = periodOf(asked, { startTime: 0, endTime: now + 1 });
      return simulator.simulate({
        query: { organizationId: scope, ...period },
        policyOf: async (id) => combinePolicies(await effectivePolicy(store, id), values),
        signal,
      });
    },
  };
}

/**
 * Returns the policy in force: the organization's values over the instance's over the built-in ones. `stored`: the values set at `id` itself, if the caller
 * has read them.
 */
export async function effectivePolicy(store: Store, id: string, stored?: StoredPolicy): Promise<Policy> {
  const [instance, own] = await Promise.all([store.readPolicy(INSTANCE_POLICY_ID), stored ?? store.readPolicy(id)]);
  return id === INSTANCE_POLICY_ID ? combinePolicies(own?.values) : combinePolicies(instance?.values, own?.values);
}
