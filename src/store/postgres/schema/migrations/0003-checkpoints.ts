/** Checkpoints: signed notes that say what the chain's link was at a position. Frozen once released. */
import type { Connection } from "../../connect/connection.ts";

// The collation of 0001-tables: texts are compared byte for byte.
const STATEMENT = `CREATE TABLE checkpoints (
    position bigint PRIMARY KEY,
    time bigint NOT NULL,
    note text COLLATE "C" NOT NULL
  )`;

export const checkpoints = {
  name: "0003-checkpoints",
  oldestBeside: "0001-tables",
  async run(connection: Connection): Promise<void> {
    await connection.simple(STATEMENT);
  },
};
