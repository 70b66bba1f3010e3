/** The key that seals page tokens and cursors. Frozen once released. */
import { randomBytes } from "node:crypto";
import type { Database } from "better-sqlite3";

const KEY_BYTES = 32;

export const tokenKey = {
  name: "0007-token-key",
  run(database: Database): void {
    const statement = "INSERT OR IGNORE INTO secrets (name, value) VALUES ('tokens', ?)";
    database.prepare(statement).run(randomBytes(KEY_BYTES));
  },
};
