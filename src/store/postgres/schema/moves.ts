/** Refuses a database whose move from another engine is not finished. */
import type { MoveTable } from "../../rows/schema.ts";
import type { Connection } from "../connect/connection.ts";

const READ_MOVE = { name: "read_move", text: "SELECT id, place, begin_time, end_time FROM moves" };

/** Returns the row of the move to a database; `undefined`: there was none. */
export async function readMove(connection: Connection): Promise<MoveTable | undefined> {
  const [row] = await connection.rows<MoveTable>(READ_MOVE);
  return row;
}

/** Throws an Error of one plain sentence when a database has only a part of what is moved to it. */
export async function assertMoveEnded(connection: Connection, place: string): Promise<void> {
  const move = await readMove(connection);
  if (move === undefined || move.end_time !== null) return;
  throw new Error(
    `the database ${place} holds an interrupted move of ${move.place}; run lockkeeper migrate --from sqlite:${move.place} --to the same database again, which goes on where it stopped`,
  );
}
