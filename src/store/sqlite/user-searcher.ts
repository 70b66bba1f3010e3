/** The reader's part of a search: one slice of matches at a time, so that other lists are served in between. */
import { settle } from "../../domain/settle.ts";
import { EMPTY_PERSON, type User } from "../../domain/user.ts";
import type { UserPredicate, UserSearch, UserSearchOrder } from "../store.ts";
import {
  compareOrdered,
  compilePredicate,
  type Matches,
  needsPerson,
  type Ordered,
  orderKeyOf,
} from "../user-predicate.ts";
import type { Limits } from "./limits.ts";
import { Budget, build, type QueryRunner } from "./list-query.ts";
import type { PageKey } from "./page-token.ts";
import { toPerson, toUserState } from "./rows.ts";
import { findSearchCandidates, findUsersOf } from "./search-candidates.ts";
import { type Step, walkByCreation, walkById } from "./user-walk.ts";

/** What is asked of one slice: the search, and where the slice before it ended. */
export interface SliceQuery {
  readonly search: Pick<UserSearch, "organizationId" | "where" | "order">;
  readonly after?: PageKey;
}

export interface Slice {
  /** In the order that was asked for where `isInOrder`, else in any. */
  readonly matches: readonly Ordered[];
  readonly isInOrder: boolean;
  /** Users looked at. */
  readonly rows: number;
  /** Absent: nothing is left. */
  readonly next?: PageKey;
}

/** The order that a walk takes by itself. */
type WalkOrder = { readonly by: "id" | "creation"; readonly direction: "asc" | "desc" };

export class UserSearcher {
  readonly #runner: QueryRunner;
  readonly #limits: Limits;
  readonly #lookups: ReturnType<typeof prepareLookups>;

  constructor(runner: QueryRunner, limits: Limits) {
    this.#runner = runner;
    this.#limits = limits;
    this.#lookups = prepareLookups(runner);
  }

  slice({ search, after }: SliceQuery, now: number): Slice {
    const look = this.#looker(search, now);
    return this.#runner.snapshot(() => {
      // Only the first slice may be all there is: later ones go on where the walk was.
      const ids = after === undefined ? this.#candidates(search) : undefined;
      return ids === undefined ? this.#walk(search, after, look) : choose(ids, search.order, look);
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

  /** Settled users by id; those that are deleted by now are left out. */
  read(ids: readonly string[], now: number): readonly User[] {
    return this.#runner.snapshot(() => {
      const users: User[] = [];
      for (const id of ids) {
        const user = this.#read(id, now, true);
        if (user !== undefined) users.push(user);
      }
      return users;
    });
  }

  #walk(search: SliceQuery["search"], after: PageKey | undefined, look: Look): Slice {
    const budget = new Budget(this.#limits);
    const matches: Ordered[] = [];
    const walk = walkOrderOf(search);
    let rows = 0;
    for (const step of this.#steps(search, walk, after, budget)) {
      rows++;
      const match = step.id === undefined ? undefined : look(step.id);
      if (match !== undefined) matches.push(match);
      if (budget.isSpent && !step.isLast)
        return { matches, isInOrder: walk.by === search.order.by, rows, next: step.key };
    }
    return { matches, isInOrder: walk.by === search.order.by, rows };
  }

  #steps(
    { organizationId, where }: SliceQuery["search"],
    { by, direction }: WalkOrder,
    after: PageKey | undefined,
    budget: Budget,
  ): Generator<Step> {
    if (by === "id") return walkById(this.#runner, direction, after, budget);
    const from = after ?? creationBound(where, direction);
    return walkByCreation(this.#runner, { organizationId }, `creation_${direction}`, from, budget);
  }

  #looker({ organizationId, where, order }: SliceQuery["search"], now: number): Look {
    const matches: Matches = compilePredicate(where);
    const isPersonNeeded = needsPerson(where) || !["id", "creation", "change", "state"].includes(order.by);
    return (id) => {
      const user = this.#read(id, now, isPersonNeeded);
      if (user === undefined) return undefined;
      const isElsewhere = organizationId !== null && user.state.organizationId !== organizationId;
      return isElsewhere || !matches(user) ? undefined : { id, key: orderKeyOf(user, order.by) };
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

/** An organization's users are walked by its index; ids are walked in order only where all of them are asked for. */
function walkOrderOf({ organizationId, order }: SliceQuery["search"]): WalkOrder {
  const direction = order.descending ? "desc" : "asc";
  return { by: order.by === "id" && organizationId === null ? "id" : "creation", direction };
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

function choose(ids: ReadonlySet<string>, order: UserSearchOrder, look: Look): Slice {
  const matches: Ordered[] = [];
  for (const id of ids) {
    const match = look(id);
    if (match !== undefined) matches.push(match);
  }
  matches.sort((a, b) => compareOrdered(a, b, order));
  return { matches, isInOrder: true, rows: ids.size };
}

function prepareLookups(runner: QueryRunner) {
  return {
    state: runner.byKey(build.selectFrom("user_state").selectAll().where("id", "=", "").compile()),
    person: runner.byKey(
      build.selectFrom("user_profile").select(["profile", "attributes"]).where("id", "=", "").compile(),
    ),
  };
}
