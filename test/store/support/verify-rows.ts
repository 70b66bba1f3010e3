/** Verifies the users of a SQLite database as it is. */
import type { Database } from "better-sqlite3";
import { type RowReport, verifyUsers } from "../../../src/store/log/verify-users.ts";
import { usersOf } from "../../../src/store/sqlite/offline/user-rows.ts";

export async function verifyUserRows(database: Database, sliceRows = 500): Promise<RowReport> {
  return await verifyUsers(usersOf(database), sliceRows);
}
