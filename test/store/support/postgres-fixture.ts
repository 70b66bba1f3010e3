/** PostgreSQL stores on databases of their own, with a clock that tests set; all is gone when the test ends. */
import type { TestContext } from "node:test";
import pg from "pg";
import {
  openPostgresStore,
  type PostgresStore,
  type PostgresStoreOptions,
} from "../../../src/store/postgres/postgres-store.ts";
import type { PostgresServer } from "../../support/postgres.ts";
import { createOrganization } from "./commands.ts";
import { resourceOf } from "./outcomes.ts";
import { atEnd, TestClock } from "./sqlite-fixture.ts";

type Ending = Pick<TestContext, "after">;

export interface PostgresFixture {
  readonly store: PostgresStore;
  readonly clock: TestClock;
  readonly url: string;
  /** What the store told its log. */
  readonly troubles: unknown[];
  /** Runs one statement on a connection that no store has. */
  query<R>(statement: string): Promise<R[]>;
  /** Opens a connection, closed with the test. */
  connect(): Promise<pg.Client>;
  /** Opens another replica on the same database, with the same clock. */
  openReplica(options?: Partial<PostgresStoreOptions>): Promise<PostgresStore>;
}

/** A store with the organization `default`. The sweeper rests unless a test calls it. */
export async function openPostgresFixture(
  server: PostgresServer,
  test: Ending,
  options: Partial<PostgresStoreOptions> = {},
): Promise<PostgresFixture> {
  const clock = new TestClock();
  const scope = { after: (close: () => unknown) => atEnd(test, close) };
  const url = options.url ?? (await server.createDatabase(scope));
  const troubles: unknown[] = [];
  const openReplica = async (more: Partial<PostgresStoreOptions> = {}): Promise<PostgresStore> => {
    const store = await openPostgresStore({
      url,
      prepare: true,
      connections: 4,
      clock: clock.read,
      sweepIntervalMs: 3_600_000,
      onTrouble: (error) => troubles.push(error),
      ...options,
      ...more,
    });
    atEnd(test, () => store.close());
    return store;
  };
  let connection: Promise<pg.Client> | undefined;
  const store = await openReplica();
  if ((await store.readOrganization("default")) === undefined) resourceOf(await store.execute(createOrganization()));
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: url });
    client.on("error", () => undefined);
    await client.connect();
    atEnd(test, () => client.end().catch(() => undefined));
    return client;
  };
  const query = async <R>(statement: string): Promise<R[]> => {
    connection ??= connect();
    return (await (await connection).query(statement)).rows as R[];
  };
  return { store, clock, url, troubles, query, connect, openReplica };
}
