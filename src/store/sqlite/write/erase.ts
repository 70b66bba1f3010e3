/** Erases what a user leaves behind, a step at a time, within the transaction under way. */
import type { Statement } from "better-sqlite3";
import type { ErasureTable } from "../../rows/schema.ts";
import type { Prepare } from "./attempt-statements.ts";

export type EraseStatements = ReturnType<typeof eraseStatements>;

type Limited = [userId: string, bound: number, limit: number];

/** An answer without personal values, whether it shows a user or a session: `json_replace` adds nothing. */
const BARE_ANSWER = `json_replace(answer, '$.person.profile', json('{}'), '$.person.attributes', json('{}'),
  ${[0, 1, 2, 3, 4, 5].map((index) => `'$.state.restrictions[${index}].note', ''`).join(", ")},
  '$.ip', '', '$.userAgent', '', '$.attributes', json('{}'))`;

/** Returns the statements of erasures. */
export function eraseStatements(prepare: Prepare) {
  return {
    readErasure: prepare<[userId: string], ErasureTable>("SELECT * FROM erasures WHERE user_id = ?"),
    putErasure: prepare<[ErasureTable]>(
      `INSERT INTO erasures (user_id, sequence, epoch, time, next_position, end_time) VALUES (@user_id, @sequence, @epoch,
        @time, @next_position, @end_time) ON CONFLICT (user_id) DO UPDATE SET sequence = @sequence, epoch = @epoch,
        time = @time, next_position = @next_position, end_time = @end_time`,
    ),
    findErasures: prepare<[limit: number], string>(
      "SELECT user_id FROM erasures WHERE end_time IS NULL ORDER BY time LIMIT ?",
    ).pluck(),
    readLink: prepare<[position: number], { readonly sequence: number; readonly previous_position: number | null }>(
      "SELECT sequence, previous_position FROM events WHERE position = ?",
    ),
    readPrivate: prepare<[position: string], string>("SELECT personal FROM event_private WHERE position = ?").pluck(),
    putPrivate: prepare<[personal: string, position: string]>(
      "UPDATE event_private SET personal = ? WHERE position = ?",
    ),
    deletePrivate: prepare<[position: number | string]>("DELETE FROM event_private WHERE position = ?"),
    bareAnswers: prepare<Limited>(
      `UPDATE requests SET answer = ${BARE_ANSWER}, user_id = NULL
        WHERE id IN (SELECT id FROM requests WHERE user_id = ? AND time <= ? LIMIT ?)`,
    ),
    deleteSessionsOf: prepare<Limited>(
      "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE user_id = ? AND epoch < ? LIMIT ?)",
    ),
    deleteAttemptsOf: prepare<Limited>(
      "DELETE FROM attempts WHERE id IN (SELECT id FROM attempts WHERE subject = 'user:' || ? AND life < ? LIMIT ?)",
    ),
    // A later life has its own counters, and no places of the former one.
    deletePlacesOf: prepare<[{ readonly userId: string; readonly sequence: number }]>(
      `DELETE FROM attempt_places WHERE subject = 'user:' || @userId AND NOT EXISTS (SELECT 1 FROM attempt_counters AS c
        WHERE c.subject = attempt_places.subject AND c.factor = attempt_places.factor AND c.life >= @sequence)`,
    ),
    deleteCountersOf: prepare<[userId: string, sequence: number]>(
      "DELETE FROM attempt_counters WHERE subject = 'user:' || ? AND life < ?",
    ),
  };
}

/** Rows between two looks at the time: about a millisecond. */
const PART_ROWS = 20;

/**
 * Runs one step for a user. Returns whether something is left to do. `isLate`: whether the step must end; each kind of
 * rows gets on a little nevertheless.
 */
export function eraseStep(statements: EraseStatements, userId: string, now: number, isLate: () => boolean): boolean {
  const row = statements.readErasure.get(userId);
  if (row === undefined || row.end_time !== null) return false;
  const next_position = erasePart(statements, row, isLate);
  const hasMore = (statement: Statement<Limited>, bound: number): boolean => {
    while (statement.run(userId, bound, PART_ROWS).changes === PART_ROWS) if (isLate()) return true;
    return false;
  };
  const left = [
    hasMore(statements.bareAnswers, row.time),
    hasMore(statements.deleteSessionsOf, row.epoch),
    hasMore(statements.deleteAttemptsOf, row.sequence),
  ];
  const isOpen = next_position !== null || left.includes(true);
  if (!isOpen && row.sequence > 0) {
    statements.deletePlacesOf.run({ userId, sequence: row.sequence });
    statements.deleteCountersOf.run(userId, row.sequence);
  }
  statements.putErasure.run({ ...row, next_position, end_time: isOpen ? null : now });
  return isOpen;
}

/** Erases a part of the history, backwards along its links. Returns where the next part begins; `null`: it has ended. */
function erasePart(
  statements: EraseStatements,
  { next_position, sequence }: ErasureTable,
  isLate: () => boolean,
): number | null {
  let position = next_position;
  for (let count = 1; position !== null; count++) {
    const link = statements.readLink.get(position);
    if (link === undefined) throw new Error(`the log has a gap: there is no event at the position ${position}`);
    if (link.sequence < sequence) statements.deletePrivate.run(position);
    position = link.previous_position;
    if (count % PART_ROWS === 0 && isLate()) break;
  }
  return position;
}
