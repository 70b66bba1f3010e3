/** API keys that rotate: the earlier secrets that still work, and all former ones. Frozen once released. */

const STATEMENTS: readonly string[] = [
  `ALTER TABLE api_keys ADD COLUMN rotate_time INTEGER`,
  // In the row, because each command checks its credential with it.
  `ALTER TABLE api_keys ADD COLUMN earlier_secrets TEXT NOT NULL DEFAULT '[]'`,
  // A secret that was rotated away must never become a key again.
  `CREATE TABLE former_api_key_secrets (
    secret_hash TEXT PRIMARY KEY,
    api_key_id TEXT NOT NULL
  ) STRICT, WITHOUT ROWID`,
];

export const rotatedKeys = { name: "0008-rotated-keys", statements: STATEMENTS };
