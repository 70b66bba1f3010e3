/** Erasures of users, so that they go on after a restart; remembered answers by user. Frozen once released. */

const STATEMENTS: readonly string[] = [
  // A row stays when its erasure has ended: it says up to which event nothing personal is left.
  `CREATE TABLE erasures (
    user_id TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    time INTEGER NOT NULL,
    next_position INTEGER,
    end_time INTEGER
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX erasures_open ON erasures (time) WHERE end_time IS NULL`,
  `ALTER TABLE requests ADD COLUMN user_id TEXT`,
  // An answer shows a user, a session of a user, or a user's attempt.
  `UPDATE requests SET user_id = coalesce(json_extract(answer, '$.state.id'), json_extract(answer, '$.userId'),
    json_extract(answer, '$.user.id')) WHERE answer IS NOT NULL`,
  // Few requests keep their answer, so the index costs the others nothing.
  `CREATE INDEX requests_user ON requests (user_id) WHERE user_id IS NOT NULL`,
];

export const erasures = { name: "0017-erasures", statements: STATEMENTS };
