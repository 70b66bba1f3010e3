/** A mutation for tests, loaded before the program: commands are answered before their COMMIT. */
import { subscribe } from "node:diagnostics_channel";
import Database from "better-sqlite3";
import { ANSWERED } from "./answered.ts";

const { prepare } = Database.prototype;
let commitLate: (() => void) | undefined;

Object.defineProperty(Database.prototype, "prepare", {
  value(this: Database.Database, source: string): unknown {
    const statement = prepare.call(this, source) as unknown as Database.Statement<[]>;
    if (source === "COMMIT") {
      const commit = (): void => {
        commitLate = undefined;
        statement.run();
      };
      return {
        run: () => {
          commitLate = commit;
        },
      };
    }
    // Within its own open transaction the store could not ask how long the log is.
    if (source === "PRAGMA wal_checkpoint(NOOP)") {
      return {
        get: () => {
          commitLate?.();
          return statement.get();
        },
      };
    }
    // No transaction can begin while another one is open.
    if (source === "BEGIN IMMEDIATE") {
      return {
        run: () => {
          commitLate?.();
          return statement.run();
        },
      };
    }
    return statement;
  },
});

subscribe(ANSWERED, () => commitLate?.());
