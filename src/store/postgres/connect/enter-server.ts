/** The work of a start, or on a database that no service uses: on a connection of its own, to a server that was checked. */
import type { PostgresAddress } from "./address.ts";
import type { Connection } from "./connection.ts";
import { openWritable } from "./open-writable.ts";
import { checkServer, type ServerReport } from "./server-check.ts";
import { startFault } from "./start-fault.ts";
import { isLost } from "./trouble.ts";

/** How long a server may take to say what it is, in milliseconds. */
const CHECK_MS_MAX = 5_000;

/**
 * Runs work and closes the connection; a migration may take longer than a pool lets a work take. Rejects with an Error of
 * one plain sentence when the server cannot be used; sentences that the work throws stay as they are.
 */
export async function enterServer<T>(
  address: PostgresAddress,
  work: (connection: Connection, report: ServerReport) => Promise<T>,
): Promise<T> {
  // Each statement runs once, and a pooler may be in front.
  const { connection, host } = await openWritable({ address, prepare: false });
  const silent = setTimeout(() => connection.destroy(), CHECK_MS_MAX);
  try {
    const report = await checkServer(connection, address);
    clearTimeout(silent);
    return await work(connection, report);
  } catch (error) {
    if (error instanceof Error && error.constructor === Error && !isLost(error)) throw error;
    throw new Error(startFault(error, { address, host }), { cause: error });
  } finally {
    clearTimeout(silent);
    await connection.close();
  }
}
