/** ListSessions: the newest first, along an index, within the budget of one page. */
import { sql } from "kysely";
import { weightOf } from "../../../domain/page-weight.ts";
import { sessionStatusOf } from "../../../domain/session.ts";
import { settle } from "../../../domain/settle.ts";
import type { Limits } from "../../limits.ts";
import type { Page, SessionQuery, SessionView } from "../../queries.ts";
import { type Asked, type PageKey, parsePageToken, toPageToken } from "../../search/page-token.ts";
import { toSession, toUserState } from "../rows.ts";
import type { SessionTable } from "../schema.ts";
import { Budget, build, type QueryRunner } from "./list-query.ts";

const CHUNK_ROWS = 250;

export class SessionLister {
  readonly #runner: QueryRunner;
  readonly #limits: Limits;
  readonly #userState: ReturnType<typeof prepareUserState>;

  constructor(runner: QueryRunner, limits: Limits) {
    this.#runner = runner;
    this.#limits = limits;
    this.#userState = prepareUserState(runner);
  }

  list(query: SessionQuery, now: number): Page<SessionView> {
    const asked: Asked = {
      seal: this.#runner.seal,
      asked: ["sessions", query.organizationId, query.userId ?? null, query.activeOnly],
      shape: ["time", "id"],
    };
    const after = parsePageToken(asked, query.after);
    return this.#runner.snapshot(() => {
      // All sessions of a user are of the user's organization: the index of users finds them, or there are none.
      if (query.userId !== undefined && this.#isElsewhere(query.userId, query.organizationId)) return { items: [] };
      const { items, next } = this.#walk(query, after, now);
      return next === undefined ? { items } : { items, next: toPageToken(asked, next) };
    });
  }

  #walk(query: SessionQuery, after: PageKey | undefined, now: number): { items: SessionView[]; next?: PageKey } {
    const budget = new Budget(this.#limits);
    const items: SessionView[] = [];
    let weight = 0;
    for (let key = after; ; ) {
      const rows = this.#chunk(query, key);
      for (const [index, row] of rows.slice(0, CHUNK_ROWS).entries()) {
        key = [row.creation_time, row.id];
        budget.spendRow();
        const view = this.#view(row, now);
        // Whether one is idle is known to the store alone, which knows of activity that is not on disk yet.
        if (view !== undefined && (!query.activeOnly || view.status === "ACTIVE" || view.status === "IDLE")) {
          items.push(view);
          weight += weightOf(row.attributes);
        }
        const isLast = index === rows.length - 1;
        const isFull = items.length >= query.pageSize || weight > this.#limits.pageChars || budget.isSpent;
        if (isFull) return isLast ? { items } : { items, next: key };
      }
      if (rows.length <= CHUNK_ROWS) return { items };
    }
  }

  #chunk({ organizationId, userId }: SessionQuery, after: PageKey | undefined) {
    let select = build.selectFrom("sessions").selectAll();
    if (userId !== undefined) select = select.where("user_id", "=", userId);
    else if (organizationId !== null) select = select.where("organization_id", "=", organizationId);
    if (after !== undefined) {
      const [time, id] = after;
      select = select.where(sql<boolean>`(creation_time, id) < (${time}, ${id})`);
    }
    // One more than the chunk tells whether anything comes after it.
    const ordered = select.orderBy("creation_time", "desc").orderBy("id", "desc");
    return this.#runner.all(ordered.limit(CHUNK_ROWS + 1).compile());
  }

  #isElsewhere(userId: string, organizationId: string | null): boolean {
    return organizationId !== null && this.#userState(userId)?.organization_id !== organizationId;
  }

  #view(row: SessionTable, now: number): SessionView | undefined {
    const userRow = this.#userState(row.user_id);
    if (userRow === undefined) return undefined;
    const session = toSession(row);
    const user = settle(toUserState(userRow), now).state;
    return { session, user, status: sessionStatusOf(session, user, { now, generation: this.#runner.seal.generation }) };
  }
}

function prepareUserState(runner: QueryRunner) {
  return runner.byKey(build.selectFrom("user_state").selectAll().where("id", "=", "").compile());
}
