/** ListUsers: reads a small set of candidates if an index has one, else walks along the requested order. */
import { personWeight } from "../../domain/page-weight.ts";
import type { Limits } from "../limits.ts";
import type { Page, UserQuery } from "../queries.ts";
import { toPerson, type UserRow } from "../rows/narrow-rows.ts";
import { type Asked, type PageKey, parsePageToken } from "../search/page-token.ts";
import { compareOrdered, isTrivial, type Ordered } from "../search/user-predicate.ts";
import type { ListEngine, ListQueries } from "./list-queries.ts";
import { Budget, fillPage, type KeyedPage, toPage, type Walk } from "./page-walk.ts";
import { findCandidates, findUsersOf } from "./user-candidates.ts";
import { type ScannedUser, toUserRows, UserScan } from "./user-scan.ts";
import { walkByChange, walkByCreation } from "./user-walk.ts";

export class UserLister {
  readonly #engine: ListEngine;
  readonly #limits: Limits;

  constructor(engine: ListEngine, limits: Limits) {
    this.#engine = engine;
    this.#limits = limits;
  }

  /**
   * Returns one page of users, not settled yet. Both ways continue at the same kind of key, so a list may change from one to the other between
   * two pages, for example when there are now more candidates than a slice.
   */
  list(query: UserQuery, now: number): Promise<Page<UserRow>> {
    const { organizationId, where, showDeleted, order } = query;
    const asked: Asked = {
      seal: this.#engine.seal,
      // Everything but the page size: a later page must ask the same.
      asked: ["users", order, organizationId, where, showDeleted],
      shape: order === "change_desc" ? ["position"] : ["time", "id"],
    };
    const after = parsePageToken(asked, query.after);
    return this.#engine.snapshot(async (queries) => {
      const list = new UserList(queries, query, { after, now, limits: this.#limits });
      return toPage(asked, await list.page());
    });
  }
}

interface ListPlace {
  readonly after: PageKey | undefined;
  readonly now: number;
  readonly limits: Limits;
}

/** One page within one snapshot. */
class UserList {
  readonly #queries: ListQueries;
  readonly #query: UserQuery;
  readonly #place: ListPlace;

  constructor(queries: ListQueries, query: UserQuery, place: ListPlace) {
    this.#queries = queries;
    this.#query = query;
    this.#place = place;
  }

  async page(): Promise<KeyedPage<UserRow>> {
    const ids = await this.#candidates();
    if (ids !== undefined) return await this.#choose(ids);
    return await (this.#query.order === "change_desc" ? this.#walkByChange() : this.#walkByCreation());
  }

  /** A small organization is read whole instead of walking the log of all. */
  async #candidates(): Promise<ReadonlySet<string> | undefined> {
    const { sliceRows } = this.#place.limits;
    const ids = await findCandidates(this.#queries, this.#query, sliceRows);
    if (ids !== undefined || this.#query.order !== "change_desc") return ids;
    return await findUsersOf(this.#queries, this.#query.organizationId, sliceRows);
  }

  /** Reads all candidates and sorts them: there is at most a slice of them. */
  async #choose(ids: ReadonlySet<string>): Promise<KeyedPage<UserRow>> {
    const { order } = this.#query;
    const { after, now } = this.#place;
    const descending = order !== "creation_asc";
    const keyOf = ({ state, lastPosition }: ScannedUser): PageKey =>
      order === "change_desc" ? [lastPosition] : [state.creationTime, state.id];
    const compare = (a: PageKey, b: PageKey): number =>
      compareOrdered(toOrdered(a), toOrdered(b), { by: "creation", descending });
    const found: Chosen[] = [];
    await new UserScan(this.#queries, this.#query, now).lookAll(ids, (user) => {
      if (user === undefined) return true;
      const key = keyOf(user);
      if (after === undefined || compare(key, after) > 0) found.push({ user, key });
      return true;
    });
    found.sort((a, b) => compare(a.key, b.key));
    const chosen = { chunks: [{ rows: found, isLast: true }], keyOf: ({ key }: Chosen) => key };
    return await this.#fill(
      chosen,
      async () =>
        ({ user }) =>
          user,
    );
  }

  #walkByCreation(): Promise<KeyedPage<UserRow>> {
    const { organizationId, where, order, pageSize } = this.#query;
    // Without a condition every user is shown, so its person is read with it.
    const withPersons = isTrivial(where);
    const scan = new UserScan(this.#queries, { ...this.#query, withPersons }, this.#place.now);
    const users = walkByCreation(this.#queries, {
      organizationId,
      direction: order === "creation_asc" ? "asc" : "desc",
      after: this.#place.after,
      budget: new Budget(this.#place.limits),
      chunkRows: withPersons ? Math.min(pageSize, scan.chunkRows) : scan.chunkRows,
    });
    return this.#fill(users, async (rows) => {
      const user = await scan.look(rows.map(({ id }) => id));
      return ({ id }) => user(id);
    });
  }

  #walkByChange(): Promise<KeyedPage<UserRow>> {
    const { organizationId } = this.#query;
    const events = walkByChange(this.#queries, { after: this.#place.after, budget: new Budget(this.#place.limits) });
    const scan = new UserScan(this.#queries, this.#query, this.#place.now);
    return this.#fill(events, async (rows) => {
      const ids = new Set<string>();
      for (const { user_id, organization_id } of rows) {
        const isElsewhere = organizationId !== null && organization_id !== organizationId;
        if (user_id !== null && !isElsewhere) ids.add(user_id);
      }
      const user = await scan.look([...ids]);
      return ({ user_id, position }) => (user_id !== null && ids.has(user_id) ? user(user_id, position) : undefined);
    });
  }

  /** Weighs users: a page of large profiles ends early, because its answer must fit into a message. */
  #fill<R>(
    users: Walk<R>,
    find: (rows: readonly R[]) => Promise<(row: R) => ScannedUser | undefined>,
  ): Promise<KeyedPage<UserRow>> {
    const queries = this.#queries;
    const { pageChars } = this.#place.limits;
    return fillPage(
      users,
      { pageSize: this.#query.pageSize, pageChars, queries },
      {
        find,
        show: async (found: readonly ScannedUser[]) =>
          (await toUserRows(queries, found)).map((item) => ({ item, weight: personWeight(toPerson(item[9])) })),
      },
    );
  }
}

/** A candidate that matches, with its place in the order. */
interface Chosen {
  readonly user: ScannedUser;
  readonly key: PageKey;
}

/** A position needs no id: no two users share one. */
function toOrdered([key, id]: PageKey): Ordered {
  return { key: key ?? null, id: String(id ?? "") };
}
