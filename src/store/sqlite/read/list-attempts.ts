/** Recorded attempts in the order of their beginnings, along an index, within the budget of one page. */
import { sql } from "kysely";
import { type Attempt, outcomeAt } from "../../../domain/attempt.ts";
import type { Json } from "../../../domain/canonical-json.ts";
import { sharedNetworkKey, toAddressNumber } from "../../../domain/network.ts";
import type { Limits } from "../../limits.ts";
import type { AttemptQuery, Page } from "../../queries.ts";
import { type Asked, type PageKey, parsePageToken, toPageToken } from "../../search/page-token.ts";
import { toAttempt, toSubjectKey } from "../attempt-rows.ts";
import { Budget, build, type QueryRunner } from "./list-query.ts";

const CHUNK_ROWS = 500;

export function listAttempts(runner: QueryRunner, query: AttemptQuery, now: number, limits: Limits): Page<Attempt> {
  const asked: Asked = { seal: runner.seal, asked: askedOf(query), shape: ["time", "id"] };
  const after = parsePageToken(asked, query.after);
  const budget = new Budget(limits);
  const items: Attempt[] = [];
  let chars = 0;
  for (let key = after; ; ) {
    const rows = chunk(runner, query, key);
    for (const [index, row] of rows.slice(0, CHUNK_ROWS).entries()) {
      key = [row.begin_time, row.id];
      budget.spendRow();
      const recorded = toAttempt(row);
      const attempt = { ...recorded, outcome: outcomeAt(recorded, now) };
      if (matches(attempt, query)) {
        items.push(attempt);
        chars += attempt.userAgent.length;
      }
      const isFull = items.length >= query.pageSize || chars > limits.pageChars || budget.isSpent;
      if (isFull) return index === rows.length - 1 ? { items } : { items, next: toPageToken(asked, key) };
    }
    if (rows.length <= CHUNK_ROWS) return { items };
  }
}

/** What the index does not decide. */
function matches(attempt: Attempt, { organizationId, network, outcomes }: AttemptQuery): boolean {
  if (organizationId !== null && attempt.organizationId !== organizationId) return false;
  if (outcomes !== undefined && !outcomes.includes(attempt.outcome)) return false;
  if (network === undefined) return true;
  const address = toAddressNumber(attempt.ip);
  return address !== undefined && address >= network.first && address <= network.last;
}

/** A user, a small network and an organization have an index each; all other attempts are met along the time. */
function chunk(runner: QueryRunner, query: AttemptQuery, after: PageKey | undefined) {
  const { organizationId, startTime, endTime, userId, network, newestFirst } = query;
  const direction = newestFirst ? "desc" : "asc";
  const networkKey = network && sharedNetworkKey(network);
  let select = build.selectFrom("attempts").selectAll();
  // The place after which the page begins bounds one side; two bounds on one side would let the planner take the wider.
  if (after === undefined || newestFirst) select = select.where("begin_time", ">=", startTime);
  if (after === undefined || !newestFirst) select = select.where("begin_time", "<", endTime);
  if (userId !== undefined) select = select.where("subject", "=", toSubjectKey({ userId }));
  else if (networkKey !== undefined) select = select.where("network", "=", networkKey);
  else if (organizationId !== null) select = select.where("organization_id", "=", organizationId);
  if (after !== undefined) {
    const [time, id] = after;
    select = select.where(sql<boolean>`(begin_time, id) ${sql.raw(newestFirst ? "<" : ">")} (${time}, ${id})`);
  }
  const ordered = select.orderBy("begin_time", direction).orderBy("id", direction);
  // One more than the chunk tells whether anything comes after it.
  return runner.all(ordered.limit(CHUNK_ROWS + 1).compile());
}

/** Page size apart, a later page must ask the same. */
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
