/** Checks at a start whether a server keeps what the store promises. */
import { describeAddress, type PostgresAddress } from "./address.ts";
import type { Connection } from "./connection.ts";

/** PostgreSQL 15. */
const VERSION_MIN = 150_000;

interface Found {
  readonly version: string;
  readonly version_number: number;
  readonly encoding: string;
  readonly synchronous_commit: string;
  readonly synchronous_standby_names: string;
  readonly fsync: string;
  readonly full_page_writes: string;
  readonly schema: string | null;
}

const CHECK = {
  name: "server_check",
  text: `SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS version_number,
    current_setting('server_encoding') AS encoding, current_setting('synchronous_commit') AS synchronous_commit,
    current_setting('synchronous_standby_names') AS synchronous_standby_names, current_setting('fsync') AS fsync,
    current_setting('full_page_writes') AS full_page_writes, current_schema() AS schema`,
};

export interface ServerReport {
  /** Such as `15.13 (Debian 15.13-1)`. */
  readonly version: string;
  /** Where the tables are. */
  readonly schema: string;
  /** What an administrator should know, one sentence each. */
  readonly warnings: readonly string[];
}

/** Returns what a server is. Throws an Error of one plain sentence if it cannot keep what the store promises. */
export async function checkServer(connection: Connection, address: PostgresAddress): Promise<ServerReport> {
  const [found] = await connection.rows<Found>(CHECK);
  const place = describeAddress(address);
  if (found === undefined) throw new Error(`the database ${place} does not say what it is`);
  const { version, version_number, encoding, schema, synchronous_standby_names: standbys } = found;
  if (version_number < VERSION_MIN) {
    throw new Error(`the database ${place} runs on PostgreSQL ${version}; 15 or newer is needed`);
  }
  if (encoding !== "UTF8") {
    throw new Error(
      `the database ${place} has the encoding ${encoding}; create one with ENCODING 'UTF8' TEMPLATE template0`,
    );
  }
  const commit = found.synchronous_commit;
  // `local` and `remote_write` flush on the primary alone: enough without a standby, a lost change with one.
  if (commit === "off" || (standbys !== "" && commit !== "on" && commit !== "remote_apply")) {
    throw new Error(
      `the database ${place} has synchronous_commit = ${commit} for the user ${address.user}, which may lose acknowledged changes; set it to on: ALTER ROLE "${address.user}" SET synchronous_commit = on`,
    );
  }
  if (schema === null) {
    throw new Error(
      `the database ${place} has no schema in the search_path of the user ${address.user}; create one, or set search_path`,
    );
  }
  return { version, schema, warnings: warningsOf(found, place) };
}

function warningsOf({ fsync, full_page_writes }: Found, place: string): readonly string[] {
  const risks = { fsync, full_page_writes };
  return Object.entries(risks)
    .filter(([, value]) => value === "off")
    .map(([name]) => `the database ${place} has ${name} = off: a crash of its machine may destroy it; set it to on`);
}
