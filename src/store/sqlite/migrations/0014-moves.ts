/** Where a database was moved to: it is then served there. Frozen once released. */

const STATEMENTS: readonly string[] = [
  // At most one row. Without an end the move is under way, or was interrupted.
  `CREATE TABLE moves (
    id TEXT PRIMARY KEY,
    place TEXT NOT NULL,
    begin_time INTEGER NOT NULL,
    end_time INTEGER
  ) STRICT, WITHOUT ROWID`,
];

export const moves = { name: "0014-moves", statements: STATEMENTS };
