/** The checkpoint thread: moves pages from the write-ahead log into the database, away from the event loop. */
import { workerData } from "node:worker_threads";
import Database from "better-sqlite3";
import { serveQuestions } from "../worker-port.ts";
import { sizePageCache } from "./page-cache.ts";

/** PASSIVE moves what it can while the writer goes on; RESTART waits for readers, so that the log restarts. */
export type CheckpointMode = "PASSIVE" | "RESTART";

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

serveQuestions<CheckpointMode>(
  (mode) => database.prepare<[], CheckpointResult>(`PRAGMA wal_checkpoint(${mode})`).get(),
  () => database.close(),
);
