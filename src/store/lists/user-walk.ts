/** The orders in which users are walked: by creation, by id, and by last change. */
import type { PageKey } from "../search/page-token.ts";
import { alongIndex, only } from "./index-walk.ts";
import type { ListQueries } from "./list-queries.ts";
import { type Budget, walk } from "./page-walk.ts";

/** Where a walk of users begins and what it may read. */
export interface UserWalk {
  /** Only this organization; `null`: all. */
  readonly organizationId: string | null;
  readonly direction: "asc" | "desc";
  readonly after: PageKey | undefined;
  readonly budget: Budget;
  /** Rows per query; absent: as `walk` has them. */
  readonly chunkRows?: number | undefined;
}

/** Walks the index of creation dates, of the organization if one is given. */
export function walkByCreation(
  queries: ListQueries,
  { organizationId, direction, after, budget, chunkRows }: UserWalk,
) {
  return walk({
    read: (key, limit) => {
      const { where, order } = alongIndex(queries, {
        only: only("organization_id", organizationId),
        columns: ["creation_time", "id"],
        direction,
        after: key,
      });
      const select = queries.build.selectFrom("user_profile").select(["creation_time", "id"]);
      return queries.all(select.where(where).orderBy(order).limit(limit).compile());
    },
    keyOf: (row) => [row.creation_time, row.id],
    after,
    budget,
    chunkRows,
  });
}

/** Walks the ids, of the organization if one is given. */
export function walkById(queries: ListQueries, { organizationId, direction, after, budget, chunkRows }: UserWalk) {
  return walk({
    read: (key, limit) => {
      const { where, order } = alongIndex(queries, {
        only: only("organization_id", organizationId),
        columns: ["id"],
        direction,
        after: key,
      });
      const select = queries.build.selectFrom("user_profile").select("id");
      return queries.all(select.where(where).orderBy(order).limit(limit).compile());
    },
    keyOf: (row) => [row.id],
    after,
    budget,
    chunkRows,
  });
}

/**
 * Walks backwards along the log, past the events of all organizations. An event counts if it is its user's last one.
 */
export function walkByChange(queries: ListQueries, { after, budget }: Pick<UserWalk, "after" | "budget">) {
  return walk({
    read: (key, limit) =>
      queries.all(
        queries.build
          .selectFrom("events")
          .select(["position", "user_id", "organization_id"])
          .where("position", "<", Number(key?.[0] ?? Number.MAX_SAFE_INTEGER))
          .orderBy("position", "desc")
          .limit(limit)
          .compile(),
      ),
    keyOf: (row) => [row.position],
    after,
    budget,
  });
}
