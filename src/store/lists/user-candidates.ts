/** The index planner: finds the few users that can match through the indexes that have them. */
import { type CompiledQuery, sql } from "kysely";
import { RESTRICTION_KINDS, type RestrictionKind } from "../../domain/restriction.ts";
import { toPrefixEnd, toSearchKey } from "../../domain/search-key.ts";
import type { State } from "../../domain/user.ts";
import type { UserPredicate } from "../queries.ts";
import { toKindMasks } from "../rows/rows.ts";
import { alongIndex, only } from "./index-walk.ts";
import type { ListQueries } from "./list-queries.ts";
import type { UserConditions } from "./user-scan.ts";

type Ids = ReadonlySet<string>;
/** Any query of ids, of any table. */
interface IdQuery {
  limit(count: number): { compile(): CompiledQuery<{ id: string }> };
}

type TextPredicate = Extract<UserPredicate, { kind: "text" }>;

/** Returns a superset of the matches, at most `limit`, in no order; `undefined`: no index narrows them down so far. */
export function findCandidates(
  queries: ListQueries,
  conditions: UserConditions,
  limit: number,
): Promise<Ids | undefined> {
  return new Finder(queries, conditions, limit).find(conditions.where);
}

/** Returns all users of an organization; `undefined`: they are more than `limit`, or no organization is given. */
export async function findUsersOf(
  queries: ListQueries,
  organizationId: string | null,
  limit: number,
): Promise<Ids | undefined> {
  if (organizationId === null) return undefined;
  const select = profilesOf(queries, organizationId).limit(limit + 1);
  return atMost(limit, await queries.all(select.compile()));
}

/** A set this small need not be narrowed further. */
const FEW = 50;
/** All look-ups of one search together may fetch this many times the limit. */
const LOOKUPS_FACTOR = 4;
/** Which parts of a conjunction are tried first: a text finds few users as a rule. */
const RANKS: Readonly<Partial<Record<UserPredicate["kind"], number>>> = { text: 0, or: 1, due: 2 };
const LAST_RANK = 3;
/** All look-ups of one search together may take so long: each one may be a way to a server and back. */
const LOOKUPS_MS_MAX = 1_000;

class Finder {
  readonly #queries: ListQueries;
  readonly #organizationId: string | null;
  readonly #showDeleted: boolean;
  readonly #limit: number;
  /** Rows that look-ups may still fetch; a look-up without rows counts as one. */
  #rowsLeft: number;
  readonly #endTime = performance.now() + LOOKUPS_MS_MAX;

  constructor(queries: ListQueries, { organizationId, showDeleted }: UserConditions, limit: number) {
    this.#queries = queries;
    this.#organizationId = organizationId;
    this.#showDeleted = showDeleted;
    this.#limit = limit;
    this.#rowsLeft = LOOKUPS_FACTOR * limit;
  }

  async find(predicate: UserPredicate): Promise<Ids | undefined> {
    switch (predicate.kind) {
      case "and":
        return this.#fewest(predicate.of);
      case "or":
        return this.#union(predicate.of, (each) => this.find(each));
      case "state":
        return this.#byStates(predicate.states);
      case "restriction":
        // The index knows scheduled restrictions too, and expired ones whose end is not written: a superset.
        return this.#byKinds(predicate.kinds ?? RESTRICTION_KINDS);
      case "due":
        return this.#byDue(predicate.before);
      case "organization":
        return this.#byOrganizations(predicate.ids);
      case "text":
        return this.#byText(predicate);
      default:
        return undefined;
    }
  }

  async #fewest(parts: readonly UserPredicate[]): Promise<Ids | undefined> {
    let fewest: Ids | undefined;
    for (const part of parts.toSorted((a, b) => rankOf(a) - rankOf(b))) {
      const ids = await this.find(part);
      if (ids !== undefined && (fewest === undefined || ids.size < fewest.size)) fewest = ids;
      if (fewest !== undefined && fewest.size <= FEW) break;
    }
    return fewest;
  }

  async #union<T>(
    parts: readonly T[],
    find: (part: T) => Promise<Ids | undefined> | Ids | undefined,
  ): Promise<Ids | undefined> {
    const all = new Set<string>();
    for (const part of parts) {
      const ids = await find(part);
      if (ids === undefined) return undefined;
      for (const id of ids) all.add(id);
      if (all.size > this.#limit) return undefined;
    }
    return all;
  }

  /** A caller within one organization learns nothing of another, not even by how long the answer takes. */
  #byOrganizations(ids: readonly string[]): Promise<Ids | undefined> {
    const own = this.#organizationId;
    const reachable = own === null ? ids : ids.filter((id) => id === own);
    return this.#union(reachable, (id) => this.#fetch(this.#profilesOf(id)));
  }

  /** Returns at most `limit` ids; `undefined` if there are more, or if too much was fetched already. */
  async #fetch(query: IdQuery): Promise<Ids | undefined> {
    if (this.#rowsLeft <= 0 || performance.now() >= this.#endTime) return undefined;
    const rows = await this.#queries.all(query.limit(this.#limit + 1).compile());
    this.#rowsLeft -= Math.max(1, rows.length);
    return atMost(this.#limit, rows);
  }

  /** No index knows the active users. */
  async #byStates(states: readonly State[]): Promise<Ids | undefined> {
    const kinds: RestrictionKind[] = [];
    for (const state of states) {
      if (state === "ACTIVE") return undefined;
      if (state !== "DELETED") kinds.push(KIND_OF_STATE[state]);
    }
    const restricted = await this.#byKinds(kinds);
    if (restricted === undefined || !this.#showDeleted || !states.includes("DELETED")) return restricted;
    const deleted = await this.#fetch(this.#statesOf().where("state", "=", sql.lit("DELETED")));
    return await this.#union([restricted, deleted], (ids) => ids);
  }

  #byKinds(kinds: readonly RestrictionKind[]): Promise<Ids | undefined> {
    return this.#union(toKindMasks(kinds), (mask) =>
      // `kinds > 0` repeats the condition of the partial index: without it the planner must not use it. As a parameter it
      // could be any number.
      this.#fetch(this.#statesOf().where("kinds", ">", sql.lit(0)).where("kinds", "=", mask)),
    );
  }

  /** A row that is behind the clock has an earlier instant than the settled user, so it is found too. */
  #byDue(before: number): Promise<Ids | undefined> {
    // The order is the index's, and with it the planner takes the index whatever else is known.
    const { build } = this.#queries;
    return this.#fetch(build.selectFrom("user_state").select("id").where("next_due", "<", before).orderBy("next_due"));
  }

  async #byText({ field, method, ignoreCase, value }: TextPredicate): Promise<Ids | undefined> {
    if (method !== "equals" && method !== "starts_with") return undefined;
    const key = toSearchKey(value);
    // A blank text matches nobody.
    if (ignoreCase && key === "") return new Set();
    // The keys know usernames and addresses normalised; ids are known only as they are.
    if (field === "id" && ignoreCase) return undefined;
    if (field === "id") return method === "equals" ? new Set([value]) : this.#byPrefix("id", value);
    if (field !== "username" && field !== "email") return undefined;
    const column = `${field}_key` as const;
    if (method === "starts_with") return this.#byPrefix(column, ignoreCase ? key : keyOfExactPrefix(value));
    return key === "" ? undefined : this.#fetch(this.#profilesOf(this.#organizationId).where(column, "=", key));
  }

  async #byPrefix(column: "id" | "username_key" | "email_key", prefix: string): Promise<Ids | undefined> {
    if (prefix === "") return undefined;
    const { where, order } = alongIndex(this.#queries, {
      only: only("organization_id", this.#organizationId),
      columns: [column],
      direction: "asc",
      from: prefix,
      before: toPrefixEnd(prefix) ?? undefined,
    });
    const select = this.#queries.build.selectFrom("user_profile").select("id");
    return this.#fetch(select.where(where).orderBy(order));
  }

  #profilesOf(organizationId: string | null) {
    return profilesOf(this.#queries, organizationId);
  }

  #statesOf() {
    const query = this.#queries.build.selectFrom("user_state").select("id");
    return this.#organizationId === null ? query : query.where("organization_id", "=", this.#organizationId);
  }
}

function rankOf({ kind }: UserPredicate): number {
  return RANKS[kind] ?? LAST_RANK;
}

/**
 * Returns a prefix of every key whose text begins with exactly this prefix. Normalising composes characters: what
 * follows the prefix may change its last one. Two ASCII characters never compose, so all but the last one of an ASCII
 * prefix stays.
 */
function keyOfExactPrefix(prefix: string): string {
  const isAscii = [...prefix].every((character) => character > " " && character <= "~");
  return isAscii ? toSearchKey(prefix.slice(0, -1)) : "";
}

const KIND_OF_STATE = { BANNED: "BAN", INACTIVE: "DEACTIVATION", LOCKED: "LOCK" } as const;

function profilesOf({ build }: ListQueries, organizationId: string | null) {
  const query = build.selectFrom("user_profile").select("id");
  return organizationId === null ? query : query.where("organization_id", "=", organizationId);
}

function atMost(limit: number, rows: readonly { readonly id: string }[]): Ids | undefined {
  return rows.length > limit ? undefined : new Set(rows.map(({ id }) => id));
}
