/** Brings a database to the schema of this version, forward only; replicas that start at once do it once. */
import { setTimeout as sleep } from "node:timers/promises";
import { StoreUnavailableError } from "../../errors.ts";
import type { Connection } from "../connect/connection.ts";
import { transact } from "../connect/transact.ts";
import { isLost } from "../connect/trouble.ts";
import { acquireLease, assertHeld, createLeases, type Lease, releaseLease, SERVER_NOW } from "./lease.ts";
import { MIGRATIONS, type Migration } from "./migrations.ts";
import { olderReplicas } from "./replicas.ts";
import { readSchemaState, type SchemaState } from "./schema-state.ts";

export interface MigrateOptions {
  /** The database, for errors. */
  readonly place: string;
  /** Who holds the lease. */
  readonly holder: string;
  /** Runs contracting migrations too; without it they wait. */
  readonly finish?: boolean;
  /** How long another replica may take, in milliseconds; the default is ten minutes. */
  readonly waitMs?: number;
  readonly migrations?: readonly Migration[];
}

/** Without a renewal a lease of migrations ends after this time, in milliseconds; their transaction holds it longer. */
const LEASE_MS = 30_000;
const WAIT_MS = 600_000;
const POLL_MS = 100;
/**
 * A change of a table waits for those who use it, and others queue behind it. A statement may take as long as a large
 * table needs; a pause between two means that the migrator is gone.
 */
const LIMITS = { lockMs: 5_000, statementMs: 0, idleMs: 10_000 };

const INSERT_DONE = {
  name: "insert_migration",
  text: `INSERT INTO migrations (name, oldest_beside, time) VALUES ($1, $2, ${SERVER_NOW})`,
};
/** While it is held, no replica says that it is there: each one either is seen, or sees what has run. */
const LOCK_REPLICAS = "LOCK TABLE replicas IN SHARE ROW EXCLUSIVE MODE";

/** Returns the migrations that a start would run, without writing. Throws as `migrate` does. */
export async function dueMigrations(
  connection: Connection,
  { place, migrations = MIGRATIONS }: Pick<MigrateOptions, "place" | "migrations">,
): Promise<SchemaState> {
  return await readSchemaState(connection, place, migrations);
}

/**
 * Runs the migrations that are due, all in one transaction, and returns the state from which it began. Throws an Error
 * of one plain sentence if the database is another program's or of a newer version that excludes this one, if older
 * replicas still run, or if a migration fails; the database is then as it was.
 */
export async function migrate(connection: Connection, options: MigrateOptions): Promise<SchemaState> {
  const before = await dueMigrations(connection, options);
  if (pendingOf(before, options).length === 0) return before;
  await createLeases(connection).catch((error: unknown) => fail(error, options));
  const lease = await waitForLease(connection, options);
  try {
    await transact(connection, () => run(connection, lease, options), LIMITS);
  } catch (error) {
    fail(error, options);
  } finally {
    await releaseLease(connection, lease).catch(() => undefined);
  }
  return before;
}

async function run(connection: Connection, lease: Lease, options: MigrateOptions): Promise<void> {
  const { place, migrations = MIGRATIONS } = options;
  await assertHeld(connection, lease);
  // Another replica may have migrated meanwhile.
  const state = await readSchemaState(connection, place, migrations);
  const pending = pendingOf(state, options);
  const hasReplicas = state.done.length > 0;
  if (hasReplicas && pending.length > 0) await connection.simple(LOCK_REPLICAS);
  for (const { name, oldestBeside, run: runOne } of migrations.filter((each) => pending.includes(each.name))) {
    const older = hasReplicas ? await olderReplicas(connection, oldestBeside) : [];
    if (older.length > 0) {
      throw new Error(
        `the migration ${name} cannot run while older versions of lockkeeper use the database ${place}: ${older.join(", ")}; stop them first`,
      );
    }
    await runOne(connection);
    await connection.run(INSERT_DONE, [name, oldestBeside]);
  }
}

function pendingOf({ due, unfinished }: SchemaState, { finish = false }: MigrateOptions): readonly string[] {
  return finish ? [...due, ...unfinished] : due;
}

async function waitForLease(
  connection: Connection,
  { holder, place, waitMs = WAIT_MS }: MigrateOptions,
): Promise<Lease> {
  const until = performance.now() + waitMs;
  for (;;) {
    const lease = await acquireLease(connection, { name: "migrations", holder, durationMs: LEASE_MS });
    if (lease !== undefined) return lease;
    if (performance.now() > until) {
      throw new Error(`another replica migrates the database ${place}, and has not finished within ${waitMs} ms`);
    }
    await sleep(POLL_MS);
  }
}

function fail(error: unknown, { place }: MigrateOptions): never {
  // A sentence of ours says enough.
  if (error instanceof Error && error.constructor === Error && !isLost(error)) throw error;
  if (error instanceof StoreUnavailableError && error.outcome === "UNKNOWN") {
    throw new Error(
      `the connection was lost while the database ${place} was migrated, and whether it was is not known; start again to find out`,
      { cause: error },
    );
  }
  const why = error instanceof Error ? error.message : String(error);
  throw new Error(`the database ${place} could not be migrated, and is as it was: ${why}`, { cause: error });
}
