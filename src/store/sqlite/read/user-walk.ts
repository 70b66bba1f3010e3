/** Walks along an order of users, a chunk of rows at a time, until the page's budget is spent. */
import { sql } from "kysely";
import type { UserFilter } from "../../queries.ts";
import type { PageKey } from "../../search/page-token.ts";
import { type Budget, build, type QueryRunner } from "./list-query.ts";

/** A user on the way. */
export interface Step {
  /** `undefined`: passed over, and told because the page may have to end here. */
  readonly id: string | undefined;
  readonly key: PageKey;
  /** The user counts here only if this is its last event. */
  readonly lastPosition?: number;
  /** Nothing comes after it. */
  readonly isLast: boolean;
}

/** Rows per query: more than a page of matches in the plain case, few enough to look at the clock in between. */
const CHUNK_ROWS = 250;

/** Along the index of creation dates, of the organization if the filter names one. */
export function* walkByCreation(
  runner: QueryRunner,
  { organizationId }: Pick<UserFilter, "organizationId">,
  order: "creation_asc" | "creation_desc",
  after: PageKey | undefined,
  budget: Budget,
): Generator<Step> {
  const direction = order === "creation_asc" ? "asc" : "desc";
  for (let key = after; ; ) {
    const limit = Math.min(CHUNK_ROWS, Math.max(budget.rows, 1));
    let query = build.selectFrom("user_profile").select(["creation_time", "id"]);
    if (organizationId !== null) query = query.where("organization_id", "=", organizationId);
    if (key !== undefined) {
      const [time, id] = key;
      const comparison = sql.raw(direction === "asc" ? ">" : "<");
      query = query.where(sql<boolean>`(creation_time, id) ${comparison} (${time}, ${id})`);
    }
    // One more than the chunk tells whether anything comes after it.
    const rows = runner.all(
      query
        .orderBy("creation_time", direction)
        .orderBy("id", direction)
        .limit(limit + 1)
        .compile(),
    );
    for (const [index, row] of rows.slice(0, limit).entries()) {
      key = [row.creation_time, row.id];
      budget.spendRow();
      yield { id: row.id, key, isLast: index === rows.length - 1 };
    }
    if (rows.length <= limit) return;
  }
}

/** Along the ids, of the organization if one is named. */
export function* walkById(
  runner: QueryRunner,
  { organizationId }: Pick<UserFilter, "organizationId">,
  direction: "asc" | "desc",
  after: PageKey | undefined,
  budget: Budget,
): Generator<Step> {
  for (let id = after?.[0]; ; ) {
    const limit = Math.min(CHUNK_ROWS, Math.max(budget.rows, 1));
    let query = build.selectFrom("user_profile").select("id");
    if (organizationId !== null) query = query.where("organization_id", "=", organizationId);
    if (id !== undefined) query = query.where("id", direction === "asc" ? ">" : "<", String(id));
    const rows = runner.all(
      query
        .orderBy("id", direction)
        .limit(limit + 1)
        .compile(),
    );
    for (const [index, row] of rows.slice(0, limit).entries()) {
      id = row.id;
      budget.spendRow();
      yield { id, key: [id], isLast: index === rows.length - 1 };
    }
    if (rows.length <= limit) return;
  }
}

/** Backwards along the log: an event counts when it is its user's last one. */
export function* walkByChange(
  runner: QueryRunner,
  { organizationId }: UserFilter,
  after: PageKey | undefined,
  budget: Budget,
): Generator<Step> {
  let position = Number(after?.[0] ?? Number.MAX_SAFE_INTEGER);
  for (;;) {
    const limit = Math.min(CHUNK_ROWS, Math.max(budget.rows, 1));
    const rows = runner.all(
      build
        .selectFrom("events")
        .select(["position", "user_id", "organization_id"])
        .where("position", "<", position)
        .orderBy("position", "desc")
        .limit(limit + 1)
        .compile(),
    );
    for (const [index, row] of rows.slice(0, limit).entries()) {
      position = row.position;
      budget.spendRow();
      const isLast = index === rows.length - 1;
      const isElsewhere = organizationId !== null && row.organization_id !== organizationId;
      const id = row.user_id === null || isElsewhere ? undefined : row.user_id;
      yield { id, key: [position], lastPosition: position, isLast };
    }
    if (rows.length <= limit) return;
  }
}
