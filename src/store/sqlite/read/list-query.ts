/** Runs queries that Kysely builds on a reader's connection. */
import type { Database, Statement } from "better-sqlite3";
import {
  type CompiledQuery,
  DummyDriver,
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import type { Tables } from "../../rows/schema.ts";
import { TOKEN_KEY_NAME, TokenSeal } from "../../search/token-seal.ts";
import { readGeneration } from "../generation.ts";

/** Only builds queries: a QueryRunner runs them on its connection. */
export const build: Kysely<Tables> = new Kysely<Tables>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (kysely) => new SqliteIntrospector(kysely),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
});

/** More than all lists have; a bound in any case. */
const STATEMENTS_MAX = 500;

export class QueryRunner {
  readonly seal: TokenSeal;
  readonly #database: Database;
  readonly #statements = new Map<string, Statement<unknown[]>>();

  constructor(database: Database) {
    this.#database = database;
    this.seal = new TokenSeal(readTokenKey(database), readGeneration(database));
  }

  all<R>(query: CompiledQuery<R>): R[] {
    // Kysely knows the row type of what it compiled.
    return this.#prepare(query.sql).all(...query.parameters) as R[];
  }

  /** Returns a look-up by one key, compiled once: building costs more than running. The query's key is ignored. */
  byKey<R>(query: CompiledQuery<R>): (key: string | number) => R | undefined {
    const statement = this.#database.prepare<unknown[]>(query.sql);
    return (key) => statement.get(key) as R | undefined;
  }

  /** Returns a look-up by one key of a row as an array, in the order of the statement's columns. */
  narrowByKey<R extends readonly unknown[]>(text: string): (key: string) => R | undefined {
    const statement = this.#database.prepare<[string], R>(text).raw();
    return (key) => statement.get(key);
  }

  /** Runs `work` in one transaction: all its queries see the same moment. */
  snapshot<T>(work: () => T): T {
    return this.#database.transaction(work)();
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

function readTokenKey(database: Database): Uint8Array {
  const key = database
    .prepare<[string], Buffer>("SELECT value FROM secrets WHERE name = ?")
    .pluck()
    .get(TOKEN_KEY_NAME);
  if (key === undefined) throw new Error("the database has no key for page tokens: the row of secrets is missing");
  return key;
}
