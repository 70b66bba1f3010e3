/** The engine's part of a search: one slice of matches at a time, so that other lists run in between. */
import { sql } from "kysely";
import { type Person, personChars, type User } from "../../domain/user.ts";
import type { Limits } from "../limits.ts";
import type { UserPredicate, UserSearchOrder } from "../queries.ts";
import { toSettledUser } from "../rows/narrow-rows.ts";
import type { PageKey } from "../search/page-token.ts";
import type { ReadUsers, Slice, SliceQuery } from "../search/search-slice.ts";
import { compareOrdered, type Ordered, orderKeyOf } from "../search/user-predicate.ts";
import type { ListEngine, ListQueries } from "./list-queries.ts";
import { Budget, type Walk } from "./page-walk.ts";
import { findCandidates, findUsersOf } from "./user-candidates.ts";
import { type ScannedUser, UserScan } from "./user-scan.ts";
import { walkByCreation, walkById } from "./user-walk.ts";

/** The order of a walk. */
interface WalkOrder {
  readonly by: "id" | "creation";
  readonly direction: "asc" | "desc";
}

export class UserSearcher {
  readonly #engine: ListEngine;
  readonly #limits: Limits;

  constructor(engine: ListEngine, limits: Limits) {
    this.#engine = engine;
    this.#limits = limits;
  }

  slice({ search, after, keep }: SliceQuery, now: number): Promise<Slice> {
    return this.#engine.snapshot(async (queries) => {
      const slice = new SearchSlice(queries, { search, after, keep, now, limits: this.#limits });
      // Only the first slice can be a set of candidates: later slices continue the walk.
      const ids = after === undefined ? await slice.candidates() : undefined;
      return await (ids === undefined ? slice.walk() : slice.choose(ids));
    });
  }

  /** Returns the number of users, without deleted ones; `undefined`: more than `countRows`. */
  count(organizationId: string | null): Promise<number | undefined> {
    const { countRows } = this.#limits;
    return this.#engine.snapshot(async (queries) => {
      const { build } = queries;
      let there = build
        .selectFrom("user_profile")
        .select("id")
        .limit(countRows + 1);
      let deleted = build.selectFrom("user_state").select("id").where("state", "=", sql.lit("DELETED"));
      if (organizationId !== null) {
        there = there.where("organization_id", "=", organizationId);
        deleted = deleted.where("organization_id", "=", organizationId);
      }
      const count = async (from: typeof there | typeof deleted): Promise<number> => {
        const counted = build.selectFrom(from.as("found")).select(({ fn }) => fn.countAll<number>().as("n"));
        return (await queries.all(counted.compile()))[0]?.n ?? 0;
      };
      const all = await count(there);
      return all > countRows ? undefined : all - (await count(deleted));
    });
  }

  /** Returns settled users by id, without those that are deleted by now. `namespaces`: absent, all attributes. */
  read(ids: readonly string[], namespaces: readonly string[] | undefined, now: number): Promise<ReadUsers> {
    return this.#engine.snapshot(async (queries) => {
      const rowOf = await queries.users(ids);
      const users: User[] = [];
      let chars = 0;
      for (const id of ids) {
        const row = rowOf(id);
        const user = row && toSettledUser(row, now);
        if (user === undefined || user.state.deleted) continue;
        const { state, person } = user;
        const shown = { state, person: namespaces === undefined ? person : onlyNamespaces(person, namespaces) };
        users.push(shown);
        chars += personChars(shown.person);
        const pausing = queries.pause();
        if (pausing !== undefined) await pausing;
      }
      return { users, chars };
    });
  }
}

interface SliceOptions extends Omit<SliceQuery, "after"> {
  readonly after: PageKey | undefined;
  readonly now: number;
  readonly limits: Limits;
}

/** One slice within one snapshot. */
class SearchSlice {
  readonly #queries: ListQueries;
  readonly #options: SliceOptions;
  readonly #scan: UserScan;

  constructor(queries: ListQueries, options: SliceOptions) {
    const { search, now } = options;
    this.#queries = queries;
    this.#options = options;
    this.#scan = new UserScan(queries, { ...search, showDeleted: false, orderedBy: search.order.by }, now);
  }

  /** A small organization is read whole if no index has its users in the requested order. */
  async candidates(): Promise<ReadonlySet<string> | undefined> {
    const { search, limits } = this.#options;
    const ids = await findCandidates(this.#queries, { ...search, showDeleted: false }, limits.sliceRows);
    if (ids !== undefined || walkOrderOf(search).by === search.order.by) return ids;
    return await findUsersOf(this.#queries, search.organizationId, limits.sliceRows);
  }

  walk(): Promise<Slice> {
    const { search, after, limits } = this.#options;
    const { organizationId, where, after: place } = search;
    const { by, direction } = walkOrderOf(search);
    const budget = new Budget({ sliceRows: limits.sliceRows, sliceMs: limits.searchSliceMs });
    const walk = { organizationId, direction, budget, chunkRows: this.#scan.chunkRows };
    if (by === "id") return this.#take(walkById(this.#queries, { ...walk, after }), budget);
    const from = after ?? (place && [place.creationTime, place.id]) ?? creationBound(where, direction);
    return this.#take(walkByCreation(this.#queries, { ...walk, after: from }), budget);
  }

  async #take<R extends { readonly id: string }>({ chunks, keyOf }: Walk<R>, budget: Budget): Promise<Slice> {
    const { search, keep } = this.#options;
    const isInOrder = walkOrderOf(search).by === search.order.by;
    const found: Ordered[] = [];
    let [rows, count] = [0, 0];
    const sliceOf = (next?: PageKey): Slice => {
      const matches = isInOrder ? found : firstOf(found, keep, search.order);
      return { matches, count, isInOrder, rows, ...(next === undefined ? {} : { next }) };
    };
    for await (const chunk of chunks) {
      const user = await this.#scan.look(chunk.rows.map(({ id }) => id));
      budget.startChunk();
      for (const [index, row] of chunk.rows.entries()) {
        rows++;
        budget.spendRows(1);
        const one = this.#place(user(row.id));
        if (one !== undefined && (++count <= keep || !isInOrder)) found.push(one);
        const isEnd = index === chunk.rows.length - 1;
        const isSpent = isEnd ? budget.isSpent : budget.isSpentWithinChunk;
        if (isSpent && !(isEnd && chunk.isLast)) return sliceOf(keyOf(row));
        const pausing = this.#queries.pause();
        if (pausing !== undefined) await pausing;
      }
    }
    return sliceOf();
  }

  /** Reads all candidates; there is at most a slice of them. */
  async choose(ids: ReadonlySet<string>): Promise<Slice> {
    const { search, keep } = this.#options;
    const endTime = performance.now() + CHOOSE_MS_MAX;
    const found: Ordered[] = [];
    let isGivenUp = false;
    await this.#scan.lookAll(ids, (user) => {
      const one = this.#place(user);
      if (one !== undefined) found.push(one);
      isGivenUp = performance.now() > endTime;
      return !isGivenUp;
    });
    if (isGivenUp) return { matches: [], count: 0, isInOrder: true, rows: ids.size, isGivenUp };
    const count = found.length;
    return { matches: firstOf(found, keep, search.order), count, isInOrder: true, rows: ids.size };
  }

  /** Returns the user's place in the order; `undefined`: it does not match, or it comes before the search's beginning. */
  #place(user: ScannedUser | undefined): Ordered | undefined {
    if (user === undefined) return undefined;
    const { order, after } = this.#options.search;
    const match = { id: user.state.id, key: orderKeyOf(user, order.by) };
    const place = after && { id: after.id, key: after.creationTime };
    return place !== undefined && compareOrdered(match, place, order) <= 0 ? undefined : match;
  }
}

function walkOrderOf({ order }: SliceQuery["search"]): WalkOrder {
  return { by: order.by === "id" ? "id" : "creation", direction: order.descending ? "desc" : "asc" };
}

function onlyNamespaces({ profile, attributes }: Person, namespaces: readonly string[]): Person {
  const shown = namespaces.flatMap((name) => {
    const text = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
    return text === undefined ? [] : [[name, text] as const];
  });
  return { profile, attributes: Object.fromEntries(shown) };
}

function firstOf(found: Ordered[], keep: number, order: UserSearchOrder): Ordered[] {
  return found.sort((a, b) => compareOrdered(a, b, order)).slice(0, keep);
}

/** Returns where the walk may begin: users before it cannot match. Every id comes after the empty one. */
function creationBound(where: UserPredicate, direction: WalkOrder["direction"]): PageKey | undefined {
  const parts = where.kind === "and" ? where.of : [where];
  const bounds = parts.flatMap((part) => {
    if (part.kind !== "time" || part.of !== "creation") return [];
    const bound = direction === "asc" ? part.from : part.before;
    return bound === undefined ? [] : [bound];
  });
  if (bounds.length === 0) return undefined;
  return [direction === "asc" ? Math.max(...bounds) : Math.min(...bounds), ""];
}

/** Longest time for the candidates of one search. */
const CHOOSE_MS_MAX = 1_000;
