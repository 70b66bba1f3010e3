/** The settings of the database. */
import { BOOLEAN, DATABASE, type DatabaseChoice, FILE, type Setting, wholeNumber } from "./config-values.ts";

export interface DatabaseConfig {
  readonly database: DatabaseChoice;
  readonly databasePrepare: boolean;
  readonly databaseConnections: number;
  readonly createDatabase: boolean;
  /** Absent: next to a SQLite file; on PostgreSQL none. */
  readonly instanceKeyFile: string | undefined;
}

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
};
