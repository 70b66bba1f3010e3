/** A SQLite database that is moved to another engine: it is read along the primary keys, and nobody else uses it. */
import type { Database } from "better-sqlite3";
import type { MoveSource } from "../../move/move-database.ts";
import { type Cell, type Key, MOVED_TABLES, type MovedTable, type Row } from "../../move/moved-tables.ts";
import type { LogHeadTable } from "../../rows/schema.ts";
import { TOKEN_KEY_NAME } from "../../search/token-seal.ts";
import { readGeneration } from "../generation.ts";
import { migrate } from "../migrate.ts";
import { beginMove, endMove, readMove } from "../moves.ts";
import { withExisting } from "./inspect-file.ts";
import { verifyDatabase } from "./verify-database.ts";

/** A slice ends at so many rows, or at so many bytes: a statement and the flight to the server are then no cost. */
const SLICE_ROWS = 5_000;
const SLICE_BYTES = 4_000_000;

/**
 * Runs work on the database of a file, at this version's schema and locked for as long as it takes. Rejects with one
 * plain sentence when there is none, or a service uses it.
 */
export function withMoveSource<T>(
  given: string,
  work: (source: MoveSource) => Promise<T>,
  sliceRows: number = SLICE_ROWS,
): Promise<T> {
  return withExisting(given, (database, path) => {
    migrate(database, path);
    return work(sourceOf(database, path, sliceRows));
  });
}

function sourceOf(database: Database, path: string, sliceRows: number): MoveSource {
  const head = database.prepare<[], LogHeadTable>("SELECT * FROM log_head").get();
  if (head === undefined) throw new Error(`the database ${path} is damaged: the log has no head`);
  // Nobody changes the file meanwhile, and counting reads the whole table.
  const counts = new Map<MovedTable, number>();
  const readSecret = database.prepare<[string], Buffer>("SELECT value FROM secrets WHERE name = ?").pluck();
  return {
    place: path,
    move: readMove(database),
    tokenKey: readSecret.get(TOKEN_KEY_NAME),
    head: { position: head.position, link: head.link, recordTime: head.record_time },
    generation: readGeneration(database),
    verify: (progress) => verifyDatabase(database, path, progress),
    count(table) {
      const count = counts.get(table) ?? database.prepare<[], number>(`SELECT count(*) FROM ${table}`).pluck().get();
      counts.set(table, count ?? 0);
      return count ?? 0;
    },
    rows: (table, after) => readSlice(database, sliceRows, table, after),
    begin: (move) => beginMove(database, move),
    end: (id, time) => endMove(database, id, time),
  };
}

function readSlice(database: Database, sliceRows: number, table: MovedTable, after: Key | undefined): readonly Row[] {
  const key = MOVED_TABLES[table].join(", ");
  const places = MOVED_TABLES[table].map(() => "?").join(", ");
  const beyond = after === undefined ? "" : `WHERE (${key}) > (${places})`;
  const statement = database.prepare<Cell[], Row>(
    `SELECT * FROM ${table} ${beyond} ORDER BY ${key} LIMIT ${sliceRows}`,
  );
  const rows: Row[] = [];
  let bytes = 0;
  for (const row of statement.iterate(...(after ?? []))) {
    rows.push(row);
    bytes += sizeOf(row);
    if (bytes > SLICE_BYTES) break;
  }
  return rows;
}

function sizeOf(row: Row): number {
  let size = 0;
  for (const cell of Object.values(row)) size += typeof cell === "object" ? (cell?.length ?? 0) : String(cell).length;
  return size;
}
