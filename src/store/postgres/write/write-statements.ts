/** The statements that write a batch, one for each table and kind of change. */
import type {
  ApiKeyTable,
  AttemptCounterTable,
  AttemptPlacesTable,
  AttemptTable,
  EventPrivateTable,
  EventTable,
  OrganizationTable,
  PolicyTable,
  RequestTable,
  SessionTable,
  UserProfileTable,
  UserStateTable,
} from "../../rows/schema.ts";
import type { Statement } from "../connect/connection.ts";
import { SERVER_NOW } from "../schema/lease.ts";
import { deleteStatement, insertStatement, updateStatement } from "./bulk-statements.ts";

export const INSERT_EVENTS = insertStatement<EventTable>("events", {
  position: "int8",
  previous_position: "int8",
  organization_id: "text",
  user_id: "text",
  sequence: "int8",
  type: "text",
  time: "int8",
  record_time: "int8",
  actor: "text",
  via: "text",
  request_id: "text",
  body: "bytea",
  hash: "bytea",
});

export const INSERT_PRIVATE = insertStatement<EventPrivateTable>("event_private", {
  position: "int8",
  personal: "text",
});

/** The columns of user_state that change. */
type StateRow = Omit<UserStateTable, "organization_id">;

export const INSERT_STATES = insertStatement<UserStateTable>("user_state", {
  id: "text",
  organization_id: "text",
  state: "text",
  kinds: "int4",
  sequence: "int8",
  epoch: "int8",
  creation_time: "int8",
  change_time: "int8",
  next_due: "int8",
  last_position: "int8",
  restrictions: "text",
});

export const UPDATE_STATES = updateStatement<StateRow>(
  "user_state",
  {
    id: "text",
    state: "text",
    kinds: "int4",
    sequence: "int8",
    epoch: "int8",
    creation_time: "int8",
    change_time: "int8",
    next_due: "int8",
    last_position: "int8",
    restrictions: "text",
  },
  ["id"],
);

export const PUT_PROFILES = insertStatement<UserProfileTable>(
  "user_profile",
  {
    id: "text",
    organization_id: "text",
    creation_time: "int8",
    profile: "text",
    attributes: "text",
    username_key: "text",
    email_key: "text",
  },
  ["id"],
);

export type RequestRow = Omit<RequestTable, "id">;

/** A row that is there is one that is too old to count. */
export const PUT_REQUESTS = insertStatement<RequestRow>(
  "requests",
  {
    actor: "text",
    scope: "text",
    rpc: "text",
    request_id: "text",
    content: "bytea",
    resource_id: "text",
    answer: "text",
    user_id: "text",
    position: "int8",
    time: "int8",
  },
  ["actor", "scope", "rpc", "request_id"],
);

export const PUT_ORGANIZATIONS = insertStatement<OrganizationTable>(
  "organizations",
  {
    id: "text",
    display_name: "text",
    default_lock_duration_ms: "int8",
    sequence: "int8",
    creation_time: "int8",
    change_time: "int8",
    last_position: "int8",
  },
  ["id"],
);

export const INSERT_API_KEYS = insertStatement<ApiKeyTable>("api_keys", {
  id: "text",
  secret_hash: "text",
  organization_id: "text",
  display_name: "text",
  role: "text",
  permissions: "text",
  expire_time: "int8",
  revoke_time: "int8",
  rotate_time: "int8",
  earlier_secrets: "text",
  last_used_day: "text",
  created_by: "text",
  sequence: "int8",
  creation_time: "int8",
  change_time: "int8",
  last_position: "int8",
});

export type ApiKeyChange = Pick<
  ApiKeyTable,
  | "id"
  | "secret_hash"
  | "revoke_time"
  | "rotate_time"
  | "earlier_secrets"
  | "sequence"
  | "change_time"
  | "last_position"
>;

/** Without the day of last use, which is not an event. */
export const UPDATE_API_KEYS = updateStatement<ApiKeyChange>(
  "api_keys",
  {
    id: "text",
    secret_hash: "text",
    revoke_time: "int8",
    rotate_time: "int8",
    earlier_secrets: "text",
    sequence: "int8",
    change_time: "int8",
    last_position: "int8",
  },
  ["id"],
);

export interface FormerSecretRow {
  readonly secret_hash: string;
  readonly api_key_id: string;
}

export const INSERT_FORMER_SECRETS = insertStatement<FormerSecretRow>("former_api_key_secrets", {
  secret_hash: "text",
  api_key_id: "text",
});

export const PUT_POLICIES = insertStatement<PolicyTable>(
  "policies",
  {
    id: "text",
    policy_values: "text",
    sequence: "int8",
    creation_time: "int8",
    change_time: "int8",
    last_position: "int8",
  },
  ["id"],
);

export const INSERT_SESSIONS = insertStatement<SessionTable>("sessions", {
  id: "text",
  token_hash: "text",
  user_id: "text",
  organization_id: "text",
  generation: "int8",
  epoch: "int8",
  sequence: "int8",
  creation_time: "int8",
  change_time: "int8",
  expire_time: "int8",
  idle_timeout_ms: "int8",
  last_activity_time: "int8",
  revoke_time: "int8",
  clear_time: "int8",
  user_agent: "text",
  ip: "text",
  attributes: "text",
  created_by: "text",
});

export type SessionChange = Pick<
  SessionTable,
  "id" | "token_hash" | "sequence" | "change_time" | "expire_time" | "revoke_time" | "clear_time" | "attributes"
>;

/** Without the last activity: another replica may have seen a later one. */
export const UPDATE_SESSIONS = updateStatement<SessionChange>(
  "sessions",
  {
    id: "text",
    token_hash: "text",
    sequence: "int8",
    change_time: "int8",
    expire_time: "int8",
    revoke_time: "int8",
    clear_time: "int8",
    attributes: "text",
  },
  ["id"],
);

export const PUT_COUNTERS = insertStatement<AttemptCounterTable>(
  "attempt_counters",
  {
    subject: "text",
    factor: "text",
    failures: "text",
    locks: "int8",
    life: "int8",
    shadow_state: "text",
    touch_time: "int8",
  },
  ["subject", "factor"],
);

export const PUT_PLACES = insertStatement<AttemptPlacesTable>(
  "attempt_places",
  { subject: "text", factor: "text", places: "text", next_due: "int8" },
  ["subject", "factor"],
);

export type CounterName = Pick<AttemptPlacesTable, "subject" | "factor">;

export const DELETE_PLACES = deleteStatement<CounterName>("attempt_places", { subject: "text", factor: "text" });

export const INSERT_ATTEMPTS = insertStatement<AttemptTable>("attempts", {
  id: "text",
  subject: "text",
  organization_id: "text",
  factor: "text",
  life: "int8",
  begin_time: "int8",
  end_time: "int8",
  outcome: "text",
  settle_time: "int8",
  ip: "text",
  network: "text",
  user_agent: "text",
  created_by: "text",
});

export type AttemptChange = Pick<AttemptTable, "id" | "outcome" | "settle_time">;

/** Nothing else of an attempt changes once it has begun. */
export const UPDATE_ATTEMPTS = updateStatement<AttemptChange>(
  "attempts",
  { id: "text", outcome: "text", settle_time: "int8" },
  ["id"],
);

/** $1: when; $2: ids. */
export const EXPIRE_ATTEMPTS: Statement = {
  name: "expire_attempts",
  text: "UPDATE attempts SET outcome = 'EXPIRED', settle_time = $1 WHERE id = ANY($2::text[]) AND outcome = 'OUTSTANDING'",
};

export const INSERT_LINK: Statement = {
  name: "insert_link",
  text: "INSERT INTO links (last_position, link) VALUES ($1, $2)",
};

/** By which a replica knows whether it may go on: the generation, and the newest migration that it must know. */
const STANDING = "(SELECT generation FROM instance WHERE id = 1), (SELECT max(oldest_beside) FROM migrations)";

/**
 * Takes the head of the log, the one lock of every transaction that writes: from here to COMMIT no other one decides or
 * writes anything. The row is read after the lock is there.
 */
export const TAKE_HEAD: Statement = {
  name: "take_head",
  text: `UPDATE log_head SET record_time = record_time WHERE id = 1
    RETURNING position, link, record_time, config_position, ${SERVER_NOW}, ${STANDING}`,
};

/** Reads the head without a lock. */
export const READ_HEAD: Statement = {
  name: "read_head",
  text: `SELECT position, record_time, config_position, ${SERVER_NOW}, ${STANDING} FROM log_head WHERE id = 1`,
};

/** $1 and $2: the new position and link; $3: the record time; $4: the position of the newest event of the configuration. */
export const PUT_HEAD: Statement = {
  name: "put_head",
  text: "UPDATE log_head SET position = $1, link = $2, record_time = $3, config_position = $4 WHERE id = 1",
};

/** For writes without events: time must not go back behind them either. */
export const PUT_RECORD_TIME: Statement = {
  name: "put_record_time",
  text: "UPDATE log_head SET record_time = $1 WHERE id = 1",
};
