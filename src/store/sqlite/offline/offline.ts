/** The offline work on one SQLite file. */
import type { OfflineDatabase } from "../../offline.ts";
import { inspectDatabase, isEmptyDatabase, migrateFile } from "./inspect-file.ts";
import { raiseFileGeneration } from "./raise-generation.ts";
import { restoreFile } from "./restore-file.ts";

/** Returns the database of a file; nothing is opened before a method is called. */
export function offlineFile(path: string): OfflineDatabase {
  return {
    inspect: () => inspectDatabase(path),
    isEmpty: () => isEmptyDatabase(path),
    migrate: (options) => migrateFile(path, options),
    raiseGeneration: (clock) => raiseFileGeneration(path, clock),
    restore: (options) => restoreFile({ ...options, path }),
  };
}
