/** Attempts and their counters belong to one person, also where an id is used again. Frozen once released. */
import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

const STATEMENTS: readonly string[] = [
  `ALTER TABLE attempt_counters ADD COLUMN life INTEGER NOT NULL DEFAULT 0`,
  `ALTER TABLE attempts ADD COLUMN life INTEGER NOT NULL DEFAULT 0`,
];

export const lives: Migration = {
  async up(database: Kysely<unknown>): Promise<void> {
    for (const statement of STATEMENTS) await sql.raw(statement).execute(database);
  },
};
