/** The key that seals page tokens and cursors. Frozen once released. */
import { randomBytes } from "node:crypto";
import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

const KEY_BYTES = 32;

export const tokenKey: Migration = {
  async up(database: Kysely<unknown>): Promise<void> {
    await sql`INSERT OR IGNORE INTO secrets (name, value) VALUES ('tokens', ${randomBytes(KEY_BYTES)})`.execute(
      database,
    );
  },
};
