/** The settings of the database. */
import { BOOLEAN, DATABASE, type DatabaseChoice, days, FILE, type Setting, wholeNumber } from "./config-values.ts";

export interface DatabaseConfig {
  readonly database: DatabaseChoice;
  readonly databasePrepare: boolean;
  readonly databaseConnections: number;
  readonly createDatabase: boolean;
  /** Absent: next to a SQLite file; on PostgreSQL none. */
  readonly instanceKeyFile: string | undefined;
  /** How long attempts, ended sessions and the values of deleted users are kept, in milliseconds. */
  readonly attemptKeptMs: number;
  readonly sessionKeptMs: number;
  /** Infinity: until somebody erases them. */
  readonly deletedKeptMs: number;
}

const KEPT = days(1, 3650);

export const DATABASE_SETTINGS: { readonly [K in keyof DatabaseConfig]: Setting<DatabaseConfig[K]> } = {
  database: {
    flag: "database",
    environment: "LOCKKEEPER_DATABASE",
    fallback: "sqlite:data/lockkeeper.db",
    meaning:
      "The database: `sqlite:PATH`, or `postgres://USER:PASSWORD@HOST[:PORT][,HOST2[:PORT2]]/DATABASE?sslmode=…` for PostgreSQL. A password belongs into the variable, because `ps` shows flags; or into `PGPASSWORD`.",
    ...DATABASE,
  },
  databasePrepare: {
    flag: "database-prepare",
    environment: "LOCKKEEPER_DATABASE_PREPARE",
    fallback: "true",
    meaning:
      "Prepare each statement once for each connection to PostgreSQL: `true` or `false`. Set `false` behind a pooler that gives each transaction another connection, such as pgbouncer in transaction mode.",
    ...BOOLEAN,
  },
  databaseConnections: {
    flag: "database-connections",
    environment: "LOCKKEEPER_DATABASE_CONNECTIONS",
    fallback: "10",
    meaning: "How many connections to PostgreSQL one replica opens at most, 3 to 1000: one writes, the others read.",
    ...wholeNumber(3, 1000),
  },
  createDatabase: {
    flag: "create-database",
    environment: "LOCKKEEPER_CREATE_DATABASE",
    fallback: "true",
    meaning:
      "Create the database if there is none: `true` or `false`. With `false`, a mistyped path, an empty file or a volume that is not mounted stops the start; set it once an instance has its data.",
    ...BOOLEAN,
  },
  instanceKeyFile: {
    flag: "instance-key-file",
    environment: "LOCKKEEPER_INSTANCE_KEY_FILE",
    fallback: "",
    meaning:
      "The file with the keys that sign checkpoints of the history, readable by its owner alone (a file of root: by its group too). This is not the API key of a client. Not set: the path of the SQLite file with `.key`, made by the first start; on PostgreSQL no checkpoints, because every replica needs the same file, which `lockkeeper keyfile create` makes.",
    ...FILE,
  },
  attemptKeptMs: {
    flag: "retain-attempts",
    environment: "LOCKKEEPER_RETAIN_ATTEMPTS",
    fallback: "30d",
    meaning:
      "How long recorded attempts are kept, `1d` to `3650d`. ListAttempts shows them, and SimulatePolicy replays them; what locks is counted apart and does not depend on them.",
    ...KEPT,
  },
  sessionKeptMs: {
    flag: "retain-sessions",
    environment: "LOCKKEEPER_RETAIN_SESSIONS",
    fallback: "30d",
    meaning:
      "How long a session is kept after its expiry or its own revocation, `1d` to `3650d`. A session that ended with all others of its user is kept until its expiry and this long.",
    ...KEPT,
  },
  deletedKeptMs: {
    flag: "retain-deleted",
    environment: "LOCKKEEPER_RETAIN_DELETED",
    fallback: "off",
    meaning:
      "Erase the personal values of users that were deleted this long ago, as DeleteUser with `erase` does, `1d` to `3650d`; nothing brings them back. `off`: they are kept until somebody erases them.",
    ...KEPT,
    parse: (text) => (text === "off" ? Number.POSITIVE_INFINITY : KEPT.parse(text)),
  },
};
