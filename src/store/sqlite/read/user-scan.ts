/** Reads single users for lists and searches: settled, and only if they match. */
import { settle } from "../../../domain/settle.ts";
import { EMPTY_PERSON, type Person, type User, type UserState } from "../../../domain/user.ts";
import type { UserPredicate } from "../../queries.ts";
import { compilePredicate } from "../../search/user-predicate.ts";
import { toPerson, toUserState } from "../rows.ts";
import type { UserStateTable } from "../schema.ts";
import { build, type QueryRunner } from "./list-query.ts";

/** Which users are shown. */
export interface UserConditions {
  /** Only this organization; `null`: all. */
  readonly organizationId: string | null;
  readonly where: UserPredicate;
  readonly showDeleted: boolean;
}

/** A settled user. Its person is read on first use: many conditions do not need it. */
export class ScannedUser implements User {
  readonly row: UserStateTable;
  readonly state: UserState;
  readonly #readPerson: (id: string) => Person;
  #person: Person | undefined;

  constructor(row: UserStateTable, now: number, readPerson: (id: string) => Person) {
    this.row = row;
    this.state = settle(toUserState(row), now).state;
    this.#readPerson = readPerson;
  }

  get person(): Person {
    this.#person ??= this.#readPerson(this.state.id);
    return this.#person;
  }

  /** Returns plain data, which can be sent to another thread. */
  toUser(): User {
    return { state: this.state, person: this.person };
  }
}

/** Returns the user if it matches. `lastPosition`: only if that is its last event. */
export type Look = (id: string, lastPosition?: number) => ScannedUser | undefined;

export class UserScan {
  readonly #lookups: ReturnType<typeof prepareLookups>;

  constructor(runner: QueryRunner) {
    this.#lookups = prepareLookups(runner);
  }

  /** Returns the settled user; `undefined`: there is none. */
  read(id: string, now: number): ScannedUser | undefined {
    const row = this.#lookups.state(id);
    return row === undefined ? undefined : new ScannedUser(row, now, this.#readPerson);
  }

  /** Returns the function that reads a user and checks the conditions. */
  looker({ organizationId, where, showDeleted }: UserConditions, now: number): Look {
    const matches = compilePredicate(where);
    return (id, lastPosition) => {
      const row = this.#lookups.state(id);
      if (row === undefined || (lastPosition !== undefined && row.last_position !== lastPosition)) return undefined;
      if (row.state === "DELETED" && !showDeleted) return undefined;
      if (organizationId !== null && row.organization_id !== organizationId) return undefined;
      const user = new ScannedUser(row, now, this.#readPerson);
      return matches(user) ? user : undefined;
    };
  }

  readonly #readPerson = (id: string): Person => {
    const row = this.#lookups.person(id);
    return row === undefined ? EMPTY_PERSON : toPerson(row);
  };
}

function prepareLookups(runner: QueryRunner) {
  const profile = build.selectFrom("user_profile").where("id", "=", "");
  return {
    state: runner.byKey(build.selectFrom("user_state").selectAll().where("id", "=", "").compile()),
    person: runner.byKey(profile.select(["profile", "attributes"]).compile()),
  };
}
