/** Connections to databases of their own, gone with the test. */
import { parseAddress } from "../../../../src/store/postgres/connect/address.ts";
import type { Connection } from "../../../../src/store/postgres/connect/connection.ts";
import { openWritable } from "../../../../src/store/postgres/connect/open-writable.ts";
import { defer, type Scope } from "../../../support/cleanup.ts";
import { sharedPostgres } from "../../../support/postgres.ts";

/** Makes what to lockkeeper is an empty database, on the server that all tests share; returns its address. */
export async function emptyDatabase(t: Scope): Promise<string> {
  return await (await sharedPostgres()).createDatabase(t);
}

/** Connects to a database; absent: to an empty one of its own. */
export async function connect(t: Scope, url?: string): Promise<Connection> {
  const address = parseAddress(url ?? (await emptyDatabase(t)));
  const { connection } = await openWritable({ address, prepare: true });
  defer(t, () => connection.close());
  return connection;
}

/** Returns the rows of a statement that runs once. */
export async function rowsOf<R = Record<string, unknown>>(
  connection: Connection,
  text: string,
  values: readonly unknown[] = [],
): Promise<R[]> {
  return await connection.rows<R>({ name: "", text }, values);
}
