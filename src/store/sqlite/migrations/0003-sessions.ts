/** Sessions: rows without events; the user's epoch ends them. Frozen once released. */

const STATEMENTS: readonly string[] = [
  `CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    token_hash TEXT NOT NULL UNIQUE,
    user_id TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    creation_time INTEGER NOT NULL,
    change_time INTEGER NOT NULL,
    expire_time INTEGER NOT NULL,
    idle_timeout_ms INTEGER,
    last_activity_time INTEGER NOT NULL,
    revoke_time INTEGER,
    clear_time INTEGER NOT NULL,
    user_agent TEXT NOT NULL,
    ip TEXT NOT NULL,
    attributes TEXT NOT NULL,
    created_by TEXT NOT NULL
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX sessions_user ON sessions (user_id, creation_time, id)`,
  `CREATE INDEX sessions_organization ON sessions (organization_id, creation_time, id)`,
  `CREATE INDEX sessions_creation ON sessions (creation_time, id)`,
  // Dead rows are deleted from the front.
  `CREATE INDEX sessions_clear ON sessions (clear_time)`,
];

export const sessions = { name: "0003-sessions", statements: STATEMENTS };
