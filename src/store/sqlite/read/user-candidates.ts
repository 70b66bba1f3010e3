/** Finds the few users that can match a filter, by the indexes that know them; gives up where they are many. */
import { type Kysely, sql } from "kysely";
import type { UserFilter } from "../../queries.ts";
import { toPrefixEnd } from "../../search/search-key.ts";
import { neededRows, searchKeyOf } from "../../search/user-filter.ts";
import { toKindMasks } from "../rows.ts";
import type { Tables } from "../schema.ts";
import { build, type QueryRunner } from "./list-query.ts";

/** A superset of the matches, at most `limit`, in no order; `undefined`: no index narrows them down so far. */
export function findCandidates(runner: QueryRunner, filter: UserFilter, limit: number): readonly string[] | undefined {
  for (const find of [bySearch, byIdPrefix, byDue, byRestriction, byOrganization]) {
    const ids = find(runner, filter, limit + 1);
    if (ids !== undefined && ids.size <= limit) return [...ids];
  }
  return undefined;
}

/** Ids of at most `limit` users each; `undefined`: the filter does not ask for it. */
type Find = (runner: QueryRunner, filter: UserFilter, limit: number) => ReadonlySet<string> | undefined;

const bySearch: Find = (runner, filter, limit) => {
  const key = searchKeyOf(filter);
  if (key === undefined) return undefined;
  const ids = new Set<string>();
  if (key === "") return ids;
  for (const column of ["username_key", "email_key"] as const) {
    let query = whereOrganization(build, filter.organizationId).where(column, ">=", key).limit(limit);
    const end = toPrefixEnd(key);
    if (end !== null) query = query.where(column, "<", end);
    for (const { id } of runner.all(query.compile())) ids.add(id);
  }
  return ids;
};

const byIdPrefix: Find = (runner, { idPrefix, organizationId }, limit) => {
  if (idPrefix === undefined || idPrefix === "") return undefined;
  let query = whereOrganization(build, organizationId).where("id", ">=", idPrefix).limit(limit);
  const end = toPrefixEnd(idPrefix);
  if (end !== null) query = query.where("id", "<", end);
  return new Set(runner.all(query.compile()).map(({ id }) => id));
};

/** A row that is behind the clock says an earlier instant than the settled user, so it is found too. */
const byDue: Find = (runner, { dueBefore }, limit) => {
  if (dueBefore === undefined) return undefined;
  // The order is the index's, and with it the planner takes the index whatever else is known.
  const query = build.selectFrom("user_state").select("id").where("next_due", "<", dueBefore).orderBy("next_due");
  return new Set(runner.all(query.limit(limit).compile()).map(({ id }) => id));
};

const byRestriction: Find = (runner, filter, limit) => {
  const needed = neededRows(filter);
  if (needed === undefined) return undefined;
  const ids = new Set<string>();
  let users = build.selectFrom("user_state").select("id").limit(limit);
  if (filter.organizationId !== null) users = users.where("organization_id", "=", filter.organizationId);
  // `kinds > 0` repeats the condition of the partial index: without it the planner must not use it.
  const queries = toKindMasks(needed.kinds).map((mask) => users.where("kinds", ">", 0).where("kinds", "=", mask));
  // A literal, not a parameter, as in the index.
  if (needed.deleted) queries.push(users.where("state", "=", sql.lit("DELETED")));
  for (const query of queries) for (const { id } of runner.all(query.compile())) ids.add(id);
  return ids;
};

const byOrganization: Find = (runner, { organizationId }, limit) => {
  if (organizationId === null) return undefined;
  const rows = runner.all(whereOrganization(build, organizationId).limit(limit).compile());
  return new Set(rows.map(({ id }) => id));
};

function whereOrganization(from: Kysely<Tables>, organizationId: string | null) {
  const query = from.selectFrom("user_profile").select("id");
  return organizationId === null ? query : query.where("organization_id", "=", organizationId);
}
