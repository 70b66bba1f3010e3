/** Reads users for lists and searches, chunk by chunk: settled, and only those that match. */
import { settle } from "../../domain/settle.ts";
import {
  type Attributes,
  EMPTY_PERSON,
  type Person,
  type Profile,
  type User,
  type UserState,
} from "../../domain/user.ts";
import type { UserPredicate, UserSearchOrder } from "../queries.ts";
import { toUserState, USER_ROW_LENGTH, type UserRow, type UserStateRow } from "../rows/narrow-rows.ts";
import { toAttributes, toProfile } from "../rows/rows.ts";
import { compilePredicate, type Matches, type PersonReads, personReadsOf } from "../search/user-predicate.ts";
import type { ListQueries, LookUp } from "./list-queries.ts";
import { CHUNK_ROWS, PERSON_ROWS } from "./page-walk.ts";

/** Which users are shown. */
export interface UserConditions {
  /** Only this organization; `null`: all. */
  readonly organizationId: string | null;
  readonly where: UserPredicate;
  readonly showDeleted: boolean;
}

/** The parts of persons that conditions and orders read. */
interface PersonParts {
  readonly profile: LookUp<string>;
  readonly attributes: LookUp<string>;
}

/** A person whose parts are read on first use: attributes may be large, and few conditions need them. */
class ScannedPerson implements Person {
  readonly #id: string;
  readonly #parts: PersonParts;
  #profile: Profile | undefined;
  #attributes: Attributes | undefined;

  constructor(id: string, parts: PersonParts) {
    this.#id = id;
    this.#parts = parts;
  }

  get profile(): Profile {
    if (this.#profile === undefined) {
      const profile = this.#parts.profile(this.#id);
      this.#profile = profile === undefined ? EMPTY_PERSON.profile : toProfile({ profile });
    }
    return this.#profile;
  }

  get attributes(): Attributes {
    if (this.#attributes === undefined) {
      const attributes = this.#parts.attributes(this.#id);
      this.#attributes = attributes === undefined ? EMPTY_PERSON.attributes : toAttributes({ attributes });
    }
    return this.#attributes;
  }
}

/** A settled user. Its person has the parts that the conditions and the order of its list read. */
export class ScannedUser implements User {
  /** The position of its last event. */
  readonly lastPosition: number;
  readonly state: UserState;
  readonly person: Person;
  /** As it is stored, with the person if it was read with it. */
  readonly row: UserStateRow | UserRow;

  constructor(row: UserStateRow | UserRow, now: number, parts: PersonParts) {
    this.row = row;
    this.lastPosition = row[7];
    this.state = settle(toUserState(row), now).state;
    this.person = new ScannedPerson(this.state.id, parts);
  }
}

/** Returns the user if it matches. `lastPosition`: only if that is its last event. */
export type Look = (id: string, lastPosition?: number) => ScannedUser | undefined;

export interface ScanOptions extends UserConditions {
  /** What users are sorted by; absent: something that the state has. */
  readonly orderedBy?: UserSearchOrder["by"];
  /** Whether persons are read together with the states: that is one query less where every user is shown. */
  readonly withPersons?: boolean;
}

/** Reads users and checks the conditions. */
export class UserScan {
  /** Users that one `look` is for, at most. */
  readonly chunkRows: number;
  readonly #queries: ListQueries;
  readonly #options: ScanOptions;
  readonly #now: number;
  readonly #matches: Matches;
  readonly #reads: PersonReads;

  constructor(queries: ListQueries, options: ScanOptions, now: number) {
    this.#queries = queries;
    this.#options = options;
    this.#now = now;
    this.#matches = compilePredicate(options.where);
    this.#reads = personReadsOf(options.where, options.orderedBy);
    this.chunkRows = options.withPersons || this.#reads.attributes ? PERSON_ROWS : CHUNK_ROWS;
  }

  /** Looks up the users of one chunk. */
  async look(ids: readonly string[]): Promise<Look> {
    const { organizationId, showDeleted, withPersons = false } = this.#options;
    const queries = this.#queries;
    const [read, profile, attributes] = await Promise.all([
      withPersons ? queries.users(ids) : queries.userStates(ids),
      this.#reads.profile ? queries.profiles(ids) : NOTHING,
      this.#reads.attributes ? queries.attributes(ids) : NOTHING,
    ]);
    const parts: PersonParts = { profile, attributes };
    return (id, lastPosition) => {
      const row = read(id);
      if (row === undefined) return undefined;
      const [, ownerId, deleted, , , , , position] = row;
      if (lastPosition !== undefined && position !== lastPosition) return undefined;
      if (deleted === 1 && !showDeleted) return undefined;
      if (organizationId !== null && ownerId !== organizationId) return undefined;
      const user = new ScannedUser(row, this.#now, parts);
      return this.#matches(user) ? user : undefined;
    };
  }

  /** Looks up many users, chunk by chunk. `take` gets each user that matches, and returns whether to go on. */
  async lookAll(ids: Iterable<string>, take: (user: ScannedUser | undefined) => boolean): Promise<void> {
    const all = [...ids];
    for (let from = 0; from < all.length; from += this.chunkRows) {
      const chunk = all.slice(from, from + this.chunkRows);
      const user = await this.look(chunk);
      for (const id of chunk) {
        if (!take(user(id))) return;
        const pausing = this.#queries.pause();
        if (pausing !== undefined) await pausing;
      }
    }
  }
}

const NOTHING: LookUp<string> = () => undefined;

/** Returns whole users as their rows have them, not settled: what crosses to another thread at the least cost. */
export async function toUserRows(queries: ListQueries, users: readonly ScannedUser[]): Promise<readonly UserRow[]> {
  const lacking = users.flatMap(({ row, state }) => (row.length === USER_ROW_LENGTH ? [] : [state.id]));
  const personOf = lacking.length === 0 ? NOTHING : await queries.persons(lacking);
  return users.map(({ row, state }) => (row.length === USER_ROW_LENGTH ? row : [...row, personOf(state.id) ?? null]));
}
