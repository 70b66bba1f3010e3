/** The few users that can match a search, by the indexes that know them. */
import type { CompiledQuery } from "kysely";
import type { RestrictionKind } from "../../../domain/restriction.ts";
import type { UserPredicate, UserSearch } from "../../queries.ts";
import { toPrefixEnd, toSearchKey } from "../../search/search-key.ts";
import { toKindMasks } from "../rows.ts";
import { build, type QueryRunner } from "./list-query.ts";

type Ids = ReadonlySet<string>;
/** Any query of ids, of whatever table. */
interface IdQuery {
  limit(count: number): { compile(): CompiledQuery<{ id: string }> };
}

type TextPredicate = Extract<UserPredicate, { kind: "text" }>;

/** A superset of the matches, at most `limit`, in no order; `undefined`: no index narrows them down so far. */
export function findSearchCandidates(
  runner: QueryRunner,
  { organizationId, where }: Pick<UserSearch, "organizationId" | "where">,
  limit: number,
): Ids | undefined {
  return new Finder(runner, organizationId, limit).find(where);
}

/** A set that is so small need not be narrowed further. */
const FEW = 50;
/** All look-ups of one search together may fetch so many times the limit. */
const LOOKUPS_FACTOR = 4;

class Finder {
  readonly #runner: QueryRunner;
  readonly #organizationId: string | null;
  readonly #limit: number;
  /** Rows that look-ups may still fetch; one that finds nothing counts as one. */
  #rowsLeft: number;

  constructor(runner: QueryRunner, organizationId: string | null, limit: number) {
    this.#runner = runner;
    this.#organizationId = organizationId;
    this.#limit = limit;
    this.#rowsLeft = LOOKUPS_FACTOR * limit;
  }

  find(predicate: UserPredicate): Ids | undefined {
    switch (predicate.kind) {
      case "and": {
        let fewest: Ids | undefined;
        for (const each of predicate.of) {
          const ids = this.find(each);
          if (ids !== undefined && (fewest === undefined || ids.size < fewest.size)) fewest = ids;
          if (fewest !== undefined && fewest.size <= FEW) break;
        }
        return fewest;
      }
      case "or":
        return this.#union(predicate.of, (each) => this.find(each));
      case "state":
        return this.#byStates(predicate.states);
      case "restriction":
        return this.#byKind(predicate.of);
      case "organization":
        return this.#byOrganizations(predicate.ids);
      case "text":
        return this.#byText(predicate);
      default:
        return undefined;
    }
  }

  #union<T>(parts: readonly T[], find: (part: T) => Ids | undefined): Ids | undefined {
    const all = new Set<string>();
    for (const part of parts) {
      const ids = find(part);
      if (ids === undefined) return undefined;
      for (const id of ids) all.add(id);
      if (all.size > this.#limit) return undefined;
    }
    return all;
  }

  /** Whoever looks within one organization learns nothing of another, not even by how long it takes. */
  #byOrganizations(ids: readonly string[]): Ids | undefined {
    const own = this.#organizationId;
    const reachable = own === null ? ids : ids.filter((id) => id === own);
    return this.#union(reachable, (id) => this.#fetch(usersOf(id)));
  }

  /** At most as many as the limit; `undefined` where there are more, or where too much was fetched already. */
  #fetch(query: IdQuery): Ids | undefined {
    if (this.#rowsLeft <= 0) return undefined;
    const rows = this.#runner.all(query.limit(this.#limit + 1).compile());
    this.#rowsLeft -= Math.max(1, rows.length);
    return atMost(this.#limit, rows);
  }

  /** Deleted users are never found; active ones are in no index. */
  #byStates(states: Extract<UserPredicate, { kind: "state" }>["states"]): Ids | undefined {
    const kinds: RestrictionKind[] = [];
    for (const state of states) {
      if (state === "ACTIVE") return undefined;
      if (state !== "DELETED") kinds.push(KIND_OF_STATE[state]);
    }
    return this.#union(kinds, (kind) => this.#byKind(kind));
  }

  /** The index knows scheduled restrictions as well, and what has expired unwritten: a superset. */
  #byKind(kind: RestrictionKind): Ids | undefined {
    return this.#union(toKindMasks([kind]), (mask) => {
      // `kinds > 0` repeats the condition of the partial index: without it the planner must not use it.
      let query = build.selectFrom("user_state").select("id").where("kinds", ">", 0).where("kinds", "=", mask);
      if (this.#organizationId !== null) query = query.where("organization_id", "=", this.#organizationId);
      return this.#fetch(query);
    });
  }

  #byText({ field, method, ignoreCase, value }: TextPredicate): Ids | undefined {
    if (method !== "equals" && method !== "starts_with") return undefined;
    // The keys know usernames and addresses normalised; ids are known as they are alone.
    if (field === "id" && ignoreCase) return undefined;
    if (field === "id") return method === "equals" ? new Set([value]) : this.#byIdPrefix(value);
    if (field !== "username" && field !== "email") return undefined;
    const key = method === "equals" || ignoreCase ? toSearchKey(value) : keyOfExactPrefix(value);
    if (key === "") return undefined;
    const column = `${field}_key` as const;
    let query = build.selectFrom("user_profile").select("id");
    if (this.#organizationId !== null) query = query.where("organization_id", "=", this.#organizationId);
    if (method === "equals") {
      query = query.where(column, "=", key);
    } else {
      query = query.where(column, ">=", key);
      const end = toPrefixEnd(key);
      if (end !== null) query = query.where(column, "<", end);
    }
    return this.#fetch(query);
  }

  #byIdPrefix(prefix: string): Ids | undefined {
    if (prefix === "") return undefined;
    let query = build.selectFrom("user_state").select("id").where("id", ">=", prefix);
    if (this.#organizationId !== null) query = query.where("organization_id", "=", this.#organizationId);
    const end = toPrefixEnd(prefix);
    if (end !== null) query = query.where("id", "<", end);
    return this.#fetch(query);
  }
}

/**
 * A prefix of every key whose text begins exactly so. Normalising composes characters: what follows the prefix may change
 * its last one. Between two ASCII characters nothing composes, so all but the last of an ASCII prefix stays.
 */
function keyOfExactPrefix(prefix: string): string {
  const isAscii = [...prefix].every((character) => character > " " && character <= "~");
  return isAscii ? toSearchKey(prefix.slice(0, -1)) : "";
}

const KIND_OF_STATE = { BANNED: "BAN", INACTIVE: "DEACTIVATION", LOCKED: "LOCK" } as const;

/** All users of an organization; `undefined`: they are more than `limit`, or no organization is asked for. */
export function findUsersOf(runner: QueryRunner, organizationId: string | null, limit: number): Ids | undefined {
  if (organizationId === null) return undefined;
  return atMost(
    limit,
    runner.all(
      usersOf(organizationId)
        .limit(limit + 1)
        .compile(),
    ),
  );
}

function usersOf(organizationId: string) {
  return build.selectFrom("user_profile").select("id").where("organization_id", "=", organizationId);
}

function atMost(limit: number, rows: readonly { readonly id: string }[]): Ids | undefined {
  return rows.length > limit ? undefined : new Set(rows.map(({ id }) => id));
}
