/** Which organizations, actors and types occur in each block of the log, for filtered lists. Frozen once released. */
import type { Connection } from "../../connect/connection.ts";

const STATEMENT = `CREATE TABLE event_summaries (
    block bigint PRIMARY KEY,
    organizations bytea NOT NULL,
    actors bytea NOT NULL,
    types text COLLATE "C" NOT NULL
  )`;

/** The version before neither reads nor writes the table: blocks without a row are read. */
export const eventSummaries = {
  name: "0002-event-summaries",
  oldestBeside: "0001-tables",
  async run(connection: Connection): Promise<void> {
    await connection.simple(STATEMENT);
  },
};
