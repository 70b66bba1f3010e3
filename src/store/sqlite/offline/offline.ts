/** The offline work on one SQLite file. */
import type { OfflineDatabase } from "../../offline.ts";
import { readInstanceName } from "../checkpoints.ts";
import { inspectDatabase, isEmptyDatabase, migrateFile, withExisting } from "./inspect-file.ts";
import { raiseFileGeneration } from "./raise-generation.ts";
import { restoreFile } from "./restore-file.ts";
import { assertCurrent, verifyDatabase } from "./verify-database.ts";

/** Returns the database of a file; nothing is opened before a method is called. */
export function offlineFile(path: string): OfflineDatabase {
  return {
    inspect: () => inspectDatabase(path),
    isEmpty: () => isEmptyDatabase(path),
    migrate: (options) => migrateFile(path, options),
    verify: (progress, judge) =>
      withExisting(path, (database, real) => {
        assertCurrent(database, real);
        return verifyDatabase(database, real, progress, judge);
      }),
    instanceName: () => withExisting(path, async (database) => readInstanceName(database)),
    raiseGeneration: (clock) => raiseFileGeneration(path, clock),
    restore: (options) => restoreFile({ ...options, path }),
  };
}
