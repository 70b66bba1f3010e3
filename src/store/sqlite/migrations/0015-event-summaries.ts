/** Which organizations, actors and types occur in each block of the log, for filtered lists. Frozen once released. */

const STATEMENTS: readonly string[] = [
  // No index on `events`: it would cost every commit pages at random places. One row for 1,024 events instead, written
  // later.
  `CREATE TABLE event_summaries (
    block INTEGER PRIMARY KEY,
    organizations BLOB NOT NULL,
    actors BLOB NOT NULL,
    types TEXT NOT NULL
  ) STRICT`,
];

export const eventSummaries = { name: "0015-event-summaries", statements: STATEMENTS };
