/** Counts of users leave the deleted ones out. */
import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

export const deletedUsers: Migration = {
  async up(database: Kysely<unknown>): Promise<void> {
    await sql`CREATE INDEX user_state_deleted ON user_state (organization_id) WHERE state = 'DELETED'`.execute(
      database,
    );
  },
};
