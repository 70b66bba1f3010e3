/** Conditions of lists of users, one field each, as the predicate that ListUsers makes of them. */
import type { RestrictionKind } from "../../../src/domain/restriction.ts";
import type { State } from "../../../src/domain/user.ts";
import type { UserPredicate, UserQuery } from "../../../src/store/queries.ts";

export interface UserFilter {
  readonly organizationId: string | null;
  readonly states?: readonly State[];
  readonly restrictionKinds?: readonly RestrictionKind[];
  readonly reasonCodes?: readonly string[];
  readonly idPrefix?: string;
  readonly search?: string;
  readonly dueBefore?: number;
  readonly showDeleted: boolean;
}

export function conditionsOf(filter: UserFilter): Pick<UserQuery, "organizationId" | "where" | "showDeleted"> {
  const { organizationId, showDeleted, states, restrictionKinds, reasonCodes, idPrefix, search, dueBefore } = filter;
  const of: UserPredicate[] = [];
  if (states !== undefined) of.push({ kind: "state", states });
  if (restrictionKinds !== undefined || reasonCodes !== undefined) {
    of.push({
      kind: "restriction",
      ...(restrictionKinds === undefined ? {} : { kinds: restrictionKinds }),
      ...(reasonCodes === undefined ? {} : { reasonCodes }),
      isStarted: false,
    });
  }
  if (dueBefore !== undefined) of.push({ kind: "due", before: dueBefore });
  if (idPrefix !== undefined) {
    of.push({ kind: "text", field: "id", method: "starts_with", ignoreCase: false, value: idPrefix });
  }
  if (search !== undefined) {
    const text = { kind: "text", method: "starts_with", ignoreCase: true, value: search } as const;
    of.push({
      kind: "or",
      of: [
        { ...text, field: "username" },
        { ...text, field: "email" },
      ],
    });
  }
  return { organizationId, where: { kind: "and", of }, showDeleted };
}
