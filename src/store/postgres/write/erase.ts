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

/** Rows of each kind that one step changes, of one user and of all together: every writer waits for the head of the log. */
const ROWS_OF_USER = 200;
const ROWS_OF_STEP = 800;

/** Runs one step for each of some users. Returns those that are not done. */
export async function eraseStep(
  connection: Connection,
  userIds: readonly string[],
  now: number,
): Promise<readonly string[]> {
  const rows = await connection.flight(() => connection.rows<ErasureTable>(LOAD_ERASURES, [userIds]));
  const open = rows.filter(({ end_time }) => end_time === null);
  if (open.length === 0) return [];
  const limit = Math.min(ROWS_OF_USER, Math.ceil(ROWS_OF_STEP / open.length));
  const steps = await connection.flight(() => inOrder(open.map((row) => stepOf(connection, row, limit))));
  const left = open.filter((_, index) => steps[index]?.isOpen);
  await connection.flight(() =>
    inOrder([
      ...open.filter((row) => row.sequence > 0 && !left.includes(row)).flatMap((row) => counters(connection, row)),
      connection.run(
        PUT_ERASURES.statement,
        toArrays(
          PUT_ERASURES,
          open.map((row, index) => ({
            ...row,
            next_position: steps[index]?.nextPosition ?? null,
            end_time: left.includes(row) ? null : now,
          })),
        ),
      ),
    ]),
  );
  return left.map(({ user_id }) => user_id);
}

interface Step {
  readonly nextPosition: number | null;
  readonly isOpen: boolean;
}

async function stepOf(connection: Connection, row: ErasureTable, limit: number): Promise<Step> {
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
  return { nextPosition, isOpen: nextPosition !== null || counts.some(({ count }) => count === limit) };
}

function counters(connection: Connection, { user_id, sequence }: ErasureTable): readonly Promise<unknown>[] {
  const values = [user_id, sequence];
  return [connection.run(DELETE_PLACES, values), connection.run(DELETE_COUNTERS, values)];
}
