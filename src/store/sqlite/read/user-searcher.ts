/** The reader's part of a search: one slice of matches at a time, so that other lists run in between. */
import { type Person, personChars, type User } from "../../../domain/user.ts";
import type { Limits } from "../../limits.ts";
import type { UserPredicate, UserSearchOrder } from "../../queries.ts";
import { toPerson } from "../../rows/narrow-rows.ts";
import type { PageKey } from "../../search/page-token.ts";
import type { ReadUsers, Slice, SliceQuery } from "../../search/search-slice.ts";
import { compareOrdered, type Ordered, orderKeyOf } from "../../search/user-predicate.ts";
import { build, type QueryRunner } from "./list-query.ts";
import { Budget } from "./page-walk.ts";
import { findCandidates, findUsersOf } from "./user-candidates.ts";
import { UserScan } from "./user-scan.ts";
import { walkByCreation, walkById } from "./user-walk.ts";

/** The order of a walk. */
interface WalkOrder {
  readonly by: "id" | "creation";
  readonly direction: "asc" | "desc";
}

export class UserSearcher {
  readonly #runner: QueryRunner;
  readonly #limits: Limits;
  readonly #scan: UserScan;

  constructor(runner: QueryRunner, limits: Limits) {
    this.#runner = runner;
    this.#limits = limits;
    this.#scan = new UserScan(runner);
  }

  slice({ search, after, keep }: SliceQuery, now: number): Slice {
    const match = this.#matcher(search, now);
    return this.#runner.snapshot(() => {
      // Only the first slice can be a set of candidates: later slices continue the walk.
      const ids = after === undefined ? this.#candidates(search) : undefined;
      return ids === undefined ? this.#walk(search, after, keep, match) : choose(ids, search.order, keep, match);
    });
  }

  /** A small organization is read whole if no index has its users in the requested order. */
  #candidates(search: SliceQuery["search"]): ReadonlySet<string> | undefined {
    const { sliceRows } = this.#limits;
    const ids = findCandidates(this.#runner, { ...search, showDeleted: false }, sliceRows);
    if (ids !== undefined || walkOrderOf(search).by === search.order.by) return ids;
    return findUsersOf(this.#runner, search.organizationId, sliceRows);
  }

  /** Returns the number of users, without deleted ones; `undefined`: more than `countRows`. */
  count(organizationId: string | null): number | undefined {
    const { countRows } = this.#limits;
    return this.#runner.snapshot(() => {
      let there = build
        .selectFrom("user_profile")
        .select("id")
        .limit(countRows + 1);
      let deleted = build.selectFrom("user_state").select("id").where("state", "=", "DELETED");
      if (organizationId !== null) {
        there = there.where("organization_id", "=", organizationId);
        deleted = deleted.where("organization_id", "=", organizationId);
      }
      const count = (from: typeof there | typeof deleted): number =>
        this.#runner.all(
          build
            .selectFrom(from.as("found"))
            .select(({ fn }) => fn.countAll<number>().as("n"))
            .compile(),
        )[0]?.n ?? 0;
      const all = count(there);
      return all > countRows ? undefined : all - count(deleted);
    });
  }

  /** Returns settled users by id, without those that are deleted by now. `namespaces`: absent, all attributes. */
  read(ids: readonly string[], namespaces: readonly string[] | undefined, now: number): ReadUsers {
    return this.#runner.snapshot(() => {
      const users: User[] = [];
      let chars = 0;
      for (const id of ids) {
        const user = this.#scan.read(id, now);
        if (user === undefined || user.state.deleted) continue;
        const { state } = user;
        const person = toPerson(user.toRow()[9]);
        const shown = { state, person: namespaces === undefined ? person : onlyNamespaces(person, namespaces) };
        users.push(shown);
        chars += personChars(shown.person);
      }
      return { users, chars };
    });
  }

  #walk(search: SliceQuery["search"], after: PageKey | undefined, keep: number, match: Match): Slice {
    const { sliceRows, searchSliceMs: sliceMs } = this.#limits;
    const budget = new Budget({ sliceRows, sliceMs });
    const walk = walkOrderOf(search);
    const isInOrder = walk.by === search.order.by;
    const found: Ordered[] = [];
    let [rows, count] = [0, 0];
    let next: PageKey | undefined;
    for (const step of this.#steps(search, walk, after, budget)) {
      rows++;
      const one = match(step.row.id);
      if (one !== undefined && (++count <= keep || !isInOrder)) found.push(one);
      if (budget.isSpent && !step.isLast) {
        next = step.key;
        break;
      }
    }
    const matches = isInOrder ? found : firstOf(found, keep, search.order);
    return { matches, count, isInOrder, rows, ...(next === undefined ? {} : { next }) };
  }

  #steps(
    { organizationId, where, after: place }: SliceQuery["search"],
    { by, direction }: WalkOrder,
    after: PageKey | undefined,
    budget: Budget,
  ) {
    if (by === "id") return walkById(this.#runner, { organizationId, direction, after, budget });
    const from = after ?? (place && [place.creationTime, place.id]) ?? creationBound(where, direction);
    return walkByCreation(this.#runner, { organizationId, direction, after: from, budget });
  }

  #matcher(search: SliceQuery["search"], now: number): Match {
    const { order, after } = search;
    const look = this.#scan.looker({ ...search, showDeleted: false }, now);
    return (id) => {
      const user = look(id);
      if (user === undefined) return undefined;
      const match = { id, key: orderKeyOf(user, order.by) };
      const place = after && { id: after.id, key: after.creationTime };
      return place !== undefined && compareOrdered(match, place, order) <= 0 ? undefined : match;
    };
  }
}

/** Returns the user's place in the order if it matches. */
type Match = (id: string) => Ordered | undefined;

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

/** Longest time for the candidates of one search; there is at most a slice of them. */
const CHOOSE_MS_MAX = 1_000;

function choose(ids: ReadonlySet<string>, order: UserSearchOrder, keep: number, match: Match): Slice {
  const endTime = performance.now() + CHOOSE_MS_MAX;
  const found: Ordered[] = [];
  for (const id of ids) {
    const one = match(id);
    if (one !== undefined) found.push(one);
    if (performance.now() > endTime) return { matches: [], count: 0, isInOrder: true, rows: ids.size, isGivenUp: true };
  }
  const count = found.length;
  return { matches: firstOf(found, keep, order), count, isInOrder: true, rows: ids.size };
}
