/** The hot statements, each prepared once for a connection: the writer's, or one of a serving thread, which only reads. */
import type { Database } from "better-sqlite3";
import { answerIsShown, personalIsShown } from "../../rows/erasure-rows.ts";
import { type OpenWork, READ_OPEN_WORK } from "../../rows/open-work.ts";
import type { EventRow } from "../../rows/rows.ts";
import type {
  ApiKeyTable,
  InstanceTable,
  LogHeadTable,
  OrganizationTable,
  RequestTable,
  SessionTable,
  UserProfileTable,
} from "../../rows/schema.ts";
import { attemptStatements, type Prepare } from "./attempt-statements.ts";
import { eraseStatements } from "./erase.ts";
import { readStatements } from "./read-statements.ts";

export type HotStatements = ReturnType<typeof prepareHotStatements>;

type NewEvent = readonly [
  position: number,
  previousPosition: number | null,
  organizationId: string | null,
  userId: string | null,
  sequence: number,
  type: string,
  time: number,
  recordTime: number,
  actor: string,
  via: string,
  requestId: string,
  body: Uint8Array,
  hash: Uint8Array,
];

/** The columns of user_state that change. */
type StateValues = [
  state: string,
  kinds: number,
  sequence: number,
  epoch: number,
  creationTime: number,
  changeTime: number,
  nextDue: number | null,
  lastPosition: number,
  restrictions: string | null,
];

type FoundRequest = Pick<RequestTable, "content" | "resource_id" | "position" | "answer" | "time"> & {
  readonly is_shown: 0 | 1;
};

type RequestKey = [actor: string, scope: string, rpc: string, requestId: string];

export function prepareHotStatements(database: Database) {
  const prepare: Prepare = (sql) => database.prepare(sql);
  return {
    ...transactionStatements(prepare),
    ...eventStatements(prepare),
    ...readStatements(prepare),
    ...userStatements(prepare),
    ...requestStatements(prepare),
    ...sessionStatements(prepare),
    ...attemptStatements(prepare),
    ...eraseStatements(prepare),
    ...otherStatements(prepare),
  };
}

/** BEGIN to COMMIT, and the head of the log in between. */
function transactionStatements(prepare: Prepare) {
  return {
    // IMMEDIATE: a batch reads first, and must not get BUSY when it begins to write.
    begin: prepare("BEGIN IMMEDIATE"),
    beginRead: prepare("BEGIN"),
    commit: prepare("COMMIT"),
    rollback: prepare("ROLLBACK"),

    readRecordTime: prepare<[], number>("SELECT record_time FROM log_head WHERE id = 1").pluck(),
    readHeadPosition: prepare<[], number>("SELECT position FROM log_head WHERE id = 1").pluck(),
    readEventHash: prepare<[position: number], Buffer>("SELECT hash FROM events WHERE position = ?").pluck(),
    advanceHead: prepare<[count: number, recordTime: number], Pick<LogHeadTable, "position" | "link">>(
      "UPDATE log_head SET position = position + ?, record_time = ? WHERE id = 1 RETURNING position, link",
    ),
    // For writes without events: time must not go back behind them either.
    setRecordTime: prepare<[recordTime: number]>("UPDATE log_head SET record_time = ? WHERE id = 1"),
    readInstance: prepare<[], InstanceTable>("SELECT * FROM instance WHERE id = 1"),
    putInstance: prepare<[generation: number, sequence: number, changeTime: number, lastPosition: number]>(
      "UPDATE instance SET generation = ?, sequence = ?, change_time = ?, last_position = ? WHERE id = 1",
    ),
    setHeadLink: prepare<[link: Uint8Array]>("UPDATE log_head SET link = ? WHERE id = 1"),
    insertLink: prepare<[lastPosition: number, link: Uint8Array]>(
      "INSERT INTO links (last_position, link) VALUES (?, ?)",
    ),
  };
}

/** The log itself. */
function eventStatements(prepare: Prepare) {
  return {
    insertEvent: prepare<[...NewEvent]>(
      `INSERT INTO events (position, previous_position, organization_id, user_id, sequence, type, time, record_time,
        actor, via, request_id, body, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    insertPrivate: prepare<[position: number, personal: string]>(
      "INSERT INTO event_private (position, personal) VALUES (?, ?)",
    ),
    // Another round may have written the same.
    insertSummary: prepare<[block: number, organizations: Uint8Array, actors: Uint8Array, types: string]>(
      "INSERT OR IGNORE INTO event_summaries (block, organizations, actors, types) VALUES (?, ?, ?, ?)",
    ),
    readEvent: prepare<[position: number], EventRow>(
      `SELECT e.*, p.personal FROM events e LEFT JOIN event_private p ON p.position = e.position
        AND ${personalIsShown("e")} WHERE e.position = ?`,
    ),
  };
}

/** The rows of users. */
function userStatements(prepare: Prepare) {
  return {
    // Positional parameters, here and in all that runs for many commands: each name costs a look-up.
    insertUserState: prepare<[id: string, organizationId: string, ...StateValues]>(
      `INSERT INTO user_state (id, organization_id, state, kinds, sequence, epoch, creation_time, change_time, next_due,
        last_position, restrictions) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    updateUserState: prepare<[...StateValues, id: string]>(
      `UPDATE user_state SET state = ?, kinds = ?, sequence = ?, epoch = ?, creation_time = ?, change_time = ?,
        next_due = ?, last_position = ?, restrictions = ? WHERE id = ?`,
    ),
    findDue: prepare<[now: number, limit: number], string>(
      "SELECT id FROM user_state WHERE next_due <= ? ORDER BY next_due LIMIT ?",
    ).pluck(),

    oldestDue: prepare<[now: number], number | null>(
      "SELECT min(next_due) FROM user_state WHERE next_due <= ?",
    ).pluck(),
    readOpenWork: prepare<[], OpenWork>(READ_OPEN_WORK),
    findByKey: prepare<[{ organizationId: string; key: string }], string>(
      `SELECT id FROM user_profile WHERE organization_id = @organizationId AND username_key = @key
        UNION SELECT id FROM user_profile WHERE organization_id = @organizationId AND email_key = @key LIMIT 2`,
    ).pluck(),

    insertProfile: prepare<
      [
        id: string,
        organizationId: string,
        creationTime: number,
        profile: string,
        attributes: string,
        usernameKey: string | null,
        emailKey: string | null,
      ]
    >(
      `INSERT INTO user_profile (id, organization_id, creation_time, profile, attributes, username_key, email_key)
        VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ),
    putProfile: prepare<[UserProfileTable]>(
      `INSERT INTO user_profile (id, organization_id, creation_time, profile, attributes, username_key, email_key)
        VALUES (@id, @organization_id, @creation_time, @profile, @attributes, @username_key, @email_key)
        ON CONFLICT (id) DO UPDATE SET creation_time = @creation_time, profile = @profile, attributes = @attributes,
        username_key = @username_key, email_key = @email_key`,
    ),
  };
}

/** Remembered requests. */
function requestStatements(prepare: Prepare) {
  return {
    findRequest: prepare<RequestKey, FoundRequest>(
      `SELECT content, resource_id, position, answer, time, ${answerIsShown("requests")} AS is_shown FROM requests
        WHERE actor = ? AND scope = ? AND rpc = ? AND request_id = ?`,
    ),
    // REPLACE: an existing row is one that is too old to count.
    putRequest: prepare<
      [
        ...RequestKey,
        content: Uint8Array,
        resourceId: string,
        position: number,
        answer: string | null,
        userId: string | null,
        time: number,
      ]
    >(
      `INSERT OR REPLACE INTO requests (actor, scope, rpc, request_id, content, resource_id, position, answer, user_id, time)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    deleteOldRequests: prepare<[limit: number, before: number]>(
      "DELETE FROM requests WHERE id IN (SELECT id FROM requests ORDER BY id LIMIT ?) AND time < ?",
    ),
  };
}

/** Sessions. */
function sessionStatements(prepare: Prepare) {
  return {
    readSession: prepare<[id: string], SessionTable>("SELECT * FROM sessions WHERE id = ?"),
    insertSession: prepare<[SessionTable]>(
      `INSERT INTO sessions (id, token_hash, user_id, organization_id, generation, epoch, sequence, creation_time, change_time,
        expire_time, idle_timeout_ms, last_activity_time, revoke_time, clear_time, user_agent, ip, attributes, created_by) VALUES (@id,
        @token_hash, @user_id, @organization_id, @generation, @epoch, @sequence, @creation_time, @change_time, @expire_time,
        @idle_timeout_ms, @last_activity_time, @revoke_time, @clear_time, @user_agent, @ip, @attributes, @created_by)`,
    ),
    updateSession: prepare<[SessionTable]>(
      `UPDATE sessions SET token_hash = @token_hash, sequence = @sequence, change_time = @change_time,
        expire_time = @expire_time, revoke_time = @revoke_time, clear_time = @clear_time, attributes = @attributes
        WHERE id = @id`,
    ),
    touchSession: prepare<[time: number, id: string, before: number]>(
      "UPDATE sessions SET last_activity_time = ? WHERE id = ? AND last_activity_time < ?",
    ),
    deleteOldSessions: prepare<[now: number, limit: number]>(
      "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE clear_time < ? ORDER BY clear_time LIMIT ?)",
    ),
  };
}

/** Organizations and API keys. */
function otherStatements(prepare: Prepare) {
  return {
    readOrganization: prepare<[id: string], OrganizationTable>("SELECT * FROM organizations WHERE id = ?"),
    insertOrganization: prepare<[OrganizationTable]>(
      `INSERT INTO organizations (id, display_name, default_lock_duration_ms, sequence, creation_time, change_time,
        last_position) VALUES (@id, @display_name, @default_lock_duration_ms, @sequence, @creation_time, @change_time,
        @last_position)`,
    ),
    updateOrganization: prepare<[OrganizationTable]>(
      `UPDATE organizations SET display_name = @display_name, default_lock_duration_ms = @default_lock_duration_ms,
        sequence = @sequence, change_time = @change_time, last_position = @last_position WHERE id = @id`,
    ),

    readApiKey: prepare<[id: string], ApiKeyTable>("SELECT * FROM api_keys WHERE id = ?"),
    readEffectiveApiKeys: prepare<[now: number], ApiKeyTable>(
      "SELECT * FROM api_keys WHERE revoke_time IS NULL AND (expire_time IS NULL OR expire_time > ?) ORDER BY id",
    ),
    readLastingOwners: prepare<[], string>(
      `SELECT id FROM api_keys WHERE role = 'owner' AND organization_id IS NULL AND revoke_time IS NULL
        AND expire_time IS NULL`,
    ).pluck(),
    insertApiKey: prepare<[ApiKeyTable]>(
      `INSERT INTO api_keys (id, secret_hash, organization_id, display_name, role, permissions, expire_time, revoke_time,
        rotate_time, earlier_secrets, last_used_day, created_by, sequence, creation_time, change_time, last_position) VALUES (@id,
        @secret_hash, @organization_id, @display_name, @role, @permissions, @expire_time, @revoke_time, @rotate_time,
        @earlier_secrets, @last_used_day, @created_by, @sequence, @creation_time, @change_time, @last_position)`,
    ),
    updateApiKey: prepare<[ApiKeyTable]>(
      `UPDATE api_keys SET secret_hash = @secret_hash, revoke_time = @revoke_time, rotate_time = @rotate_time,
        earlier_secrets = @earlier_secrets, sequence = @sequence, change_time = @change_time,
        last_position = @last_position WHERE id = @id`,
    ),
    insertFormerSecret: prepare<[secretHash: string, keyId: string]>(
      "INSERT INTO former_api_key_secrets (secret_hash, api_key_id) VALUES (?, ?)",
    ),
    readApiKeyBySecret: prepare<[{ secretHash: string }], ApiKeyTable>(
      `SELECT * FROM api_keys WHERE secret_hash = @secretHash OR id = (SELECT api_key_id FROM former_api_key_secrets
        WHERE secret_hash = @secretHash)`,
    ),
    touchApiKey: prepare<[day: string, id: string]>("UPDATE api_keys SET last_used_day = ? WHERE id = ?"),
  };
}
