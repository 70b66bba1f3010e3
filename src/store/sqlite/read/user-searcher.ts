/** The reader's part of a search: one slice of matches at a time, so that other lists are served in between. */
import { settle } from "../../../domain/settle.ts";
import { EMPTY_PERSON, type Person, personChars, type User } from "../../../domain/user.ts";
import type { Limits } from "../../limits.ts";
import type { UserPredicate, UserSearch, UserSearchOrder } from "../../queries.ts";
import type { PageKey } from "../../search/page-token.ts";
import {
  compareOrdered,
  compilePredicate,
  type Matches,
  needsPerson,
  type Ordered,
  orderKeyOf,
} from "../../search/user-predicate.ts";
import { toPerson, toUserState } from "../rows.ts";
import { Budget, build, type QueryRunner } from "./list-query.ts";
import { findSearchCandidates, findUsersOf } from "./search-candidates.ts";
import { type Step, walkByCreation, walkById } from "./user-walk.ts";

/** What is asked of one slice: the search, where the slice before it ended, and how many matches are of use. */
export interface SliceQuery {
  readonly search: Pick<UserSearch, "organizationId" | "where" | "order" | "after">;
  readonly after?: PageKey;
  readonly keep: number;
}

export interface Slice {
  /** The first ones of the slice's in the order that was asked for. */
  readonly matches: readonly Ordered[];
  /** How many matched in all. */
  readonly count: number;
  /** The next slice's matches all come after these. */
  readonly isInOrder: boolean;
  /** Users looked at. */
  readonly rows: number;
  /** Absent: nothing is left. */
  readonly next?: PageKey;
  /** Too much is asked of each user: this slice alone took too long, and is not whole. */
  readonly isGivenUp?: boolean;
}

/** A page of users, as far as it was read. */
export interface ReadUsers {
  readonly users: readonly User[];
  readonly chars: number;
}

/** The order that a walk takes by itself. */
interface WalkOrder {
  readonly by: "id" | "creation";
  readonly direction: "asc" | "desc";
}

export class UserSearcher {
  readonly #runner: QueryRunner;
  readonly #limits: Limits;
  readonly #lookups: ReturnType<typeof prepareLookups>;

  constructor(runner: QueryRunner, limits: Limits) {
    this.#runner = runner;
    this.#limits = limits;
    this.#lookups = prepareLookups(runner);
  }

  slice({ search, after, keep }: SliceQuery, now: number): Slice {
    const look = this.#looker(search, now);
    return this.#runner.snapshot(() => {
      // Only the first slice may be all there is: later ones go on where the walk was.
      const ids = after === undefined ? this.#candidates(search) : undefined;
      return ids === undefined ? this.#walk(search, after, keep, look) : choose(ids, search.order, keep, look);
    });
  }

  /** A small organization is read whole where its users cannot be walked in the order that is asked for. */
  #candidates(search: SliceQuery["search"]): ReadonlySet<string> | undefined {
    const { sliceRows } = this.#limits;
    const ids = findSearchCandidates(this.#runner, search, sliceRows);
    if (ids !== undefined || walkOrderOf(search).by === search.order.by) return ids;
    return findUsersOf(this.#runner, search.organizationId, sliceRows);
  }

  /** How many there are, deleted ones left out; `undefined`: more than may be counted. */
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

  /** Settled users by id; those that are deleted by now are left out. `namespaces`: absent, all attributes. */
  read(ids: readonly string[], namespaces: readonly string[] | undefined, now: number): ReadUsers {
    return this.#runner.snapshot(() => {
      const users: User[] = [];
      let chars = 0;
      for (const id of ids) {
        const user = this.#read(id, now, true);
        if (user === undefined) continue;
        const shown = namespaces === undefined ? user : { ...user, person: onlyNamespaces(user.person, namespaces) };
        users.push(shown);
        chars += personChars(shown.person);
      }
      return { users, chars };
    });
  }

  #walk(search: SliceQuery["search"], after: PageKey | undefined, keep: number, look: Look): Slice {
    const { sliceRows, searchSliceMs: sliceMs } = this.#limits;
    const budget = new Budget({ sliceRows, sliceMs });
    const walk = walkOrderOf(search);
    const isInOrder = walk.by === search.order.by;
    const found: Ordered[] = [];
    let [rows, count] = [0, 0];
    let next: PageKey | undefined;
    for (const step of this.#steps(search, walk, after, budget)) {
      rows++;
      const match = step.id === undefined ? undefined : look(step.id);
      if (match !== undefined && (++count <= keep || !isInOrder)) found.push(match);
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
  ): Generator<Step> {
    if (by === "id") return walkById(this.#runner, { organizationId }, direction, after, budget);
    const from = after ?? (place && [place.creationTime, place.id]) ?? creationBound(where, direction);
    return walkByCreation(this.#runner, { organizationId }, `creation_${direction}`, from, budget);
  }

  #looker({ organizationId, where, order, after }: SliceQuery["search"], now: number): Look {
    const matches: Matches = compilePredicate(where);
    const isPersonNeeded = needsPerson(where) || !["id", "creation", "change", "state"].includes(order.by);
    return (id) => {
      const user = this.#read(id, now, isPersonNeeded);
      if (user === undefined) return undefined;
      const isElsewhere = organizationId !== null && user.state.organizationId !== organizationId;
      if (isElsewhere || !matches(user)) return undefined;
      const match = { id, key: orderKeyOf(user, order.by) };
      const place = after && { id: after.id, key: after.creationTime };
      return place !== undefined && compareOrdered(match, place, order) <= 0 ? undefined : match;
    };
  }

  #read(id: string, now: number, withPerson: boolean): User | undefined {
    const row = this.#lookups.state(id);
    if (row === undefined || row.state === "DELETED") return undefined;
    const person = withPerson ? this.#lookups.person(id) : undefined;
    return {
      state: settle(toUserState(row), now).state,
      person: person === undefined ? EMPTY_PERSON : toPerson(person),
    };
  }
}

type Look = (id: string) => Ordered | undefined;

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

/** Where the walk may begin: what lies before cannot match. Every id comes after the empty one. */
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

/** How long candidates may be looked at in one go: there are at most a slice of them. */
const CHOOSE_MS_MAX = 1_000;

function choose(ids: ReadonlySet<string>, order: UserSearchOrder, keep: number, look: Look): Slice {
  const endTime = performance.now() + CHOOSE_MS_MAX;
  const found: Ordered[] = [];
  for (const id of ids) {
    const match = look(id);
    if (match !== undefined) found.push(match);
    if (performance.now() > endTime) return { matches: [], count: 0, isInOrder: true, rows: ids.size, isGivenUp: true };
  }
  const count = found.length;
  return { matches: firstOf(found, keep, order), count, isInOrder: true, rows: ids.size };
}

function prepareLookups(runner: QueryRunner) {
  return {
    state: runner.byKey(build.selectFrom("user_state").selectAll().where("id", "=", "").compile()),
    person: runner.byKey(
      build.selectFrom("user_profile").select(["profile", "attributes"]).where("id", "=", "").compile(),
    ),
  };
}
