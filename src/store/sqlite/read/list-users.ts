/** ListUsers: reads a small set of candidates if an index has one, else walks along the requested order. */
import { personWeight } from "../../../domain/page-weight.ts";
import type { Limits } from "../../limits.ts";
import type { Page, UserQuery } from "../../queries.ts";
import { toPerson, type UserRow } from "../../rows/narrow-rows.ts";
import { type Asked, type PageKey, parsePageToken } from "../../search/page-token.ts";
import { compareOrdered, isTrivial, type Ordered } from "../../search/user-predicate.ts";
import type { QueryRunner } from "./list-query.ts";
import { Budget, fillPage, type KeyedPage, type Shown, toPage } from "./page-walk.ts";
import { findCandidates, findUsersOf } from "./user-candidates.ts";
import { type Look, type ScannedUser, UserScan } from "./user-scan.ts";
import { walkByChange, walkByCreation } from "./user-walk.ts";

export class UserLister {
  readonly #runner: QueryRunner;
  readonly #limits: Limits;
  readonly #scan: UserScan;

  constructor(runner: QueryRunner, limits: Limits) {
    this.#runner = runner;
    this.#limits = limits;
    this.#scan = new UserScan(runner);
  }

  /**
   * Returns one page of users, not settled yet. Both ways continue at the same kind of key, so a list may change from one to the other between
   * two pages, for example when there are now more candidates than a slice.
   */
  list(query: UserQuery, now: number): Page<UserRow> {
    const { organizationId, where, showDeleted, order } = query;
    const asked: Asked = {
      seal: this.#runner.seal,
      // Everything but the page size: a later page must ask the same.
      asked: ["users", order, organizationId, where, showDeleted],
      shape: order === "change_desc" ? ["position"] : ["time", "id"],
    };
    const after = parsePageToken(asked, query.after);
    return this.#runner.snapshot(() => {
      const look = this.#scan.looker(query, now);
      const ids = this.#candidates(query);
      return toPage(asked, ids === undefined ? this.#walk(query, after, look) : this.#choose(ids, query, after, look));
    });
  }

  /** A small organization is read whole instead of walking the log of all. */
  #candidates(query: UserQuery): ReadonlySet<string> | undefined {
    const { sliceRows } = this.#limits;
    const ids = findCandidates(this.#runner, query, sliceRows);
    if (ids !== undefined || query.order !== "change_desc") return ids;
    return findUsersOf(this.#runner, query.organizationId, sliceRows);
  }

  /** Reads all candidates and sorts them: there is at most a slice of them. */
  #choose(ids: ReadonlySet<string>, query: UserQuery, after: PageKey | undefined, look: Look): KeyedPage<UserRow> {
    const descending = query.order !== "creation_asc";
    const compare = (a: PageKey, b: PageKey): number =>
      compareOrdered(toOrdered(a), toOrdered(b), { by: "creation", descending });
    const found = [...ids]
      .map((id) => look(id))
      .filter((user) => user !== undefined)
      .map((row) => ({ row, key: keyOf(row, query.order) }))
      .filter(({ key }) => after === undefined || compare(key, after) > 0)
      .sort((a, b) => compare(a.key, b.key));
    const steps = found.map((step, index) => ({ ...step, isLast: index === found.length - 1 }));
    return fillPage(steps, { pageSize: query.pageSize, pageChars: this.#limits.pageChars }, show);
  }

  #walk(query: UserQuery, after: PageKey | undefined, look: Look): KeyedPage<UserRow> {
    const { organizationId, order, pageSize } = query;
    const budget = new Budget(this.#limits);
    const bounds = { pageSize, pageChars: this.#limits.pageChars, budget };
    if (order === "change_desc") {
      const steps = walkByChange(this.#runner, { after, budget });
      return fillPage(steps, bounds, (event) => {
        const isElsewhere = organizationId !== null && event.organization_id !== organizationId;
        return event.user_id === null || isElsewhere ? undefined : show(look(event.user_id, event.position));
      });
    }
    const direction = order === "creation_asc" ? "asc" : "desc";
    // Without a condition, the rows of a page are known to be shown.
    const chunkRows = isTrivial(query.where) ? pageSize : undefined;
    const steps = walkByCreation(this.#runner, { organizationId, direction, after, budget, chunkRows });
    return fillPage(steps, bounds, ({ id }) => show(look(id)));
  }
}

/** Weighs a user: a page of large profiles ends early, because its answer must fit into a message. */
function show(user: ScannedUser | undefined): Shown<UserRow> | undefined {
  if (user === undefined) return undefined;
  const item = user.toRow();
  return { item, weight: personWeight(toPerson(item[9])) };
}

function keyOf({ state, lastPosition }: ScannedUser, order: UserQuery["order"]): PageKey {
  return order === "change_desc" ? [lastPosition] : [state.creationTime, state.id];
}

/** A position needs no id: no two users share one. */
function toOrdered([key, id]: PageKey): Ordered {
  return { key: key ?? null, id: String(id ?? "") };
}
