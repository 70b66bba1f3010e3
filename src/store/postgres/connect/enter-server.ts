/** The work of a start, or on a database that no service uses: on a connection of its own, to a server that was checked. */
import type { PostgresAddress } from "./address.ts";
import type { Connection } from "./connection.ts";
import { openWritable } from "./open-writable.ts";
import { checkServer, type ServerReport } from "./server-check.ts";
import { startFault } from "./start-fault.ts";
import { isLost } from "./trouble.ts";

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
  try {
    return await work(connection, await checkServer(connection, address));
  } catch (error) {
    if (error instanceof Error && error.constructor === Error && !isLost(error)) throw error;
    throw new Error(startFault(error, { address, host }), { cause: error });
  } finally {
    await connection.close();
  }
}
