/** Attempts by user and by network, the newest first. Frozen once released. */
import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";
import { networkKeyOf, toAddressNumber } from "../../../domain/network.ts";

const ADDRESSES_PER_QUERY = 500;

export const attemptLists: Migration = {
  async up(database: Kysely<unknown>): Promise<void> {
    const run = (statement: string): Promise<unknown> => sql.raw(statement).execute(database);
    await run("ALTER TABLE attempts ADD COLUMN network TEXT");
    await fillNetworks(database, run);
    await run("CREATE INDEX attempts_subject ON attempts (subject, begin_time, id)");
    await run("CREATE INDEX attempts_network ON attempts (network, begin_time, id) WHERE network IS NOT NULL");
  },
};

/** Addresses are far fewer than attempts: each is looked at once. */
async function fillNetworks(database: Kysely<unknown>, run: (statement: string) => Promise<unknown>): Promise<void> {
  await run("CREATE TEMP TABLE networks (ip TEXT PRIMARY KEY, network TEXT NOT NULL)");
  const { rows } = await sql<{ ip: string }>`SELECT DISTINCT ip FROM attempts`.execute(database);
  for (let at = 0; at < rows.length; at += ADDRESSES_PER_QUERY) {
    const values = rows.slice(at, at + ADDRESSES_PER_QUERY).flatMap(({ ip }) => {
      const address = toAddressNumber(ip);
      return address === undefined ? [] : [sql`(${ip}, ${networkKeyOf(address)})`];
    });
    if (values.length > 0) await sql`INSERT INTO networks (ip, network) VALUES ${sql.join(values)}`.execute(database);
  }
  await run("UPDATE attempts SET network = (SELECT network FROM networks WHERE networks.ip = attempts.ip)");
  await run("DROP TABLE networks");
}
