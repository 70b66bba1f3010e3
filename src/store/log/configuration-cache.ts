/** Policies and organizations by id, kept until the log says that they have changed: nearly every read needs them. */
import type { Organization } from "../../domain/organization.ts";
import { combinePolicies, INSTANCE_POLICY_ID, type Policy, type StoredPolicy } from "../../domain/policy.ts";
import type { RecordedEvent } from "../queries.ts";
import type { Follower } from "../store.ts";

/** Entries of each kind; beyond, all are read again. */
const ENTRIES_MAX = 10_000;

export interface ConfigurationSource {
  /** Reads the stored values of a policy; `undefined`: it was never set. */
  readonly policy: (id: string) => StoredPolicy | undefined;
  readonly organization: (id: string) => Organization | undefined;
}

/** Reads of the configuration that cost a look-up in memory. The source reads within the same turn. */
export class ConfigurationCache implements Follower {
  readonly #source: ConfigurationSource;
  readonly #policies = new Map<string, StoredPolicy | undefined>();
  /** The policies in force, by organization. */
  readonly #effective = new Map<string, Policy>();
  readonly #organizations = new Map<string, Organization>();

  constructor(source: ConfigurationSource) {
    this.#source = source;
  }

  policy(id: string): StoredPolicy | undefined {
    if (this.#policies.has(id)) return this.#policies.get(id);
    const policy = this.#source.policy(id);
    keep(this.#policies, id, policy);
    return policy;
  }

  /** Returns the policy in force in an organization. */
  policyOf(organizationId: string): Policy {
    const known = this.#effective.get(organizationId);
    if (known !== undefined) return known;
    const policy = combinePolicies(this.policy(INSTANCE_POLICY_ID)?.values, this.policy(organizationId)?.values);
    keep(this.#effective, organizationId, policy);
    return policy;
  }

  /** Ids that do not exist are looked up each time: callers may send any number of them. */
  organization(id: string): Organization | undefined {
    const known = this.#organizations.get(id);
    if (known !== undefined) return known;
    const organization = this.#source.organization(id);
    if (organization !== undefined) keep(this.#organizations, id, organization);
    return organization;
  }

  apply(events: readonly RecordedEvent[]): void {
    for (const { event, organizationId } of events) {
      if (event.type === "PolicyUpdated" || event.type === "PolicyReset") {
        this.#policies.delete(organizationId ?? INSTANCE_POLICY_ID);
        if (organizationId === null) this.#effective.clear();
        else this.#effective.delete(organizationId);
      } else if (organizationId !== null) {
        this.#organizations.delete(organizationId);
      }
    }
  }

  reload(): void {
    for (const entries of [this.#policies, this.#effective, this.#organizations]) entries.clear();
  }
}

function keep<T>(entries: Map<string, T>, id: string, value: T): void {
  if (entries.size >= ENTRIES_MAX) entries.clear();
  entries.set(id, value);
}
