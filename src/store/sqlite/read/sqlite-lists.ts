/** SQLite as lists see it: Kysely's queries, and prepared statements by key, on a reader's connection. */
import type { Database, Statement } from "better-sqlite3";
import {
  type CompiledQuery,
  DummyDriver,
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import type { ListEngine, ListQueries, LookUp } from "../../lists/list-queries.ts";
import {
  PERSON_COLUMN,
  SELECT_USER,
  USER_STATE_COLUMNS,
  type UserRow,
  type UserStateRow,
} from "../../rows/narrow-rows.ts";
import type { Tables } from "../../rows/schema.ts";
import type { TokenSeal } from "../../search/token-seal.ts";
import { createSeal } from "../generation.ts";

/** Only builds queries. */
const build: Kysely<Tables> = new Kysely<Tables>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (kysely) => new SqliteIntrospector(kysely),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
});

/** More than all lists have; a bound in any case. */
const STATEMENTS_MAX = 500;

/**
 * The database is in this process, so a look-up reads its row only when it is called: most conditions fail before they
 * need a person.
 */
export class SqliteLists implements ListEngine, ListQueries {
  readonly seal: TokenSeal;
  readonly build = build;
  readonly ordersByValue = false;
  readonly #database: Database;
  readonly #statements = new Map<string, Statement<unknown[]>>();
  readonly #fixed: ReturnType<typeof prepareFixed>;

  constructor(database: Database) {
    this.#database = database;
    this.seal = createSeal(database);
    this.#fixed = prepareFixed(database);
  }

  /**
   * Nothing that `work` waits for takes longer than a microtask, so no other question begins on this connection, and
   * inside this transaction, before it ends.
   */
  async snapshot<T>(work: (queries: ListQueries) => Promise<T>): Promise<T> {
    this.#fixed.begin.run();
    try {
      return await work(this);
    } finally {
      this.#fixed.commit.run();
    }
  }

  async all<R>(query: CompiledQuery<R>): Promise<R[]> {
    // Kysely knows the row type of what it compiled.
    return this.#prepare(query.sql).all(...query.parameters) as R[];
  }

  async userStates(): Promise<LookUp<UserStateRow>> {
    return this.#fixed.userState;
  }

  async users(): Promise<LookUp<UserRow>> {
    return this.#fixed.user;
  }

  async persons(): Promise<LookUp<string>> {
    return this.#fixed.person;
  }

  async profiles(): Promise<LookUp<string>> {
    return this.#fixed.profile;
  }

  async attributes(): Promise<LookUp<string>> {
    return this.#fixed.attributes;
  }

  pause(): undefined {
    // Nothing else runs on this thread.
    return undefined;
  }

  #prepare(text: string): Statement<unknown[]> {
    const known = this.#statements.get(text);
    if (known !== undefined) return known;
    if (this.#statements.size >= STATEMENTS_MAX) this.#statements.clear();
    const statement = this.#database.prepare<unknown[]>(text);
    this.#statements.set(text, statement);
    return statement;
  }
}

function prepareFixed(database: Database) {
  const byId = <R extends readonly unknown[]>(text: string): LookUp<R> => {
    const statement = database.prepare<[string], R>(text).raw();
    return (id) => statement.get(id);
  };
  const oneById = (column: string): LookUp<string> => {
    const statement = database.prepare<[string], string>(`SELECT ${column} FROM user_profile WHERE id = ?`).pluck();
    return (id) => statement.get(id);
  };
  return {
    begin: database.prepare("BEGIN"),
    commit: database.prepare("COMMIT"),
    userState: byId<UserStateRow>(`SELECT ${USER_STATE_COLUMNS} FROM user_state WHERE id = ?`),
    user: byId<UserRow>(SELECT_USER),
    person: oneById(PERSON_COLUMN),
    profile: oneById("profile"),
    attributes: oneById("attributes"),
  };
}
