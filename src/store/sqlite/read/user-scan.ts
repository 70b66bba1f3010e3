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
import { compilePredicate } from "../../search/user-predicate.ts";
import { toAttributes, toPerson, toProfile, toUserState } from "../rows.ts";
import type { UserStateTable } from "../schema.ts";
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
  readonly row: UserStateTable;
  readonly state: UserState;
  readonly person: Person;
  readonly #lookups: Lookups;

  constructor(row: UserStateTable, now: number, lookups: Lookups) {
    this.row = row;
    this.state = settle(toUserState(row), now).state;
    this.person = new ScannedPerson(row.id, lookups);
    this.#lookups = lookups;
  }

  /** Returns plain data, which can be sent to another thread. */
  toUser(): User {
    const row = this.#lookups.person(this.state.id);
    return { state: this.state, person: row === undefined ? EMPTY_PERSON : toPerson(row) };
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
    return (id, lastPosition) => {
      const row = this.#lookups.state(id);
      if (row === undefined || (lastPosition !== undefined && row.last_position !== lastPosition)) return undefined;
      if (row.state === "DELETED" && !showDeleted) return undefined;
      if (organizationId !== null && row.organization_id !== organizationId) return undefined;
      const user = new ScannedUser(row, now, this.#lookups);
      return matches(user) ? user : undefined;
    };
  }
}

type Lookups = ReturnType<typeof prepareLookups>;

function prepareLookups(runner: QueryRunner) {
  const profile = build.selectFrom("user_profile").where("id", "=", "");
  return {
    state: runner.byKey(build.selectFrom("user_state").selectAll().where("id", "=", "").compile()),
    person: runner.byKey(profile.select(["profile", "attributes"]).compile()),
    profile: runner.byKey(profile.select("profile").compile()),
    attributes: runner.byKey(profile.select("attributes").compile()),
  };
}
