/** Raises the generation of a PostgreSQL database that no replica uses: one event and one row. */
import { evolveInstance, type Instance } from "../../../domain/instance.ts";
import { encodeBody, hashEvent, hashLink } from "../../log/event-encoding.ts";
import { generationRaised, keepRaisesApart, type RaiseAt } from "../../log/raised-generation.ts";
import type { Raised } from "../../offline.ts";
import type { Connection } from "../connect/connection.ts";
import { transact } from "../connect/transact.ts";
import { replicasSeen } from "../schema/replicas.ts";

// The head is taken first, so that positions follow the order of commits.
const TAKE_HEAD = {
  name: "offline_take_head",
  text: "UPDATE log_head SET position = position + 1 RETURNING position, link, record_time",
};
const READ_INSTANCE = {
  name: "offline_read_instance",
  text: `SELECT generation, sequence, change_time AS "changeTime", last_position FROM instance WHERE id = 1`,
};
const INSERT_EVENT = {
  name: "offline_insert_event",
  text: `INSERT INTO events (position, previous_position, organization_id, user_id, sequence, type, time, record_time, actor,
    via, request_id, body, hash) VALUES ($1, $2, NULL, NULL, $3, $4, $5, $6, $7, $8, '', $9, $10)`,
};
const INSERT_LINK = { name: "offline_insert_link", text: "INSERT INTO links (last_position, link) VALUES ($1, $2)" };
const PUT_HEAD = {
  name: "offline_put_head",
  text: "UPDATE log_head SET link = $2, record_time = $3, config_position = $1",
};
const PUT_INSTANCE = {
  name: "offline_put_instance",
  text: "UPDATE instance SET generation = $1, sequence = $2, change_time = $3, last_position = $4",
};

// Nothing verifies summaries, and a wrong one would hide events from lists; the service makes them again.
const EMPTY_SUMMARIES = { name: "offline_empty_summaries", text: "DELETE FROM event_summaries" };

const VIA = "recovery";

interface HeadRow {
  readonly position: number;
  readonly link: Buffer;
  readonly record_time: number;
}

export interface RaiseOptions {
  /** The database, for errors. */
  readonly place: string;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
}

/**
 * Makes a recovery by PostgreSQL's own tools as safe as a restore: whatever was made on the lost timeline is void.
 * Throws an Error of one plain sentence while replicas use the database, because they hold the generation in memory.
 */
export async function raiseServerGeneration(connection: Connection, { place, clock }: RaiseOptions): Promise<Raised> {
  return await keepRaisesApart(clock, (at) =>
    transact(connection, async () => {
      const seen = await replicasSeen(connection);
      if (seen.length > 0) {
        throw new Error(
          `the generation of the database ${place} cannot be raised while a service uses it: ${seen.join(", ")}; stop it first`,
        );
      }
      return await raise(connection, at);
    }),
  );
}

async function raise(connection: Connection, at: RaiseAt): Promise<Raised> {
  const [head] = await connection.rows<HeadRow>(TAKE_HEAD);
  const [row] = await connection.rows<Instance & { last_position: number | null }>(READ_INSTANCE);
  if (head === undefined || row === undefined) throw new Error("the database has no head of the log, or no instance");
  const { last_position: previousPosition, ...instance } = row;
  const { position } = head;
  const event = generationRaised(instance, { ...at, recordTime: head.record_time, known: [] });
  const { generation, sequence, changeTime } = evolveInstance(instance, event);
  const { type, time, actor } = event;
  const { body } = encodeBody(event, undefined);
  const nobody = { organizationId: null, userId: null, requestId: "" };
  const envelope = { ...nobody, position, previousPosition, sequence, type, time, recordTime: time, actor, via: VIA };
  const hash = hashEvent(envelope, body);
  const link = hashLink(head.link, [hash]);
  await connection.run(INSERT_EVENT, [position, previousPosition, sequence, type, time, time, actor, VIA, body, hash]);
  await connection.run(INSERT_LINK, [position, link]);
  await connection.run(PUT_HEAD, [position, link, time]);
  await connection.run(PUT_INSTANCE, [generation, sequence, changeTime, position]);
  await connection.run(EMPTY_SUMMARIES);
  return { ...event.data, position };
}
