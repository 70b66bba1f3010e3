/** The migrations of a PostgreSQL database, in their order. */
import type { Connection } from "../connect/connection.ts";
import { tables } from "./migrations/0001-tables.ts";
import { eventSummaries } from "./migrations/0002-event-summaries.ts";
import { checkpoints } from "./migrations/0003-checkpoints.ts";
import { erasures } from "./migrations/0004-erasures.ts";

/**
 * One step of the schema. A released migration is never changed, renamed or removed.
 *
 * Replicas of two versions run at the same time during an upgrade, so a change has two steps. The first one, run by the
 * first start of the new version, expands: it adds what the older version does not notice. The second one contracts: it
 * removes what only the older version needs, or says that new forms of events may be written. It runs by `migrate
 * --finish`, when no older replica is left.
 */
export interface Migration {
  /** Its number and a word: names sort in the order of migrations. */
  readonly name: string;
  /** The newest migration that a version must know to run on this schema. */
  readonly oldestBeside: string;
  /** Whether it is the second step of a change. */
  readonly contracts?: boolean;
  /** Runs inside a transaction. An index on a large table takes long, and nobody writes to the table meanwhile. */
  readonly run: (connection: Connection) => Promise<void>;
}

export const MIGRATIONS: readonly Migration[] = [tables, eventSummaries, checkpoints, erasures];

/** The name of the newest migration of this version. */
export const SCHEMA_VERSION: string = MIGRATIONS.at(-1)?.name ?? "";
