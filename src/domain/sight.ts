/** What exists for whom: the one rule for things that never were, are deleted, or are out of sight. */

/** Returns whether what an organization owns lies within a scope, which is an organization or, with `null`, the instance. */
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

/** Returns whether a user exists for a reader: the one rule for users that never were, are deleted, or are out of sight. */
export function existsFor<U extends OwnedUser>(user: U | undefined, { scope, showDeleted = false }: Sight): user is U {
  if (user === undefined || (user.deleted && !showDeleted)) return false;
  return isInScope(user.organizationId, scope);
}
