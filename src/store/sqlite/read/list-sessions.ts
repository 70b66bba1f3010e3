/** ListSessions: the newest first, along an index, within the budget of one page. */
import { sql } from "kysely";
import { weightOf } from "../../../domain/page-weight.ts";
import { sessionStatusOf } from "../../../domain/session.ts";
import { settle } from "../../../domain/settle.ts";
import type { Limits } from "../../limits.ts";
import type { Page, SessionQuery, SessionView } from "../../queries.ts";
import { toUserState, USER_STATE_COLUMNS, type UserStateRow } from "../../rows/narrow-rows.ts";
import { toSession } from "../../rows/rows.ts";
import type { SessionTable } from "../../rows/schema.ts";
import { type Asked, type PageKey, parsePageToken } from "../../search/page-token.ts";
import { build, type QueryRunner } from "./list-query.ts";
import { Budget, fillPage, type KeyedPage, toPage, walk } from "./page-walk.ts";

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
      // A user's sessions belong to the user's organization: if it is another one, there are none.
      if (query.userId !== undefined && this.#isElsewhere(query.userId, query.organizationId)) return { items: [] };
      return toPage(asked, this.#page(query, after, now));
    });
  }

  #page(query: SessionQuery, after: PageKey | undefined, now: number): KeyedPage<SessionView> {
    const budget = new Budget(this.#limits);
    const steps = walk({
      chunk: (key, limit) => this.#chunk(query, key, limit),
      keyOf: (row) => [row.creation_time, row.id],
      after,
      budget,
    });
    const { pageChars } = this.#limits;
    return fillPage(steps, { pageSize: query.pageSize, pageChars, budget }, (row) => {
      const item = this.#view(row, now);
      // Only the store knows which sessions are idle: it has activity that is not on disk yet.
      const isShown = !query.activeOnly || item?.status === "ACTIVE" || item?.status === "IDLE";
      return item === undefined || !isShown ? undefined : { item, weight: weightOf(row.attributes) };
    });
  }

  #chunk({ organizationId, userId }: SessionQuery, after: PageKey | undefined, limit: number) {
    let select = build.selectFrom("sessions").selectAll();
    if (userId !== undefined) select = select.where("user_id", "=", userId);
    else if (organizationId !== null) select = select.where("organization_id", "=", organizationId);
    if (after !== undefined) {
      const [time, id] = after;
      select = select.where(sql<boolean>`(creation_time, id) < (${time}, ${id})`);
    }
    return this.#runner.all(select.orderBy("creation_time", "desc").orderBy("id", "desc").limit(limit).compile());
  }

  #isElsewhere(userId: string, organizationId: string | null): boolean {
    return organizationId !== null && this.#userState(userId)?.[1] !== organizationId;
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
  return runner.narrowByKey<UserStateRow>(`SELECT ${USER_STATE_COLUMNS} FROM user_state WHERE id = ?`);
}
