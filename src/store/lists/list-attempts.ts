/** Recorded attempts in the order of their beginnings, along an index, within the budget of one page. */
import { type SqlBool, sql } from "kysely";
import { type Attempt, outcomeAt } from "../../domain/attempt.ts";
import type { Json } from "../../domain/canonical-json.ts";
import { sharedNetworkKey, toAddressNumber } from "../../domain/network.ts";
import type { Limits } from "../limits.ts";
import type { AttemptQuery, Page } from "../queries.ts";
import { toAttempt } from "../rows/attempt-rows.ts";
import { attemptIsShown } from "../rows/erasure-rows.ts";
import type { AttemptTable } from "../rows/schema.ts";
import { toSubjectKey } from "../rows/subject-key.ts";
import { type Asked, type PageKey, parsePageToken } from "../search/page-token.ts";
import { alongIndex, only } from "./index-walk.ts";
import type { ListEngine, ListQueries } from "./list-queries.ts";
import { isElsewhere } from "./list-sessions.ts";
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
    // A user's attempts belong to the user's organization, too.
    if (await isElsewhere(queries, query)) return { items: [] };
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
function selectChunk(queries: ListQueries, query: AttemptQuery, after: PageKey | undefined, limit: number) {
  const { organizationId, startTime, endTime, userId, network, newestFirst } = query;
  const subject = userId === undefined ? undefined : toSubjectKey({ userId });
  const walked =
    only("subject", subject) ??
    only("network", network && sharedNetworkKey(network)) ??
    only("organization_id", organizationId);
  const { where, order } = alongIndex(queries, {
    only: walked,
    columns: ["begin_time", "id"],
    direction: newestFirst ? "desc" : "asc",
    after,
    from: startTime,
    before: endTime,
  });
  const shown = sql<SqlBool>`${sql.raw(attemptIsShown())}`;
  return queries.build
    .selectFrom("attempts")
    .selectAll()
    .where(where)
    .where(shown)
    .orderBy(order)
    .limit(limit)
    .compile();
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
