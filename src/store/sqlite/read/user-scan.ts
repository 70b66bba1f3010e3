/** Reads single users for lists and searches: settled, and only if they match. */
import { settle } from "../../../domain/settle.ts";
import {
  type Attributes,
  EMPTY_PERSON,
  type Person,
  type Profile,
  type User,
  type UserState,
} from "../../../domain/user.ts";
import type { UserPredicate } from "../../queries.ts";
import {
  PERSON_COLUMN,
  SELECT_USER,
  toUserState,
  USER_ROW_LENGTH,
  USER_STATE_COLUMNS,
  type UserRow,
  type UserStateRow,
} from "../../rows/narrow-rows.ts";
import { toAttributes, toProfile } from "../../rows/rows.ts";
import { compilePredicate, isTrivial } from "../../search/user-predicate.ts";
import { build, type QueryRunner } from "./list-query.ts";

/** Which users are shown. */
export interface UserConditions {
  /** Only this organization; `null`: all. */
  readonly organizationId: string | null;
  readonly where: UserPredicate;
  readonly showDeleted: boolean;
}

/** A person whose parts are read on first use: attributes may be large, and few conditions need them. */
class ScannedPerson implements Person {
  readonly #id: string;
  readonly #lookups: Lookups;
  #profile: Profile | undefined;
  #attributes: Attributes | undefined;

  constructor(id: string, lookups: Lookups) {
    this.#id = id;
    this.#lookups = lookups;
  }

  get profile(): Profile {
    if (this.#profile === undefined) {
      const row = this.#lookups.profile(this.#id);
      this.#profile = row === undefined ? EMPTY_PERSON.profile : toProfile(row);
    }
    return this.#profile;
  }

  get attributes(): Attributes {
    if (this.#attributes === undefined) {
      const row = this.#lookups.attributes(this.#id);
      this.#attributes = row === undefined ? EMPTY_PERSON.attributes : toAttributes(row);
    }
    return this.#attributes;
  }
}

/** A settled user. Its person is read on first use: many conditions do not need it. */
export class ScannedUser implements User {
  /** The position of its last event. */
  readonly lastPosition: number;
  readonly state: UserState;
  readonly person: Person;
  readonly #row: UserStateRow | UserRow;
  readonly #lookups: Lookups;

  constructor(row: UserStateRow | UserRow, now: number, lookups: Lookups) {
    this.#row = row;
    this.lastPosition = row[7];
    this.state = settle(toUserState(row), now).state;
    this.person = new ScannedPerson(this.state.id, lookups);
    this.#lookups = lookups;
  }

  /** Returns the whole user as its rows have it, not settled: what crosses to another thread at the least cost. */
  toRow(): UserRow {
    const row = this.#row;
    if (row.length === USER_ROW_LENGTH) return row;
    const [text = null] = this.#lookups.person(this.state.id) ?? [];
    return [...row, text];
  }
}

/** Returns the user if it matches. `lastPosition`: only if that is its last event. */
export type Look = (id: string, lastPosition?: number) => ScannedUser | undefined;

export class UserScan {
  readonly #lookups: Lookups;

  constructor(runner: QueryRunner) {
    this.#lookups = prepareLookups(runner);
  }

  /** Returns the settled user; `undefined`: there is none. */
  read(id: string, now: number): ScannedUser | undefined {
    const row = this.#lookups.state(id);
    return row === undefined ? undefined : new ScannedUser(row, now, this.#lookups);
  }

  /** Returns the function that reads a user and checks the conditions. */
  looker({ organizationId, where, showDeleted }: UserConditions, now: number): Look {
    const matches = compilePredicate(where);
    // Without a condition every user is shown, so its person is read with it.
    const read = isTrivial(where) ? this.#lookups.user : this.#lookups.state;
    return (id, lastPosition) => {
      const row = read(id);
      if (row === undefined) return undefined;
      const [, ownerId, deleted, , , , , position] = row;
      if (lastPosition !== undefined && position !== lastPosition) return undefined;
      if (deleted === 1 && !showDeleted) return undefined;
      if (organizationId !== null && ownerId !== organizationId) return undefined;
      const user = new ScannedUser(row, now, this.#lookups);
      return matches(user) ? user : undefined;
    };
  }
}

type Lookups = ReturnType<typeof prepareLookups>;

function prepareLookups(runner: QueryRunner) {
  const profile = build.selectFrom("user_profile").where("id", "=", "");
  return {
    user: runner.narrowByKey<UserRow>(SELECT_USER),
    state: runner.narrowByKey<UserStateRow>(`SELECT ${USER_STATE_COLUMNS} FROM user_state WHERE id = ?`),
    person: runner.narrowByKey<readonly [string]>(`SELECT ${PERSON_COLUMN} FROM user_profile WHERE id = ?`),
    profile: runner.byKey(profile.select("profile").compile()),
    attributes: runner.byKey(profile.select("attributes").compile()),
  };
}
