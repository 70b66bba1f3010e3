/** Recorded attempts in the order of their beginnings, along an index, within the budget of one page. */
import { sql } from "kysely";
import { type Attempt, outcomeAt } from "../../domain/attempt.ts";
import type { Json } from "../../domain/canonical-json.ts";
import { sharedNetworkKey, toAddressNumber } from "../../domain/network.ts";
import { toSubjectKey } from "../commit/subject-key.ts";
import type { Limits } from "../limits.ts";
import type { AttemptQuery, Page } from "../queries.ts";
import { toAttempt } from "../rows/attempt-rows.ts";
import type { AttemptTable } from "../rows/schema.ts";
import { type Asked, type PageKey, parsePageToken } from "../search/page-token.ts";
import type { ListEngine, ListQueries } from "./list-queries.ts";
import { Budget, fillPage, inOneStep, toPage, walk } from "./page-walk.ts";

export function listAttempts(
  engine: ListEngine,
  query: AttemptQuery,
  now: number,
  limits: Limits,
): Promise<Page<Attempt>> {
  const asked: Asked = { seal: engine.seal, asked: askedOf(query), shape: ["time", "id"] };
  const after = parsePageToken(asked, query.after);
  return engine.snapshot(async (queries) => {
    const attempts = walk({
      read: (key, limit) => queries.all(selectChunk(queries, query, key, limit)),
      keyOf: (row) => [row.begin_time, row.id],
      after,
      budget: new Budget(limits),
    });
    const find = (row: AttemptTable) => {
      const recorded = toAttempt(row);
      const item = { ...recorded, outcome: outcomeAt(recorded, now) };
      return matches(item, query) ? { item, weight: item.userAgent.length } : undefined;
    };
    const { pageSize } = query;
    const { pageChars } = limits;
    return toPage(
      asked,
      await fillPage(
        attempts,
        { pageSize, pageChars, queries },
        inOneStep(async () => find),
      ),
    );
  });
}

/** Checks what the index does not. */
function matches(attempt: Attempt, { organizationId, network, outcomes }: AttemptQuery): boolean {
  if (organizationId !== null && attempt.organizationId !== organizationId) return false;
  if (outcomes !== undefined && !outcomes.includes(attempt.outcome)) return false;
  if (network === undefined) return true;
  const address = toAddressNumber(attempt.ip);
  return address !== undefined && address >= network.first && address <= network.last;
}

/** A user, a small network and an organization have an index each; other queries read along the time. */
function selectChunk({ build }: ListQueries, query: AttemptQuery, after: PageKey | undefined, limit: number) {
  const { organizationId, startTime, endTime, userId, network, newestFirst } = query;
  const direction = newestFirst ? "desc" : "asc";
  const networkKey = network && sharedNetworkKey(network);
  let select = build.selectFrom("attempts").selectAll();
  // The place where the page begins bounds one side. With two bounds on one side the planner could use the wider one.
  if (after === undefined || newestFirst) select = select.where("begin_time", ">=", startTime);
  if (after === undefined || !newestFirst) select = select.where("begin_time", "<", endTime);
  if (userId !== undefined) select = select.where("subject", "=", toSubjectKey({ userId }));
  else if (networkKey !== undefined) select = select.where("network", "=", networkKey);
  else if (organizationId !== null) select = select.where("organization_id", "=", organizationId);
  if (after !== undefined) {
    const [time, id] = after;
    select = select.where(sql<boolean>`(begin_time, id) ${sql.raw(newestFirst ? "<" : ">")} (${time}, ${id})`);
  }
  return select.orderBy("begin_time", direction).orderBy("id", direction).limit(limit).compile();
}

/** Returns everything but the page size: a later page must ask the same. */
function askedOf({
  organizationId,
  startTime,
  endTime,
  userId,
  network,
  outcomes,
  newestFirst = false,
}: AttemptQuery): Json {
  const range = network === undefined ? null : [network.first.toString(16), network.last.toString(16)];
  return [
    "attempts",
    organizationId,
    startTime,
    endTime,
    userId ?? null,
    range,
    outcomes ? [...outcomes] : null,
    newestFirst,
  ];
}
