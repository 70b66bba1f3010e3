/** Attempts of one organization are listed along an index of their own. Frozen once released. */
import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

const STATEMENTS: readonly string[] = [
  `CREATE INDEX attempts_organization ON attempts (organization_id, begin_time, id)`,
];

export const attemptsOfOrganizations: Migration = {
  async up(database: Kysely<unknown>): Promise<void> {
    for (const statement of STATEMENTS) await sql.raw(statement).execute(database);
  },
};
