/** Recorded attempts, the oldest first, within the budget of one page. */
import { sql } from "kysely";
import type { Attempt } from "../../domain/attempt.ts";
import type { AttemptQuery, Page } from "../store.ts";
import { toAttempt } from "./attempt-rows.ts";
import type { Limits } from "./limits.ts";
import { Budget, build, type QueryRunner } from "./list-query.ts";
import { type PageKey, parsePageToken, toPageToken } from "./page-token.ts";

const CHUNK_ROWS = 500;

export function listAttempts(runner: QueryRunner, query: AttemptQuery, limits: Limits): Page<Attempt> {
  const asked = {
    generation: runner.generation,
    asked: ["attempts", query.organizationId, query.startTime, query.endTime],
  };
  const after = parsePageToken(query.after, asked, ["number", "string"]);
  const budget = new Budget(limits);
  const items: Attempt[] = [];
  for (let key = after; ; ) {
    const rows = chunk(runner, query, key);
    for (const row of rows.slice(0, CHUNK_ROWS)) {
      key = [row.begin_time, row.id];
      budget.spendRow();
      if (query.organizationId === null || row.organization_id === query.organizationId) items.push(toAttempt(row));
      if (items.length >= query.pageSize || budget.isSpent) return { items, next: toPageToken(asked, key) };
    }
    if (rows.length <= CHUNK_ROWS) return { items };
  }
}

function chunk(runner: QueryRunner, { startTime, endTime }: AttemptQuery, after: PageKey | undefined) {
  let select = build.selectFrom("attempts").selectAll().where("begin_time", ">=", startTime);
  select = select.where("begin_time", "<", endTime);
  if (after !== undefined) {
    const [time, id] = after;
    select = select.where(sql<boolean>`(begin_time, id) > (${time}, ${id})`);
  }
  const ordered = select.orderBy("begin_time").orderBy("id");
  return runner.all(ordered.limit(CHUNK_ROWS + 1).compile());
}
