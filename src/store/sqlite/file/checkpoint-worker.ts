/** The checkpoint thread: moves pages from the write-ahead log into the database, away from the event loop. */
import { workerData } from "node:worker_threads";
import Database from "better-sqlite3";
import { serveQuestions } from "../worker-port.ts";
import { sizePageCache } from "./page-cache.ts";

/**
 * PASSIVE moves what it can while the writer goes on; RESTART waits for readers, so that the log restarts; TRUNCATE also
 * empties the log's file; REWRITE first writes the whole database again.
 */
export type CheckpointMode = "PASSIVE" | "RESTART" | "TRUNCATE" | "REWRITE";

export interface CheckpointResult {
  /** 1: a reader or writer blocked it. */
  readonly busy: number;
  /** Frames in the log, and how many of them are moved into the database. */
  readonly log: number;
  readonly checkpointed: number;
}

/** Longer than a reader's slice: RESTART waits for the readers that still need the log. */
const BUSY_MS = 1_000;

const { path } = workerData as { readonly path: string };
const database = new Database(path, { fileMustExist: true, timeout: BUSY_MS });
sizePageCache(database, "checkpoint");
// The log is synced before its pages are moved, and the database after.
database.pragma("synchronous = FULL");
database.pragma("wal_autocheckpoint = 0");

// A copy on the disk would have the values for whose sake the database is rewritten.
database.pragma("temp_store = MEMORY");

function run(mode: CheckpointMode): CheckpointResult | undefined {
  if (mode === "REWRITE") {
    database.exec("VACUUM");
    return run("TRUNCATE");
  }
  return database.prepare<[], CheckpointResult>(`PRAGMA wal_checkpoint(${mode})`).get();
}

serveQuestions<CheckpointMode>(run, () => database.close());
