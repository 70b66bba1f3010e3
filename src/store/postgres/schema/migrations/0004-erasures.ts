/** Erasures of users, so that any replica goes on with them; remembered answers by user. Frozen once released. */
import type { Connection } from "../../connect/connection.ts";

const TEXT = `text COLLATE "C"`;

const STATEMENTS: readonly string[] = [
  // A row stays when its erasure has ended: it says up to which event nothing personal is left.
  `CREATE TABLE erasures (
    user_id ${TEXT} PRIMARY KEY,
    sequence bigint NOT NULL,
    epoch bigint NOT NULL,
    time bigint NOT NULL,
    next_position bigint,
    end_time bigint
  )`,
  `CREATE INDEX erasures_open ON erasures (time) WHERE end_time IS NULL`,
  `ALTER TABLE requests ADD COLUMN user_id ${TEXT}`,
  // An answer shows a user, a session of a user, or a user's attempt.
  `UPDATE requests SET user_id = coalesce(answer::jsonb #>> '{state,id}', answer::jsonb ->> 'userId',
    answer::jsonb #>> '{user,id}') WHERE answer IS NOT NULL`,
  // Few requests keep their answer, so the index costs the others nothing.
  `CREATE INDEX requests_user ON requests (user_id) WHERE user_id IS NOT NULL`,
];

/** The version before would show what is hidden until it is erased, and cannot read the events of an erasure. */
export const erasures = {
  name: "0004-erasures",
  oldestBeside: "0004-erasures",
  async run(connection: Connection): Promise<void> {
    await connection.simple(STATEMENTS.join(";\n"));
  },
};
