/** The tables of a database as Kysely sees them: the same names on every engine. */
import type { Generated } from "kysely";

export interface Tables {
  log_head: LogHeadTable;
  links: LinkTable;
  events: EventTable;
  event_private: EventPrivateTable;
  event_summaries: EventSummaryTable;
  user_state: UserStateTable;
  user_profile: UserProfileTable;
  requests: RequestTable;
  organizations: OrganizationTable;
  api_keys: ApiKeyTable;
  sessions: SessionTable;
  policies: PolicyTable;
  attempt_counters: AttemptCounterTable;
  attempt_places: AttemptPlacesTable;
  attempts: AttemptTable;
  instance: InstanceTable;
  moves: MoveTable;
  checkpoints: CheckpointTable;
  erasures: ErasureTable;
}

/** One row: where the log ends. */
export interface LogHeadTable {
  id: 1;
  position: number;
  link: Buffer;
  record_time: number;
}

/** One row: the state of the whole instance. */
export interface InstanceTable {
  id: 1;
  generation: number;
  sequence: number;
  change_time: number;
  last_position: number | null;
}

/** One row per commit: the position of its last event and the link of the chain. */
export interface LinkTable {
  last_position: number;
  link: Buffer;
}

/** A signed note that says what the chain's link was at a position. */
export interface CheckpointTable {
  position: number;
  /** When it was written, in milliseconds since the epoch. */
  time: number;
  note: string;
}

export interface EventTable {
  position: number;
  /** The position of the event before, of the same user, organization or API key. */
  previous_position: number | null;
  organization_id: string | null;
  user_id: string | null;
  sequence: number;
  type: string;
  time: number;
  record_time: number;
  actor: string;
  via: string;
  request_id: string;
  body: Buffer;
  hash: Buffer;
}

export interface EventPrivateTable {
  position: number;
  /** JSON of PrivateValues. */
  personal: string;
}

/** What occurs in a block of 1,024 positions, as lists/events/event-summary.ts writes it. */
export interface EventSummaryTable {
  block: number;
  organizations: Buffer;
  actors: Buffer;
  types: string;
}

export interface UserStateTable {
  id: string;
  organization_id: string;
  /** The state at the last written event; changes that are due since then are not in it. */
  state: string;
  /** The kinds of all restrictions, holding or scheduled: the sum of KIND_BITS. */
  kinds: number;
  sequence: number;
  epoch: number;
  creation_time: number;
  change_time: number;
  next_due: number | null;
  last_position: number;
  /** JSON of the restrictions as rows.ts writes them; null: none. */
  restrictions: string | null;
}

export interface UserProfileTable {
  id: string;
  organization_id: string;
  creation_time: number;
  profile: string;
  attributes: string;
  username_key: string | null;
  email_key: string | null;
}

export interface RequestTable {
  id: Generated<number>;
  actor: string;
  /** The organization that the credential was confined to; empty: the whole instance. */
  scope: string;
  rpc: string;
  request_id: string;
  content: Buffer;
  resource_id: string;
  /** The answer itself if replaying the history would take long; else null. Deleted with the request after a day. */
  answer: string | null;
  /** The user that the answer shows, with personal values; null: nobody, or they are erased. */
  user_id: string | null;
  /** The position of the resource's last event when the request was answered. */
  position: number;
  time: number;
}

export interface OrganizationTable {
  id: string;
  display_name: string;
  default_lock_duration_ms: number;
  sequence: number;
  creation_time: number;
  change_time: number;
  last_position: number;
}

export interface ApiKeyTable {
  id: string;
  secret_hash: string;
  organization_id: string | null;
  display_name: string;
  role: string;
  /** JSON of string[]. */
  permissions: string;
  expire_time: number | null;
  revoke_time: number | null;
  rotate_time: number | null;
  /** JSON of EarlierSecret[]. */
  earlier_secrets: string;
  last_used_day: string;
  created_by: string;
  sequence: number;
  creation_time: number;
  change_time: number;
  last_position: number;
}

export interface SessionTable {
  id: string;
  token_hash: string;
  user_id: string;
  organization_id: string;
  generation: number;
  epoch: number;
  sequence: number;
  creation_time: number;
  change_time: number;
  expire_time: number;
  idle_timeout_ms: number | null;
  last_activity_time: number;
  revoke_time: number | null;
  /** When the row is deleted: some time after the session's end. */
  clear_time: number;
  user_agent: string;
  ip: string;
  /** JSON of Attributes. */
  attributes: string;
  created_by: string;
}

export interface PolicyTable {
  /** The organization's; empty: the instance's. */
  id: string;
  /** JSON of PolicyValues. */
  policy_values: string;
  sequence: number;
  creation_time: number;
  change_time: number;
  last_position: number;
}

/** What lasts of the counter of one subject and factor; a counter without a row counts nothing. */
export interface AttemptCounterTable {
  /** As subject-key.ts writes it. */
  subject: string;
  factor: string;
  /** JSON of number[]. */
  failures: string;
  locks: number;
  /** The sequence of the event that re-created the user; 0: the first person under this id. */
  life: number;
  /** JSON of the UserState that stands in for an unknown user; null: the counter is a user's. */
  shadow_state: string | null;
  /**
   * When it was written; for a shadow that is kept in preference to others: until when. Shadows are deleted in this
   * order.
   */
  touch_time: number;
}

/** The attempts under way of one subject and factor; there is no row without one. */
export interface AttemptPlacesTable {
  subject: string;
  factor: string;
  /** JSON of [id, endTime][]. */
  places: string;
  /** The earliest end of these attempts. */
  next_due: number;
}

export interface AttemptTable {
  id: string;
  subject: string;
  organization_id: string;
  factor: string;
  life: number;
  begin_time: number;
  end_time: number;
  outcome: string;
  settle_time: number | null;
  ip: string;
  /** As `networkKeyOf` writes it; null: `ip` is not an address. */
  network: string | null;
  user_agent: string;
  created_by: string;
}

/** A move of the whole database to another engine. On either side there is at most one. */
export interface MoveTable {
  /** The same on both sides. */
  id: string;
  /** The other side, for people. */
  place: string;
  begin_time: number;
  /** Null: it is under way, or was interrupted. */
  end_time: number | null;
}

/** The erasure of a user, under way or ended. */
export interface ErasureTable {
  user_id: string;
  /** Events before this one lose their personal values, and attempts of lives before it are deleted; 0: none. */
  sequence: number;
  /** Sessions under a lower epoch are deleted. */
  epoch: number;
  /** Remembered answers up to this time lose their personal values. */
  time: number;
  /** The position at which the walk through the history goes on; null: it has ended. */
  next_position: number | null;
  /** Null: something is left to do. */
  end_time: number | null;
}
