/** The cases of the settings of the database, and of how long it keeps what is old. */
import type { DatabaseConfig } from "../../src/config-database.ts";
import type { Cases } from "./rate-cases.ts";

type Names = Exclude<keyof DatabaseConfig, "createDatabase">;

const DAY_MS = 86_400_000;
const DAYS: Cases = {
  byDefault: 30 * DAY_MS,
  allowed: [
    ["1d", DAY_MS],
    ["3650d", 3_650 * DAY_MS],
  ],
  refused: [
    ["0d", /"0d" is not allowed; it must be a number of days, 1d to 3650d/],
    ["3651d", /is not allowed/],
    ["30", /is not allowed/],
    ["24h", /is not allowed/],
    ["1.5d", /is not allowed/],
  ],
};

export const DATABASES: Readonly<Record<Names, Cases>> = {
  database: {
    byDefault: { engine: "sqlite", path: "data/lockkeeper.db" },
    allowed: [
      ["sqlite:/var/lib/lockkeeper.db", { engine: "sqlite", path: "/var/lib/lockkeeper.db" }],
      ["sqlite:a b:c.db", { engine: "sqlite", path: "a b:c.db" }],
      [
        "postgres://lk:pw@db:1,[::1]/x?sslmode=require",
        { engine: "postgres", url: "postgres://lk:pw@db:1,[::1]/x?sslmode=require" },
      ],
      ["postgresql://lk@db", { engine: "postgres", url: "postgresql://lk@db" }],
    ],
    refused: [
      [
        "data/lockkeeper.db",
        /the value is not allowed; it must be sqlite:PATH, such as sqlite:data\/lockkeeper\.db, or postgres:\/\/USER:PASSWORD@HOST\/DATABASE/,
      ],
      ["mysql://lk:pw@db/x", /the value is not allowed; it must be sqlite:PATH/],
      ["postgres:db", /the value is not allowed/],
      ["sqlite:", /the value is not allowed/],
      ["SQLITE:a.db", /the value is not allowed/],
      ["sqlite:a\0b", /the value is not allowed/],
    ],
  },
  instanceKeyFile: {
    byDefault: undefined,
    allowed: [["/etc/lockkeeper/a.key", "/etc/lockkeeper/a.key"]],
    refused: [["a\0b", /is not the path of a file/]],
  },
  databasePrepare: {
    byDefault: true,
    allowed: [
      ["false", false],
      ["true", true],
    ],
    refused: [["no", /"no" is not allowed; it must be one of true, false/]],
  },
  databaseConnections: {
    byDefault: 10,
    allowed: [
      ["3", 3],
      ["1000", 1000],
    ],
    refused: [
      ["2", /"2" is not allowed; it must be a whole number from 3 to 1000/],
      ["1001", /is not allowed/],
      ["ten", /is not allowed/],
    ],
  },
  attemptKeptMs: DAYS,
  sessionKeptMs: DAYS,
  deletedKeptMs: {
    ...DAYS,
    byDefault: Number.POSITIVE_INFINITY,
    allowed: [...DAYS.allowed, ["off", Number.POSITIVE_INFINITY]],
  },
};
