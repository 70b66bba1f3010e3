/** Which users a list shows: decided on settled users, since the stored state may be behind the clock. */
import { RESTRICTION_KINDS, type RestrictionKind } from "../../domain/restriction.ts";
import { nextDue, type State, stateOf, type UserState } from "../../domain/user.ts";
import type { UserFilter } from "../queries.ts";
import { toSearchKey } from "./search-key.ts";

/** Everything that the narrow part of a user decides; the search is decided by the person's keys. */
export function matchesState(user: UserState, filter: UserFilter): boolean {
  const { organizationId, states, restrictionKinds, reasonCodes, idPrefix, dueBefore, showDeleted } = filter;
  if (organizationId !== null && user.organizationId !== organizationId) return false;
  if (user.deleted && !showDeleted) return false;
  if (isGiven(states) && !states.includes(stateOf(user))) return false;
  if (idPrefix !== undefined && !user.id.startsWith(idPrefix)) return false;
  if (dueBefore !== undefined && (nextDue(user) ?? Infinity) >= dueBefore) return false;
  if (!isGiven(restrictionKinds) && !isGiven(reasonCodes)) return true;
  // Kind and reason code are asked of one and the same restriction, holding or scheduled.
  return user.restrictions.some(
    ({ kind, reasonCode }) =>
      (!isGiven(restrictionKinds) || restrictionKinds.includes(kind)) &&
      (!isGiven(reasonCodes) || reasonCodes.includes(reasonCode)),
  );
}

export function matchesSearch(
  keys: { readonly username_key: string | null; readonly email_key: string | null },
  searchKey: string,
): boolean {
  if (searchKey === "") return false;
  return keys.username_key?.startsWith(searchKey) === true || keys.email_key?.startsWith(searchKey) === true;
}

/** The normalised search; `undefined`: none is asked for. A blank one finds nobody. */
export function searchKeyOf({ search }: UserFilter): string | undefined {
  return search === undefined ? undefined : toSearchKey(search);
}

const KIND_OF_STATE: Readonly<Partial<Record<State, RestrictionKind>>> = {
  BANNED: "BAN",
  INACTIVE: "DEACTIVATION",
  LOCKED: "LOCK",
};

/** Where every match is found: among the users that have one of these kinds, and among the deleted ones if `deleted`. */
export interface NeededRows {
  readonly kinds: readonly RestrictionKind[];
  readonly deleted: boolean;
}

/**
 * Returns `undefined` when users without a restriction may match too. Starts and expiries that are due but not written
 * yet only take kinds away or let them hold, so the index, which knows scheduled ones as well, misses nobody.
 */
export function neededRows({ states, restrictionKinds, reasonCodes }: UserFilter): NeededRows | undefined {
  if (isGiven(restrictionKinds)) return { kinds: restrictionKinds, deleted: false };
  if (isGiven(states) && !states.includes("ACTIVE")) {
    const kinds = states.map((state) => KIND_OF_STATE[state]).filter((kind) => kind !== undefined);
    return { kinds, deleted: states.includes("DELETED") };
  }
  return isGiven(reasonCodes) ? { kinds: RESTRICTION_KINDS, deleted: false } : undefined;
}

function isGiven<T>(list: readonly T[] | undefined): list is readonly T[] {
  return list !== undefined && list.length > 0;
}
