/** Erases what a user leaves behind, a step at a time, within the transaction under way. */
import type { ErasureTable } from "../../rows/schema.ts";
import type { Connection, Statement } from "../connect/connection.ts";
import { inOrder } from "../connect/in-order.ts";
import { toArrays } from "./bulk-statements.ts";
import { LOAD_ERASURES, PUT_ERASURES } from "./erasure-statements.ts";

/** $1: the most. */
export const FIND_ERASURES: Statement = {
  name: "find_erasures",
  text: "SELECT user_id FROM erasures WHERE end_time IS NULL ORDER BY time LIMIT $1",
};

/** $1: the position at which the walk goes on; $2: the sequence up to which it erases, exclusive; $3: the most events. */
const ERASE_PART: Statement = {
  name: "erase_part",
  text: `WITH RECURSIVE chain (position, previous_position, sequence, depth) AS (
      SELECT position, previous_position, sequence, 1 FROM events WHERE position = $1::int8
      UNION ALL SELECT e.position, e.previous_position, e.sequence, c.depth + 1
        FROM chain AS c JOIN events AS e ON e.position = c.previous_position WHERE c.depth < $3::int4),
    gone AS (DELETE FROM event_private
      WHERE position = ANY (ARRAY(SELECT position FROM chain WHERE sequence < $2::int8)))
    SELECT previous_position FROM chain ORDER BY depth DESC LIMIT 1`,
};

/** $1: the user; $2: the bound; $3: the most. */
const BARE_ANSWERS: Statement = {
  name: "bare_answers",
  text: `UPDATE requests SET answer = ${bareAnswer()}::text, user_id = NULL WHERE (actor, scope, rpc, request_id) IN
    (SELECT actor, scope, rpc, request_id FROM requests WHERE user_id = $1 AND time <= $2::int8 LIMIT $3::int8)`,
};
const DELETE_SESSIONS: Statement = {
  name: "delete_sessions_of",
  text: `DELETE FROM sessions WHERE id = ANY (ARRAY(
    SELECT id FROM sessions WHERE user_id = $1 AND epoch < $2::int8 LIMIT $3::int8))`,
};
const DELETE_ATTEMPTS: Statement = {
  name: "delete_attempts_of",
  text: `DELETE FROM attempts WHERE id = ANY (ARRAY(
    SELECT id FROM attempts WHERE subject = 'user:' || $1::text AND life < $2::int8 LIMIT $3::int8))`,
};

/** $1: the user; $2: the sequence. A later life has its own counters, and no places of the former one. */
const DELETE_PLACES: Statement = {
  name: "delete_places_of",
  text: `DELETE FROM attempt_places AS p WHERE subject = 'user:' || $1::text AND NOT EXISTS (SELECT 1
    FROM attempt_counters AS c WHERE c.subject = p.subject AND c.factor = p.factor AND c.life >= $2::int8)`,
};
const DELETE_COUNTERS: Statement = {
  name: "delete_counters_of",
  text: "DELETE FROM attempt_counters WHERE subject = 'user:' || $1::text AND life < $2::int8",
};

/** Returns an answer without personal values, whether it shows a user or a session: paths that are missing stay so. */
function bareAnswer(): string {
  const notes = [0, 1, 2, 3, 4, 5].map((index) => [`{state,restrictions,${index},note}`, `""`] as const);
  const empty = [
    ["{person,profile}", "{}"],
    ["{person,attributes}", "{}"],
    ["{ip}", `""`],
    ["{userAgent}", `""`],
    ["{attributes}", "{}"],
  ] as const;
  return [...notes, ...empty].reduce(
    (answer, [path, value]) => `jsonb_set(${answer}, '${path}', '${value}', false)`,
    "answer::jsonb",
  );
}

/** Rows of each kind between two looks at the time, of all users together: about 1 ms while they are in memory. */
const PART_ROWS = 80;

/** The erasure of a user, and how far it is. */
interface Progress {
  readonly row: ErasureTable;
  readonly isOpen: boolean;
}

/**
 * Runs one step for each of some users. Returns those that are not done. `isLate`: whether the step must end, because
 * every writer waits for the head of the log; each user gets on a little nevertheless.
 */
export async function eraseStep(
  connection: Connection,
  userIds: readonly string[],
  now: number,
  isLate: () => boolean,
): Promise<readonly string[]> {
  const rows = await connection.flight(() => connection.rows<ErasureTable>(LOAD_ERASURES, [userIds]));
  const begun = rows.filter(({ end_time }) => end_time === null);
  if (begun.length === 0) return [];
  const limit = Math.ceil(PART_ROWS / begun.length);
  let reached: readonly Progress[] = begun.map((row) => ({ row, isOpen: true }));
  do {
    const parts = reached;
    reached = await connection.flight(() =>
      inOrder(parts.map(async (part) => (part.isOpen ? await partOf(connection, part.row, limit) : part))),
    );
  } while (reached.some(({ isOpen }) => isOpen) && !isLate());
  const ended = reached.filter(({ isOpen }) => !isOpen).map(({ row }) => row);
  await connection.flight(() =>
    inOrder([
      ...ended.filter(({ sequence }) => sequence > 0).flatMap((row) => counters(connection, row)),
      connection.run(
        PUT_ERASURES.statement,
        toArrays(
          PUT_ERASURES,
          reached.map(({ row, isOpen }) => ({ ...row, end_time: isOpen ? null : now })),
        ),
      ),
    ]),
  );
  return reached.filter(({ isOpen }) => isOpen).map(({ row }) => row.user_id);
}

async function partOf(connection: Connection, row: ErasureTable, limit: number): Promise<Progress> {
  const { user_id, sequence, epoch, time, next_position } = row;
  const walked = next_position === null ? [] : [next_position, sequence, limit];
  const [links, ...counts] = await inOrder([
    walked.length === 0
      ? Promise.resolve([])
      : connection.rows<{ readonly previous_position: number | null }>(ERASE_PART, walked),
    connection.run(BARE_ANSWERS, [user_id, time, limit]),
    connection.run(DELETE_SESSIONS, [user_id, epoch, limit]),
    connection.run(DELETE_ATTEMPTS, [user_id, sequence, limit]),
  ]);
  const nextPosition = links[0]?.previous_position ?? null;
  const isOpen = nextPosition !== null || counts.some(({ count }) => count === limit);
  return { row: { ...row, next_position: nextPosition }, isOpen };
}

function counters(connection: Connection, { user_id, sequence }: ErasureTable): readonly Promise<unknown>[] {
  const values = [user_id, sequence];
  return [connection.run(DELETE_PLACES, values), connection.run(DELETE_COUNTERS, values)];
}
