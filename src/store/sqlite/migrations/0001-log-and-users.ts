/** The first schema: the log, users, organizations, API keys and remembered requests. Frozen once released. */

const STATEMENTS: readonly string[] = [
  // The end of the log. Its single row is the last row that a transaction locks.
  `CREATE TABLE log_head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    position INTEGER NOT NULL,
    link BLOB NOT NULL,
    record_time INTEGER NOT NULL
  ) STRICT`,
  `INSERT INTO log_head (id, position, link, record_time) VALUES (1, 0, zeroblob(32), 0)`,
  `CREATE TABLE links (
    last_position INTEGER PRIMARY KEY,
    link BLOB NOT NULL
  ) STRICT`,
  // Append-only, without another index: one on (user_id, sequence) costs more than half of the throughput at ten
  // million users. previous_position links a user's events instead.
  `CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    previous_position INTEGER,
    organization_id TEXT,
    user_id TEXT,
    sequence INTEGER NOT NULL,
    type TEXT NOT NULL,
    time INTEGER NOT NULL,
    record_time INTEGER NOT NULL,
    actor TEXT NOT NULL,
    via TEXT NOT NULL,
    request_id TEXT NOT NULL,
    body BLOB NOT NULL,
    hash BLOB NOT NULL
  ) STRICT`,
  // Salts and values of personal fields. Erasing deletes them here; the event keeps its commitments.
  `CREATE TABLE event_private (
    position INTEGER PRIMARY KEY,
    personal TEXT NOT NULL
  ) STRICT`,
  // Narrow on purpose: every command reads and writes it, at random places.
  `CREATE TABLE user_state (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL,
    state TEXT NOT NULL,
    kinds INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    creation_time INTEGER NOT NULL,
    change_time INTEGER NOT NULL,
    next_due INTEGER,
    last_position INTEGER NOT NULL,
    restrictions TEXT
  ) STRICT, WITHOUT ROWID`,
  // Positions grow, so new entries land at the end of their kind: random places would double the pages written.
  `CREATE INDEX user_state_restricted ON user_state (kinds, organization_id, last_position) WHERE kinds > 0`,
  `CREATE INDEX user_state_due ON user_state (next_due) WHERE next_due IS NOT NULL`,
  // Written only when the person changes, which is rare: so only this table has the indexes of lists and searches.
  `CREATE TABLE user_profile (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL,
    creation_time INTEGER NOT NULL,
    profile TEXT NOT NULL,
    attributes TEXT NOT NULL,
    username_key TEXT,
    email_key TEXT
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX user_profile_creation ON user_profile (creation_time, id)`,
  `CREATE INDEX user_profile_organization_creation ON user_profile (organization_id, creation_time, id)`,
  `CREATE INDEX user_profile_username ON user_profile (username_key) WHERE username_key IS NOT NULL`,
  `CREATE INDEX user_profile_organization_username ON user_profile (organization_id, username_key)
    WHERE username_key IS NOT NULL`,
  `CREATE INDEX user_profile_email ON user_profile (email_key) WHERE email_key IS NOT NULL`,
  `CREATE INDEX user_profile_organization_email ON user_profile (organization_id, email_key)
    WHERE email_key IS NOT NULL`,
  // The order of ids is the order of times: old rows are deleted from the front.
  `CREATE TABLE requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    actor TEXT NOT NULL,
    rpc TEXT NOT NULL,
    request_id TEXT NOT NULL,
    content BLOB NOT NULL,
    resource_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    answer TEXT,
    time INTEGER NOT NULL,
    UNIQUE (actor, rpc, request_id)
  ) STRICT`,
  `CREATE TABLE organizations (
    id TEXT PRIMARY KEY,
    display_name TEXT NOT NULL,
    default_lock_duration_ms INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    creation_time INTEGER NOT NULL,
    change_time INTEGER NOT NULL,
    last_position INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    secret_hash TEXT NOT NULL UNIQUE,
    organization_id TEXT,
    display_name TEXT NOT NULL,
    role TEXT NOT NULL,
    permissions TEXT NOT NULL,
    expire_time INTEGER,
    revoke_time INTEGER,
    last_used_day TEXT NOT NULL,
    created_by TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    creation_time INTEGER NOT NULL,
    change_time INTEGER NOT NULL,
    last_position INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX api_keys_organization ON api_keys (organization_id, id)`,
];

export const logAndUsers = { name: "0001-log-and-users", statements: STATEMENTS };
