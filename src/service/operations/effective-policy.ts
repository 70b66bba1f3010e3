/** The policy in force: the organization's values over the instance's over the built-in ones. */
import { combinePolicies, INSTANCE_POLICY_ID, type Policy, type StoredPolicy } from "../../domain/policy.ts";
import type { Store } from "../../store/store.ts";

/** Returns the policy in force. `stored`: the values set at `id` itself, if the caller has read them. */
export async function effectivePolicy(store: Store, id: string, stored?: StoredPolicy): Promise<Policy> {
  const [instance, own] = await Promise.all([store.readPolicy(INSTANCE_POLICY_ID), stored ?? store.readPolicy(id)]);
  return id === INSTANCE_POLICY_ID ? combinePolicies(own?.values) : combinePolicies(instance?.values, own?.values);
}
