/** Checkpoints: signed notes that say what the chain's link was at a position. Frozen once released. */

const STATEMENTS: readonly string[] = [
  `CREATE TABLE checkpoints (
    position INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    note TEXT NOT NULL
  ) STRICT`,
];

export const checkpoints = { name: "0016-checkpoints", statements: STATEMENTS };
