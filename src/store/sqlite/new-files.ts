/** The files that an opening makes, so that a start that fails can take them away again. */
import { existsSync, rmSync } from "node:fs";
import type { Database } from "better-sqlite3";
import { LOCK_SUFFIX } from "./file-lock.ts";

/** What a database has beside it while it is open. */
const COMPANIONS = ["", "-wal", "-shm"] as const;

/**
 * Notes which files are not there yet; ask it before anything is made. What it returns removes those that this opening
 * made: call it with the database closed, while the lock is still held, so that nobody else uses them.
 */
export function noteNewFiles(path: string): () => void {
  const made = [
    ...(existsSync(path) ? [] : COMPANIONS.map((suffix) => path + suffix)),
    ...(existsSync(path + LOCK_SUFFIX) ? [] : [path + LOCK_SUFFIX]),
  ];
  return () => {
    for (const file of made) rmSync(file, { force: true });
  };
}

/** Whether somebody has put something into the database. What cannot be read is taken for something. */
export function hasUserOrKey(database: Database): boolean {
  try {
    return ["user_state", "api_keys"].some((table) => database.prepare(`SELECT 1 FROM ${table} LIMIT 1`).get());
  } catch {
    return true;
  }
}
