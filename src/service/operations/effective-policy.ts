/** The policy in force: what an organization sets, over what the instance sets, over what is built in. */
import { combinePolicies, INSTANCE_POLICY_ID, type Policy, type StoredPolicy } from "../../domain/policy.ts";
import type { Store } from "../../store/store.ts";

/** `stored`: what is set at `id` itself, where the caller has read it. */
export async function effectivePolicy(store: Store, id: string, stored?: StoredPolicy): Promise<Policy> {
  const [instance, own] = await Promise.all([store.readPolicy(INSTANCE_POLICY_ID), stored ?? store.readPolicy(id)]);
  return id === INSTANCE_POLICY_ID ? combinePolicies(own?.values) : combinePolicies(instance?.values, own?.values);
}
