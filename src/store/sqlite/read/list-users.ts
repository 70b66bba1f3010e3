/** ListUsers: a small set of candidates where an index gives one, else a walk along the order that was asked for. */

import type { Json } from "../../../domain/canonical-json.ts";
import { personWeight } from "../../../domain/page-weight.ts";
import { settle } from "../../../domain/settle.ts";
import { EMPTY_PERSON, type User, type UserState } from "../../../domain/user.ts";
import type { Limits } from "../../limits.ts";
import type { Page, UserQuery } from "../../queries.ts";
import { type Asked, type PageKey, parsePageToken, toPageToken } from "../../search/page-token.ts";
import { matchesSearch, matchesState, searchKeyOf } from "../../search/user-filter.ts";
import { toPerson, toUserState } from "../rows.ts";
import type { UserStateTable } from "../schema.ts";
import { Budget, build, type QueryRunner } from "./list-query.ts";
import { findCandidates } from "./user-candidates.ts";
import { walkByChange, walkByCreation } from "./user-walk.ts";

/** A user whose row was looked at, with its place in the order. */
interface Found {
  readonly state: UserState;
  readonly key: PageKey;
}

export class UserLister {
  readonly #runner: QueryRunner;
  readonly #limits: Limits;
  readonly #lookups: ReturnType<typeof prepareLookups>;

  constructor(runner: QueryRunner, limits: Limits) {
    this.#runner = runner;
    this.#limits = limits;
    this.#lookups = prepareLookups(runner);
  }

  /**
   * Both ways continue at the same kind of key, so a list may change from one to the other between two pages, for
   * example when more than a slice of candidates has come to exist.
   */
  list(query: UserQuery, now: number): Page<User> {
    const shape = query.order === "change_desc" ? (["position"] as const) : (["time", "id"] as const);
    const asked: Asked = { seal: this.#runner.seal, asked: askedOf(query), shape };
    const after = parsePageToken(asked, query.after);
    return this.#runner.snapshot(() => {
      const ids = findCandidates(this.#runner, query.filter, this.#limits.sliceRows);
      const page = ids === undefined ? this.#walk(query, after, now) : this.#choose(ids, query, after, now);
      const { items, next } = this.#fill(page);
      return next === undefined ? { items } : { items, next: toPageToken(asked, next) };
    });
  }

  /** A page of large profiles ends early: its answer has to fit into a message. */
  #fill({ found, next }: FoundPage): { readonly items: readonly User[]; readonly next: PageKey | undefined } {
    const items: User[] = [];
    let weight = 0;
    for (const { state, key } of found) {
      const user = this.#toUser(state);
      items.push(user);
      weight += personWeight(user.person);
      if (weight > this.#limits.pageChars && items.length < found.length) return { items, next: key };
    }
    return { items, next };
  }

  /** All candidates at once, put in order: there are at most a slice of them. */
  #choose(ids: readonly string[], query: UserQuery, after: PageKey | undefined, now: number): FoundPage {
    const found: Found[] = [];
    for (const id of ids) {
      const one = this.#look(id, query, now);
      if (one === undefined) continue;
      if (after === undefined || compareKeys(one.key, after, query.order) > 0) found.push(one);
    }
    found.sort((a, b) => compareKeys(a.key, b.key, query.order));
    const page = found.slice(0, query.pageSize);
    return { found: page, next: found.length > page.length ? page.at(-1)?.key : undefined };
  }

  #walk(query: UserQuery, after: PageKey | undefined, now: number): FoundPage {
    const budget = new Budget(this.#limits);
    const steps =
      query.order === "change_desc"
        ? walkByChange(this.#runner, query.filter, after, budget)
        : walkByCreation(this.#runner, query.filter, query.order, after, budget);
    const found: Found[] = [];
    for (const step of steps) {
      const one = step.id === undefined ? undefined : this.#look(step.id, query, now, step.lastPosition);
      if (one !== undefined) found.push(one);
      if (found.length >= query.pageSize || budget.isSpent) return { found, next: step.isLast ? undefined : step.key };
    }
    return { found, next: undefined };
  }

  /** The settled user, if the filter shows it; `lastPosition`: only if that is its last event. */
  #look(id: string, { filter, order }: UserQuery, now: number, lastPosition?: number): Found | undefined {
    const row = this.#lookups.state(id);
    if (row === undefined || (lastPosition !== undefined && row.last_position !== lastPosition)) return undefined;
    const { state } = settle(toUserState(row), now);
    if (!matchesState(state, filter)) return undefined;
    const searchKey = searchKeyOf(filter);
    if (searchKey !== undefined) {
      const keys = this.#lookups.searchKeys(id);
      if (keys === undefined || !matchesSearch(keys, searchKey)) return undefined;
    }
    return { state, key: keyOf(row, order) };
  }

  #toUser(state: UserState): User {
    const row = this.#lookups.person(state.id);
    return { state, person: row === undefined ? EMPTY_PERSON : toPerson(row) };
  }
}

interface FoundPage {
  readonly found: readonly Found[];
  readonly next: PageKey | undefined;
}

function prepareLookups(runner: QueryRunner) {
  const profile = build.selectFrom("user_profile").where("id", "=", "");
  return {
    state: runner.byKey(build.selectFrom("user_state").selectAll().where("id", "=", "").compile()),
    searchKeys: runner.byKey(profile.select(["username_key", "email_key"]).compile()),
    person: runner.byKey(profile.select(["profile", "attributes"]).compile()),
  };
}

function keyOf(row: UserStateTable, order: UserQuery["order"]): PageKey {
  return order === "change_desc" ? [row.last_position] : [row.creation_time, row.id];
}

/** Negative: `a` comes first. Ids compare as SQLite compares them, by their UTF-8 bytes. */
function compareKeys(a: PageKey, b: PageKey, order: UserQuery["order"]): number {
  const direction = order === "creation_asc" ? 1 : -1;
  for (const [index, part] of a.entries()) {
    const other = b[index];
    const difference =
      typeof part === "number" && typeof other === "number"
        ? part - other
        : Buffer.compare(Buffer.from(String(part)), Buffer.from(String(other)));
    if (difference !== 0) return direction * difference;
  }
  return 0;
}

/** Page size apart, a later page must ask the same. */
function askedOf({ filter, order }: UserQuery): Json {
  const { organizationId, states = [], restrictionKinds = [], reasonCodes = [], idPrefix = "", showDeleted } = filter;
  const { dueBefore = null } = filter;
  return [
    "users",
    order,
    organizationId,
    [...states],
    [...restrictionKinds],
    [...reasonCodes],
    idPrefix,
    searchKeyOf(filter) ?? null,
    showDeleted,
    dueBefore,
  ];
}
