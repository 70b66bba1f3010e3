/** Work that one replica at a time does: a row names the holder until a time, by the clock of the server. */
import pg from "pg";
import type { Connection } from "../connect/connection.ts";
import { transact } from "../connect/transact.ts";

export const LEASES = ["migrations", "upkeep"] as const;
export type LeaseName = (typeof LEASES)[number];

/** A lease as it was given: a later holder of the same name has a higher fence. */
export interface Lease {
  readonly name: LeaseName;
  /** The replica. */
  readonly holder: string;
  readonly fence: number;
}

/** Thrown when a lease has another holder by now. */
export class LeaseLostError extends Error {
  override readonly name = "LeaseLostError";
}

/** The time of the server in milliseconds since the epoch; not that of the transaction's begin. */
export const SERVER_NOW = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

const CREATE = `CREATE TABLE IF NOT EXISTS leases (
  name text COLLATE "C" PRIMARY KEY,
  holder text COLLATE "C" NOT NULL,
  fence bigint NOT NULL,
  end_time bigint NOT NULL
) WITH (fillfactor = 50)`;

const ACQUIRE = {
  name: "acquire_lease",
  text: `INSERT INTO leases (name, holder, fence, end_time) VALUES ($1, $2, 1, ${SERVER_NOW} + $3)
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, fence = leases.fence + 1, end_time = excluded.end_time
    WHERE leases.end_time <= ${SERVER_NOW} OR leases.holder = excluded.holder
    RETURNING fence`,
};
const RENEW = {
  name: "renew_lease",
  text: `UPDATE leases SET end_time = ${SERVER_NOW} + $4 WHERE name = $1 AND holder = $2 AND fence = $3`,
};
const RELEASE = {
  name: "release_lease",
  text: "UPDATE leases SET end_time = 0 WHERE name = $1 AND holder = $2 AND fence = $3",
};
const ASSERT = {
  name: "assert_lease",
  text: "SELECT 1 FROM leases WHERE name = $1 AND holder = $2 AND fence = $3 FOR SHARE",
};

/** How long to wait for a transaction that relies on the lease, in milliseconds. */
const LOCK_MS = 1_000;
/** The lock was not available in time. */
const LOCKED = "55P03";

/** SQLSTATEs of a table that another session creates at this moment, although IF NOT EXISTS was said. */
const CREATED_MEANWHILE: ReadonlySet<string | undefined> = new Set(["23505", "42P07", "42710", "40P01", "XX000"]);
const CREATE_ATTEMPTS = 5;

/** Creates the table of leases, which migrations themselves need; any number of replicas may do so at a time. */
export async function createLeases(connection: Connection): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await connection.simple(CREATE);
      return;
    } catch (error) {
      const isRace = error instanceof pg.DatabaseError && CREATED_MEANWHILE.has(error.code);
      if (!isRace || attempt === CREATE_ATTEMPTS) throw error;
    }
  }
}

/** Returns the lease; `undefined`: another replica has it. `durationMs`: until when without a renewal. */
export async function acquireLease(
  connection: Connection,
  { name, holder, durationMs }: Pick<Lease, "name" | "holder"> & { readonly durationMs: number },
): Promise<Lease | undefined> {
  try {
    const [given] = await transact(
      connection,
      () => connection.rows<{ fence: number }>(ACQUIRE, [name, holder, durationMs]),
      { lockMs: LOCK_MS },
    );
    return given === undefined ? undefined : { name, holder, fence: given.fence };
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === LOCKED) return undefined;
    throw error;
  }
}

/** Extends a lease, also one that has run out and that nobody has taken. Returns false when another replica has it. */
export async function renewLease(connection: Connection, lease: Lease, durationMs: number): Promise<boolean> {
  return (await connection.run(RENEW, [...valuesOf(lease), durationMs])).count === 1;
}

/** Lets another replica take the lease at once. */
export async function releaseLease(connection: Connection, lease: Lease): Promise<void> {
  await connection.run(RELEASE, valuesOf(lease));
}

/**
 * Makes the transaction that is open depend on a lease: nobody takes the lease before the transaction ends. Throws
 * LeaseLostError when somebody has.
 */
export async function assertHeld(connection: Connection, lease: Lease): Promise<void> {
  const { count } = await connection.run(ASSERT, valuesOf(lease));
  if (count !== 1) throw new LeaseLostError(`the lease ${lease.name} has another holder by now`);
}

function valuesOf({ name, holder, fence }: Lease): readonly unknown[] {
  return [name, holder, fence];
}
