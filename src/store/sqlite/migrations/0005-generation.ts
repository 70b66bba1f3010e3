/** The instance's generation, and the one under which each session was opened. Frozen once released. */

const STATEMENTS: readonly string[] = [
  // A single row, like log_head. Not a column of log_head, because every commit writes that row.
  `CREATE TABLE instance (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    generation INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    change_time INTEGER NOT NULL,
    last_position INTEGER
  ) STRICT`,
  `INSERT INTO instance (id, generation, sequence, change_time, last_position) VALUES (1, 1, 0, 0, NULL)`,
  `ALTER TABLE sessions ADD COLUMN generation INTEGER NOT NULL DEFAULT 1`,
  // Remembered answers that are sessions: they are stored whole.
  `UPDATE requests SET answer = json_set(answer, '$.generation', 1)
    WHERE answer IS NOT NULL AND json_extract(answer, '$.lastActivityTime') IS NOT NULL`,
];

export const generation = { name: "0005-generation", statements: STATEMENTS };
