/** Divides the memory for SQLite's page caches among the connections of one process. */
import type { Database } from "better-sqlite3";

/** The work of a connection: it decides how much of the file is worth a cache of its own. */
export type ConnectionUse = keyof typeof PAGE_CACHE_KIB;

/** As many as `--threads` allows. */
const SERVING_THREADS_MAX = 16;

/**
 * KiB for each use. SQLite reads a page that it does not hold from the system's file cache, which costs a system call. So
 * a cache only pays for pages that are read again and again: the inner pages of the indexes. Random locks and reads among
 * a million users, and reads among ten million, cost the same CPU time with 128 MiB as with 32 MiB. What these leave of
 * 64 MiB is for the connections of more threads that serve.
 */
export const PAGE_CACHE_KIB = {
  /** Commands and plain reads look up several indexes at random places. */
  writer: 32 * 1024,
  /** Lists and searches run through neighbouring rows. */
  reader: 8 * 1024,
  /** Plain reads of one of the threads that serve: what the others leave, for as many threads as there may be. */
  thread: Math.floor((23 * 1024) / SERVING_THREADS_MAX),
  /** A checkpoint copies pages from the log to the file and reads none of them again. */
  checkpoint: 1024,
} as const;

/** Gives a new connection its share. */
export function sizePageCache(database: Database, use: ConnectionUse): void {
  database.pragma(`cache_size = -${PAGE_CACHE_KIB[use]}`);
}
