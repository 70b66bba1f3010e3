/** Operations on organizations, the owners of users. */

import { type Organization, type OrganizationCommand, organizationNotFound } from "../../domain/organization.ts";
import { RefusalError } from "../../domain/refusal.ts";
import { isInScope } from "../../domain/sight.ts";
import { PageTokenError } from "../../store/errors.ts";
import type { Page } from "../../store/queries.ts";
import type { Store } from "../../store/store.ts";
import { assertInstance, type Caller, type ChangeTerms, contextOf, execute } from "./caller.ts";
import { assertId, type Without } from "./users.ts";

/** A change of an organization as a caller requests it. CreateOrganization: an empty id means a new one. */
export type OrganizationChange = Without<OrganizationCommand, "context">;

/** Every method rejects with RefusalError, or with what `refusalOf` knows. */
export interface OrganizationOperations {
  /** Decides a change and makes it durable. */
  changeOrganization(change: OrganizationChange, caller: Caller, terms?: ChangeTerms): Promise<Organization>;
  /** `undefined`: the organization does not exist within the scope. */
  readOrganization(organizationId: string, scope: string | null): Promise<Organization | undefined>;
  /** By id. A caller of one organization sees that one. */
  listOrganizations(
    query: { readonly pageSize: number; readonly after?: string },
    caller: Caller,
  ): Promise<Page<Organization>>;
}

interface Parts {
  readonly store: Store;
  readonly newId: () => string;
}

export function organizationOperations({ store, newId }: Parts): OrganizationOperations {
  const read = async (organizationId: string, scope: string | null): Promise<Organization | undefined> =>
    isInScope(organizationId, scope) ? store.readOrganization(organizationId) : undefined;
  return {
    async changeOrganization(asked, caller, terms) {
      let change = asked;
      if (asked.type === "CreateOrganization") {
        assertInstance(caller.admission.actor, "creating organizations needs a credential of the whole instance");
        const organizationId = asked.organizationId === "" ? newId() : asked.organizationId;
        assertId("organization_id", organizationId);
        change = { ...asked, organizationId };
      }
      return execute<OrganizationCommand>(store, { ...change, context: contextOf(caller, terms) }, caller);
    },
    readOrganization: read,
    async listOrganizations(query, { admission: { actor } }) {
      if (actor.scope === null) return store.listOrganizations(query);
      // One organization is one page, so no token was ever made.
      if (query.after !== undefined) throw new PageTokenError("organizations: the token is of no page");
      const own = await read(actor.scope, actor.scope);
      return { items: own === undefined ? [] : [own] };
    },
  };
}

/** Throws ORGANIZATION_NOT_FOUND. */
export function refuseUnknownOrganization(organizationId: string): never {
  throw new RefusalError(organizationNotFound(organizationId));
}
