/** ListSessions: the newest first, along an index, within the budget of one page. */
import { type SqlBool, sql } from "kysely";
import { weightOf } from "../../domain/page-weight.ts";
import { sessionStatusOf } from "../../domain/session.ts";
import { settle } from "../../domain/settle.ts";
import type { Limits } from "../limits.ts";
import type { Page, SessionQuery, SessionView } from "../queries.ts";
import { sessionIsShown } from "../rows/erasure-rows.ts";
import { toUserState, type UserStateRow } from "../rows/narrow-rows.ts";
import { toSession } from "../rows/rows.ts";
import type { SessionTable } from "../rows/schema.ts";
import { type Asked, type PageKey, parsePageToken } from "../search/page-token.ts";
import { alongIndex, only } from "./index-walk.ts";
import { type ListEngine, type ListQueries, usersWithin } from "./list-queries.ts";
import { Budget, fillPage, inOneStep, type KeyedPage, toPage, walk } from "./page-walk.ts";

export class SessionLister {
  readonly #engine: ListEngine;
  readonly #limits: Limits;

  constructor(engine: ListEngine, limits: Limits) {
    this.#engine = engine;
    this.#limits = limits;
  }

  list(query: SessionQuery, now: number): Promise<Page<SessionView>> {
    const asked: Asked = {
      seal: this.#engine.seal,
      asked: ["sessions", query.organizationId, query.userId ?? null, query.activeOnly],
      shape: ["time", "id"],
    };
    const after = parsePageToken(asked, query.after);
    return this.#engine.snapshot(async (queries) => {
      // A user's sessions belong to the user's organization: if it is another one, there are none.
      if (await isElsewhere(queries, query)) return { items: [] };
      return toPage(asked, await this.#page(queries, query, after, now));
    });
  }

  #page(
    queries: ListQueries,
    query: SessionQuery,
    after: PageKey | undefined,
    now: number,
  ): Promise<KeyedPage<SessionView>> {
    const sessions = walk({
      read: (key, limit) => queries.all(selectChunk(queries, query, key, limit)),
      keyOf: (row) => [row.creation_time, row.id],
      after,
      budget: new Budget(this.#limits),
    });
    const { generation } = this.#engine.seal;
    const show = inOneStep(async (rows: readonly SessionTable[]) => {
      const stateOf = await queries.userStates(rows.map(({ user_id }) => user_id));
      return (row: SessionTable) => {
        const item = toView(row, stateOf(row.user_id), { now, generation });
        // Only the store knows which sessions are idle: it has activity that is not on disk yet.
        const isShown = !query.activeOnly || item?.status === "ACTIVE" || item?.status === "IDLE";
        return item === undefined || !isShown ? undefined : { item, weight: weightOf(row.attributes) };
      };
    });
    const { pageSize } = query;
    return fillPage(sessions, { pageSize, pageChars: this.#limits.pageChars, queries }, show);
  }
}

function selectChunk(
  queries: ListQueries,
  { organizationId, userId }: SessionQuery,
  after: PageKey | undefined,
  limit: number,
) {
  const walked = only("user_id", userId) ?? only("organization_id", organizationId);
  const { where, order } = alongIndex(queries, {
    only: walked,
    columns: ["creation_time", "id"],
    direction: "desc",
    after,
  });
  const shown = sql<SqlBool>`${sql.raw(sessionIsShown())}`;
  return queries.build
    .selectFrom("sessions")
    .selectAll()
    .where(where)
    .where(shown)
    .orderBy(order)
    .limit(limit)
    .compile();
}

/** Returns whether the one user of a list is not of its one organization: then nothing is listed. */
export async function isElsewhere(
  queries: ListQueries,
  { userId, organizationId }: Pick<SessionQuery, "userId" | "organizationId">,
): Promise<boolean> {
  if (userId === undefined || organizationId === null) return false;
  return !(await usersWithin(queries, [userId], [organizationId])).has(userId);
}

function toView(
  row: SessionTable,
  userRow: UserStateRow | undefined,
  at: { readonly now: number; readonly generation: number },
): SessionView | undefined {
  if (userRow === undefined) return undefined;
  const session = toSession(row);
  const user = settle(toUserState(userRow), at.now).state;
  return { session, user, status: sessionStatusOf(session, user, at) };
}
