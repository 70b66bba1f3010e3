/** What exists for a reader: one rule for what never existed, is deleted, or belongs to another organization. */

/** Returns whether an organization's resource lies in a scope: an organization or, with `null`, the instance. */
export function isInScope(organizationId: string | null, scope: string | null): boolean {
  return scope === null || scope === organizationId;
}

interface OwnedUser {
  readonly organizationId: string;
  readonly deleted: boolean;
}

/** What a reader may see: `scope` is an organization or, with `null`, the whole instance. */
export interface Sight {
  readonly scope: string | null;
  /** Deleted users exist too. */
  readonly showDeleted?: boolean;
}

/** Returns whether a user exists for a reader. */
export function existsFor<U extends OwnedUser>(user: U | undefined, { scope, showDeleted = false }: Sight): user is U {
  if (user === undefined || (user.deleted && !showDeleted)) return false;
  return isInScope(user.organizationId, scope);
}
