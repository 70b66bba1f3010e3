/** Divides the memory for SQLite's page caches among the connections of one process. */
import type { Database } from "better-sqlite3";

/** The work of a connection: it decides how much of the file is worth a cache of its own. */
export type ConnectionUse = keyof typeof PAGE_CACHE_KIB;

/**
 * KiB for each use. SQLite reads a page that it does not hold from the system's file cache, which costs a system call. So
 * a cache only pays for pages that are read again and again: the inner pages of the indexes. Random locks and reads among
 * a million users, and reads among ten million, cost the same CPU time with 128 MiB as with 32 MiB. All together are
 * below 64 MiB.
 */
export const PAGE_CACHE_KIB = {
  /** Commands and plain reads look up several indexes at random places. */
  writer: 32 * 1024,
  /** Lists and searches run through neighbouring rows. */
  reader: 8 * 1024,
  /** Plain reads of all threads that serve, which share it: with 1.5 MiB a thread reads two pages for each user. */
  threads: 23 * 1024,
  /** A checkpoint copies pages from the log to the file and reads none of them again. */
  checkpoint: 1024,
} as const;

/** Gives a new connection its cache. `sharers`: how many connections of this use there are, which get equal parts. */
export function sizePageCache(database: Database, use: ConnectionUse, sharers: number = 1): void {
  database.pragma(`cache_size = -${Math.floor(PAGE_CACHE_KIB[use] / sharers)}`);
}
