/** PostgreSQL as lists see it: Kysely's queries, and look-ups of a whole chunk at once, in one snapshot. */
import {
  type CompiledQuery,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from "kysely";
import pg from "pg";
import { ReadGivenUpError } from "../../errors.ts";
import type { ListEngine, ListQueries, LookUp } from "../../lists/list-queries.ts";
import type { UserRow, UserStateRow } from "../../rows/narrow-rows.ts";
import type { Tables } from "../../rows/schema.ts";
import type { TokenSeal } from "../../search/token-seal.ts";
import type { Connection, Statement } from "../connect/connection.ts";
import type { Pool } from "../connect/pool.ts";
import { toReadError } from "../connect/trouble.ts";
import { LIST_STATEMENTS } from "./list-statements.ts";
import { StatementNames } from "./statement-names.ts";
import { Turns } from "./turns.ts";

/** Only builds queries. */
const build: Kysely<Tables> = new Kysely<Tables>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (kysely) => new PostgresIntrospector(kysely),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

/** The SQLSTATE of a statement that took longer than `statement_timeout`. */
const QUERY_CANCELED = "57014";

export interface PostgresListsOptions {
  readonly pool: Pick<Pool, "use">;
  readonly seal: TokenSeal;
  /** How long one statement may take, in milliseconds. */
  readonly readMs: number;
}

export class PostgresLists implements ListEngine {
  readonly seal: TokenSeal;
  readonly #pool: PostgresListsOptions["pool"];
  readonly #readMs: number;
  readonly #begin: string;
  readonly #shared: SnapshotsShare = { names: new StatementNames(), turns: new Turns() };

  constructor({ pool, seal, readMs }: PostgresListsOptions) {
    this.seal = seal;
    this.#pool = pool;
    this.#readMs = readMs;
    this.#begin = beginOf(readMs);
  }

  /** Rejects with StoreUnavailableError, ReadGivenUpError, or the error of `work`. */
  snapshot<T>(work: (queries: ListQueries) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const run = async (connection: Connection): Promise<void> => {
        // BEGIN and the first queries are one flight: nobody waits for the answer to BEGIN.
        const [begun, worked] = connection.flight(
          () => [connection.simple(this.#begin), work(new Snapshot(connection, this.#shared))] as const,
        );
        const [, result] = await Promise.allSettled([begun, worked]);
        if (result.status === "fulfilled") resolve(result.value);
        else reject(this.#toError(result.reason));
        // The caller has the answer; only the connection waits for its end. After a failure COMMIT rolls back.
        await connection.simple("COMMIT");
      };
      this.#pool.use(run).catch((error: unknown) => reject(this.#toError(error)));
    });
  }

  #toError(error: unknown): unknown {
    if (!(error instanceof pg.DatabaseError) || error.code !== QUERY_CANCELED) return toReadError(error);
    return new ReadGivenUpError(`PostgreSQL took longer than ${this.#readMs} ms for one query`, this.#readMs);
  }
}

/**
 * Lists are short walks along indexes. The planner must not read and sort whole tables instead, as it does where it has
 * not yet counted a table, or believes that a range is narrow. Compiling a plan takes longer than running it.
 */
const PLANS = ["seqscan", "bitmapscan", "sort", "incremental_sort"].map((way) => `SET LOCAL enable_${way} = off`);

/**
 * Returns the statements that begin a snapshot. What they set ends with it: behind a pooler the next transaction of the
 * same server connection is another client's.
 */
function beginOf(readMs: number): string {
  const limit = `SET LOCAL statement_timeout = ${Math.ceil(readMs)}`;
  return ["BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", limit, ...PLANS, "SET LOCAL jit = off"].join("; ");
}

interface SnapshotsShare {
  readonly names: StatementNames;
  readonly turns: Turns;
}

class Snapshot implements ListQueries {
  readonly build = build;
  readonly ordersByValue = true;
  readonly #connection: Connection;
  readonly #shared: SnapshotsShare;

  constructor(connection: Connection, shared: SnapshotsShare) {
    this.#connection = connection;
    this.#shared = shared;
  }

  all<R>(query: CompiledQuery<R>): Promise<readonly R[]> {
    return this.#connection.rows<R>(this.#shared.names.of(query.sql), query.parameters);
  }

  userStates(ids: readonly string[]): Promise<LookUp<UserStateRow>> {
    return this.#byId<UserStateRow>(LIST_STATEMENTS.userStates, ids);
  }

  users(ids: readonly string[]): Promise<LookUp<UserRow>> {
    return this.#byId<UserRow>(LIST_STATEMENTS.users, ids);
  }

  persons(ids: readonly string[]): Promise<LookUp<string>> {
    return this.#textById(LIST_STATEMENTS.persons, ids);
  }

  profiles(ids: readonly string[]): Promise<LookUp<string>> {
    return this.#textById(LIST_STATEMENTS.profiles, ids);
  }

  attributes(ids: readonly string[]): Promise<LookUp<string>> {
    return this.#textById(LIST_STATEMENTS.attributes, ids);
  }

  pause(): Promise<void> | undefined {
    return this.#shared.turns.pause();
  }

  /** Reads rows that begin with their id. */
  async #byId<R extends readonly [id: string, ...unknown[]]>(
    statement: Statement,
    ids: readonly string[],
  ): Promise<LookUp<R>> {
    if (ids.length === 0) return () => undefined;
    const rows = await this.#connection.arrays<R>(statement, [ids]);
    const byId = new Map(rows.map((row) => [row[0], row]));
    return (id) => byId.get(id);
  }

  async #textById(statement: Statement, ids: readonly string[]): Promise<LookUp<string>> {
    const rowOf = await this.#byId<readonly [id: string, text: string]>(statement, ids);
    return (id) => rowOf(id)?.[1];
  }
}
