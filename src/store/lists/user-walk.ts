/** The orders in which users are walked: by creation, by id, and by last change. */
import { sql } from "kysely";
import type { PageKey } from "../search/page-token.ts";
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
  const comparison = sql.raw(direction === "asc" ? ">" : "<");
  return walk({
    read: (key, limit) => {
      let query = queries.build.selectFrom("user_profile").select(["creation_time", "id"]);
      if (organizationId !== null) query = query.where("organization_id", "=", organizationId);
      if (key !== undefined) {
        const [time, id] = key;
        query = query.where(sql<boolean>`(creation_time, id) ${comparison} (${time}, ${id})`);
      }
      const ordered = query.orderBy("creation_time", direction).orderBy("id", direction);
      return queries.all(ordered.limit(limit).compile());
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
      let query = queries.build.selectFrom("user_profile").select("id");
      if (organizationId !== null) query = query.where("organization_id", "=", organizationId);
      if (key !== undefined) query = query.where("id", direction === "asc" ? ">" : "<", String(key[0]));
      return queries.all(query.orderBy("id", direction).limit(limit).compile());
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
