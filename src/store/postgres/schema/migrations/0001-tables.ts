/** The first schema: the tables of SQLite's thirteen migrations, and those that replicas share. Frozen once released. */
import { randomBytes } from "node:crypto";
import type { Connection } from "../../connect/connection.ts";

/** Text is compared byte for byte everywhere, so that pages and cursors have one order in every database. */
const TEXT = `text COLLATE "C"`;

const STATEMENTS: readonly string[] = [
  // The end of the log, one row that each transaction updates; the free part of its page keeps those updates in it.
  `CREATE TABLE log_head (
    id int PRIMARY KEY CHECK (id = 1),
    position bigint NOT NULL,
    link bytea NOT NULL,
    record_time bigint NOT NULL,
    config_position bigint NOT NULL
  ) WITH (fillfactor = 10)`,
  `INSERT INTO log_head (id, position, link, record_time, config_position)
    VALUES (1, 0, decode(repeat('00', 32), 'hex'), 0, 0)`,
  `CREATE TABLE links (
    last_position bigint PRIMARY KEY,
    link bytea NOT NULL
  )`,
  // Append-only, without another index on users' events. previous_position links them instead.
  `CREATE TABLE events (
    position bigint PRIMARY KEY,
    previous_position bigint,
    organization_id ${TEXT},
    user_id ${TEXT},
    sequence bigint NOT NULL,
    type ${TEXT} NOT NULL,
    time bigint NOT NULL,
    record_time bigint NOT NULL,
    actor ${TEXT} NOT NULL,
    via ${TEXT} NOT NULL,
    request_id ${TEXT} NOT NULL,
    body bytea NOT NULL,
    hash bytea NOT NULL
  )`,
  // Of keys, policies, organizations and the instance, which are few: a replica that was cut off reads what it missed.
  `CREATE INDEX events_configuration ON events (position) WHERE user_id IS NULL`,
  // Salts and values of personal fields. Erasing deletes them here; the event keeps its commitments.
  `CREATE TABLE event_private (
    position bigint PRIMARY KEY,
    personal ${TEXT} NOT NULL
  )`,
  // Narrow on purpose: every command reads and writes it, at random places.
  `CREATE TABLE user_state (
    id ${TEXT} PRIMARY KEY,
    organization_id ${TEXT} NOT NULL,
    state ${TEXT} NOT NULL,
    kinds int NOT NULL,
    sequence bigint NOT NULL,
    epoch bigint NOT NULL,
    creation_time bigint NOT NULL,
    change_time bigint NOT NULL,
    next_due bigint,
    last_position bigint NOT NULL,
    restrictions ${TEXT}
  )`,
  `CREATE INDEX user_state_restricted ON user_state (kinds, organization_id, last_position) WHERE kinds > 0`,
  `CREATE INDEX user_state_due ON user_state (next_due) WHERE next_due IS NOT NULL`,
  `CREATE INDEX user_state_deleted ON user_state (organization_id) WHERE state = 'DELETED'`,
  // Written only when the person changes, which is rare: so only this table has the indexes of lists and searches.
  `CREATE TABLE user_profile (
    id ${TEXT} PRIMARY KEY,
    organization_id ${TEXT} NOT NULL,
    creation_time bigint NOT NULL,
    profile ${TEXT} NOT NULL,
    attributes ${TEXT} NOT NULL,
    username_key ${TEXT},
    email_key ${TEXT}
  )`,
  `CREATE INDEX user_profile_creation ON user_profile (creation_time, id)`,
  `CREATE INDEX user_profile_organization_creation ON user_profile (organization_id, creation_time, id)`,
  `CREATE INDEX user_profile_organization_id ON user_profile (organization_id, id)`,
  `CREATE INDEX user_profile_username ON user_profile (username_key) WHERE username_key IS NOT NULL`,
  `CREATE INDEX user_profile_organization_username ON user_profile (organization_id, username_key)
    WHERE username_key IS NOT NULL`,
  `CREATE INDEX user_profile_email ON user_profile (email_key) WHERE email_key IS NOT NULL`,
  `CREATE INDEX user_profile_organization_email ON user_profile (organization_id, email_key)
    WHERE email_key IS NOT NULL`,
  `CREATE TABLE requests (
    actor ${TEXT} NOT NULL,
    scope ${TEXT} NOT NULL,
    rpc ${TEXT} NOT NULL,
    request_id ${TEXT} NOT NULL,
    content bytea NOT NULL,
    resource_id ${TEXT} NOT NULL,
    position bigint NOT NULL,
    answer ${TEXT},
    time bigint NOT NULL,
    PRIMARY KEY (actor, scope, rpc, request_id)
  )`,
  // Old rows are deleted from the front.
  `CREATE INDEX requests_time ON requests (time)`,
  `CREATE TABLE organizations (
    id ${TEXT} PRIMARY KEY,
    display_name ${TEXT} NOT NULL,
    default_lock_duration_ms bigint NOT NULL,
    sequence bigint NOT NULL,
    creation_time bigint NOT NULL,
    change_time bigint NOT NULL,
    last_position bigint NOT NULL
  )`,
  `CREATE TABLE api_keys (
    id ${TEXT} PRIMARY KEY,
    secret_hash ${TEXT} NOT NULL UNIQUE,
    organization_id ${TEXT},
    display_name ${TEXT} NOT NULL,
    role ${TEXT} NOT NULL,
    permissions ${TEXT} NOT NULL,
    expire_time bigint,
    revoke_time bigint,
    rotate_time bigint,
    earlier_secrets ${TEXT} NOT NULL,
    last_used_day ${TEXT} NOT NULL,
    created_by ${TEXT} NOT NULL,
    sequence bigint NOT NULL,
    creation_time bigint NOT NULL,
    change_time bigint NOT NULL,
    last_position bigint NOT NULL
  )`,
  `CREATE INDEX api_keys_organization ON api_keys (organization_id, id)`,
  // A secret that was rotated away must never become a key again.
  `CREATE TABLE former_api_key_secrets (
    secret_hash ${TEXT} PRIMARY KEY,
    api_key_id ${TEXT} NOT NULL
  )`,
  // Uses of a session change no indexed column: with room in their page such updates write no index.
  `CREATE TABLE sessions (
    id ${TEXT} PRIMARY KEY,
    token_hash ${TEXT} NOT NULL UNIQUE,
    user_id ${TEXT} NOT NULL,
    organization_id ${TEXT} NOT NULL,
    generation bigint NOT NULL,
    epoch bigint NOT NULL,
    sequence bigint NOT NULL,
    creation_time bigint NOT NULL,
    change_time bigint NOT NULL,
    expire_time bigint NOT NULL,
    idle_timeout_ms bigint,
    last_activity_time bigint NOT NULL,
    revoke_time bigint,
    clear_time bigint NOT NULL,
    user_agent ${TEXT} NOT NULL,
    ip ${TEXT} NOT NULL,
    attributes ${TEXT} NOT NULL,
    created_by ${TEXT} NOT NULL
  ) WITH (fillfactor = 85)`,
  `CREATE INDEX sessions_user ON sessions (user_id, creation_time, id)`,
  `CREATE INDEX sessions_organization ON sessions (organization_id, creation_time, id)`,
  `CREATE INDEX sessions_creation ON sessions (creation_time, id)`,
  // Dead rows are deleted from the front.
  `CREATE INDEX sessions_clear ON sessions (clear_time)`,
  `CREATE TABLE policies (
    id ${TEXT} PRIMARY KEY,
    policy_values ${TEXT} NOT NULL,
    sequence bigint NOT NULL,
    creation_time bigint NOT NULL,
    change_time bigint NOT NULL,
    last_position bigint NOT NULL
  )`,
  // What lasts of the counters: one row per subject and factor.
  `CREATE TABLE attempt_counters (
    subject ${TEXT} NOT NULL,
    factor ${TEXT} NOT NULL,
    failures ${TEXT} NOT NULL,
    locks bigint NOT NULL,
    life bigint NOT NULL,
    shadow_state ${TEXT},
    touch_time bigint NOT NULL,
    PRIMARY KEY (subject, factor)
  ) WITH (fillfactor = 85)`,
  // The counters of unknown users are bounded. Subjects begin with "shadow:" or "user:".
  `CREATE INDEX attempt_counters_shadow ON attempt_counters (touch_time) WHERE subject < 'user:'`,
  // The attempts under way, a few rows that come and go.
  `CREATE TABLE attempt_places (
    subject ${TEXT} NOT NULL,
    factor ${TEXT} NOT NULL,
    places ${TEXT} NOT NULL,
    next_due bigint NOT NULL,
    PRIMARY KEY (subject, factor)
  ) WITH (fillfactor = 50)`,
  `CREATE INDEX attempt_places_due ON attempt_places (next_due)`,
  // Each is inserted, and updated once in columns that no index has.
  `CREATE TABLE attempts (
    id ${TEXT} PRIMARY KEY,
    subject ${TEXT} NOT NULL,
    organization_id ${TEXT} NOT NULL,
    factor ${TEXT} NOT NULL,
    life bigint NOT NULL,
    begin_time bigint NOT NULL,
    end_time bigint NOT NULL,
    outcome ${TEXT} NOT NULL,
    settle_time bigint,
    ip ${TEXT} NOT NULL,
    network ${TEXT},
    user_agent ${TEXT} NOT NULL,
    created_by ${TEXT} NOT NULL
  ) WITH (fillfactor = 85)`,
  `CREATE INDEX attempts_begin ON attempts (begin_time, id)`,
  `CREATE INDEX attempts_organization ON attempts (organization_id, begin_time, id)`,
  `CREATE INDEX attempts_subject ON attempts (subject, begin_time, id)`,
  `CREATE INDEX attempts_network ON attempts (network, begin_time, id) WHERE network IS NOT NULL`,
  // Secrets of this database that no API shows.
  `CREATE TABLE secrets (
    name ${TEXT} PRIMARY KEY,
    value bytea NOT NULL
  )`,
  `CREATE TABLE instance (
    id int PRIMARY KEY CHECK (id = 1),
    generation bigint NOT NULL,
    sequence bigint NOT NULL,
    change_time bigint NOT NULL,
    last_position bigint
  )`,
  `INSERT INTO instance (id, generation, sequence, change_time, last_position) VALUES (1, 1, 0, 0, NULL)`,
  // From where this database was moved, at most one row. Without an end there is no head of the log: nobody can write.
  `CREATE TABLE moves (
    id ${TEXT} PRIMARY KEY,
    place ${TEXT} NOT NULL,
    begin_time bigint NOT NULL,
    end_time bigint
  )`,
  // The processes that use this database now, each seen every few seconds by the server's clock.
  `CREATE TABLE replicas (
    id ${TEXT} PRIMARY KEY,
    version ${TEXT} NOT NULL,
    schema_version ${TEXT} NOT NULL,
    seen_time bigint NOT NULL
  ) WITH (fillfactor = 50)`,
  `CREATE TABLE migrations (
    name ${TEXT} PRIMARY KEY,
    oldest_beside ${TEXT} NOT NULL,
    time bigint NOT NULL
  )`,
];

/** The key that seals page tokens and cursors. */
const INSERT_TOKEN_KEY = {
  name: "insert_token_key",
  text: "INSERT INTO secrets (name, value) VALUES ('tokens', $1)",
};
const KEY_BYTES = 32;

export const tables = {
  name: "0001-tables",
  oldestBeside: "0001-tables",
  async run(connection: Connection): Promise<void> {
    await connection.simple(STATEMENTS.join(";\n"));
    await connection.run(INSERT_TOKEN_KEY, [randomBytes(KEY_BYTES)]);
  },
};
