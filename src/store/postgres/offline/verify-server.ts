/** Verifies a whole PostgreSQL database at one moment; a service may go on meanwhile. */
import { FIND_UNKNOWN_EVENT, type UnknownEvent, verifyContents } from "../../log/verify-contents.ts";
import { FIND_UNKNOWN_ERASURE } from "../../log/verify-erasures.ts";
import type { StoredUser } from "../../log/verify-users.ts";
import type { CheckpointJudge, DatabaseReport, VerifyProgress } from "../../offline.ts";
import { SELECT_STORED_ERASURES, type StoredErasure } from "../../rows/erasure-rows.ts";
import { type EventRow, toRecordedEvent } from "../../rows/rows.ts";
import type { InstanceTable, LogHeadTable, UserProfileTable, UserStateTable } from "../../rows/schema.ts";
import type { Connection } from "../connect/connection.ts";
import { chainUpTo } from "./chain-rows.ts";
import { readInstanceName } from "./instance-row.ts";

// One snapshot for all statements, however long they take.
const BEGIN = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0;
  SET LOCAL idle_in_transaction_session_timeout = 0`;

const READ_HEAD = { name: "verify_head", text: "SELECT * FROM log_head" };
const READ_STATES = { name: "verify_states", text: "SELECT * FROM user_state WHERE id > $1 ORDER BY id LIMIT $2" };
const READ_PROFILES = { name: "verify_profiles", text: "SELECT * FROM user_profile WHERE id = ANY ($1::text[])" };
const READ_ERASURES = {
  name: "verify_erasures",
  text: `${SELECT_STORED_ERASURES} WHERE x.user_id = ANY ($1::text[])`,
};
// From each user's last event back to the first.
const READ_HISTORIES = {
  name: "verify_histories",
  text: `WITH RECURSIVE history AS (
      SELECT e.* FROM events e WHERE e.position = ANY ($1::int8[])
      UNION ALL SELECT e.* FROM history h JOIN events e ON e.position = h.previous_position)
    SELECT h.*, p.personal FROM history h LEFT JOIN event_private p ON p.position = h.position ORDER BY h.position`,
};
const READ_CHECKPOINTS = { name: "verify_checkpoints", text: "SELECT note FROM checkpoints ORDER BY position" };
const READ_UNKNOWN_EVENT = { name: "verify_unknown_event", text: FIND_UNKNOWN_EVENT };
const READ_UNKNOWN_ERASURE = { name: "verify_unknown_erasure", text: FIND_UNKNOWN_ERASURE };
const READ_INSTANCE = { name: "verify_instance", text: "SELECT * FROM instance" };
const READ_INSTANCE_BODY = {
  name: "verify_instance_body",
  text: "SELECT body FROM events WHERE position = $1 AND type = 'GenerationRaised'",
};

interface Verified {
  /** The database, for errors. */
  readonly place: string;
  readonly schemaVersion: string;
  readonly judge?: CheckpointJudge | undefined;
}

/** Verifies a database with the schema of this version. Rejects with one plain sentence at the first fault. */
export async function verifyServer(
  connection: Connection,
  verified: Verified,
  progress: VerifyProgress = () => undefined,
): Promise<DatabaseReport> {
  await connection.simple(BEGIN);
  try {
    return await verifyContents({ ...verified, ...(await contentsOf(connection, verified)) }, progress, verified.judge);
  } finally {
    await connection.simple("ROLLBACK").catch(() => undefined);
  }
}

async function contentsOf(connection: Connection, { place }: Verified) {
  const [head] = await connection.rows<LogHeadTable>(READ_HEAD);
  if (head === undefined) throw new Error(`the database ${place} is damaged: the log has no head`);
  const [instance] = await connection.rows<InstanceTable>(READ_INSTANCE);
  const [event] = await connection.rows<{ body: Buffer }>(READ_INSTANCE_BODY, [instance?.last_position ?? null]);
  const notes = await connection.rows<{ note: string }>(READ_CHECKPOINTS);
  return {
    head,
    checkpoints: notes.map(({ note }) => note),
    origin: await readInstanceName(connection, place),
    instance,
    instanceBody: event?.body,
    chain: chainUpTo(connection, head),
    users: (after: string, limit: number) => readUsers(connection, after, limit),
    unknownEvent: async () => (await connection.rows<UnknownEvent>(READ_UNKNOWN_EVENT))[0],
    unknownErasure: async () => (await connection.rows<{ user_id: string }>(READ_UNKNOWN_ERASURE))[0]?.user_id,
  };
}

async function readUsers(connection: Connection, after: string, limit: number): Promise<readonly StoredUser[]> {
  const states = await connection.rows<UserStateTable>(READ_STATES, [after, limit]);
  const ids = states.map(({ id }) => id);
  const positions = states.map(({ last_position }) => last_position);
  const profiles = await connection.rows<UserProfileTable>(READ_PROFILES, [ids]);
  const erasures = await connection.rows<StoredErasure>(READ_ERASURES, [ids]);
  const events = await connection.rows<EventRow>(READ_HISTORIES, [positions]);
  const profileOf = new Map(profiles.map((profile) => [profile.id, profile]));
  const erasureOf = new Map(erasures.map((erasure) => [erasure.user_id, erasure]));
  const eventsOf = Map.groupBy(events, ({ user_id }) => user_id);
  return states.map((state) => ({
    state,
    profile: profileOf.get(state.id),
    erasure: erasureOf.get(state.id),
    events: () => (eventsOf.get(state.id) ?? []).map(toRecordedEvent),
  }));
}
