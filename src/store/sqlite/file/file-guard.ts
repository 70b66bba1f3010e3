/** Watches that the database, its log, its shared memory and its lock are still the files that the service opened. */
import { fdatasyncSync, type Stats, statSync } from "node:fs";
import type { Database } from "better-sqlite3";
import { StoreUnavailableError } from "../../errors.ts";
import type { SharedMemory } from "../../remote/shared-memory.ts";
import type { CheckpointResult } from "./checkpoint-worker.ts";
import { PRIVATE_FILE_MODE } from "./database-file.ts";
import { LOCK_SUFFIX } from "./file-lock.ts";

export interface FileGuardOptions {
  /** The database file; it is open, and so are the files next to it. */
  readonly path: string;
  /** The writer's connection. */
  readonly database: Database;
  /** The descriptor of the database file, for syncing it. */
  readonly descriptor: number;
  /** Lets other threads know that the files are lost. */
  readonly memory: Pick<SharedMemory, "isLost">;
}

interface WatchedFile {
  readonly path: string;
  readonly name: string;
  readonly device: number;
  readonly inode: number;
}

interface WatchedFiles {
  readonly database: WatchedFile;
  readonly log: WatchedFile;
  readonly memory: WatchedFile;
  readonly lock: WatchedFile;
}

const SUFFIXES = ["", "-wal", "-shm", LOCK_SUFFIX] as const;

/**
 * SQLite itself notices a moved database with a rollback journal, but not in WAL mode: it would go on writing, durably,
 * to a file that nobody will find. Without the lock file a second process could start on the same database.
 */
export class FileGuard {
  readonly #files: WatchedFiles;
  readonly #database: Database;
  readonly #descriptor: number;
  readonly #memory: Pick<SharedMemory, "isLost">;
  /** Whether the log of the current loss is in the database. */
  #isRescued: boolean = false;

  constructor({ path, database, descriptor, memory }: FileGuardOptions) {
    this.#files = {
      database: watch(path, "database file"),
      log: watch(`${path}-wal`, "write-ahead log"),
      memory: watch(`${path}-shm`, "shared memory of the write-ahead log"),
      lock: watch(path + LOCK_SUFFIX, "lock file"),
    };
    this.#database = database;
    this.#descriptor = descriptor;
    this.#memory = memory;
  }

  /** As assertInPlace, but cheap: looks at the files only if one was missing at the last look, at most a second ago. */
  assertNotLost(): void {
    if (this.#memory.isLost) this.assertInPlace();
  }

  /** Throws StoreUnavailableError, NOT_APPLIED, when one of the files is not in its place. */
  assertInPlace(): void {
    const lost = Object.values(this.#files).find((file: WatchedFile) => !isInPlace(file)) as WatchedFile | undefined;
    this.#memory.isLost = lost !== undefined;
    if (lost === undefined) {
      this.#isRescued = false;
      return;
    }
    this.#isRescued ||= this.#tryRescue();
    const remedy = this.#isRescued
      ? "every acknowledged change is in the database file: restart the service"
      : "put it back";
    throw new StoreUnavailableError(
      `the ${lost.name} ${lost.path} was moved, replaced or deleted while it was open; ${remedy}`,
      "NOT_APPLIED",
    );
  }

  /**
   * Moves the log into the database, on disk, while the open descriptor still reaches it: once the process ends,
   * nothing does. Returns whether all of it was moved.
   */
  #tryRescue(): boolean {
    const { database, log, lock } = this.#files;
    // A process with another lock may be writing a history of its own, and so may a log that is not empty: two
    // histories must not meet in one file. An empty log says nothing; our own connections create one if there is none.
    const isOurs =
      isInPlace(database) &&
      (isInPlace(log) || (statOf(log)?.size ?? 0) === 0) &&
      (isInPlace(lock) || statOf(lock) === undefined);
    if (!isOurs || this.#database.inTransaction) return false;
    try {
      const [result] = this.#database.pragma("wal_checkpoint(FULL)") as readonly CheckpointResult[];
      if (result === undefined || result.busy !== 0 || result.checkpointed < result.log) return false;
      fdatasyncSync(this.#descriptor);
      return true;
    } catch {
      // The loss is what gets reported; the next check tries again.
      return false;
    }
  }
}

/** Returns a sentence about those of the files that other users of the machine can read or write; undefined: none. */
export function describeLooseModes(path: string): string | undefined {
  const loose = SUFFIXES.flatMap((suffix) => {
    const mode = statSync(path + suffix, { throwIfNoEntry: false })?.mode ?? 0;
    return (mode & 0o777 & ~PRIVATE_FILE_MODE) === 0 ? [] : [path + suffix];
  });
  if (loose.length === 0) return undefined;
  return `other users of this machine may read the database, which holds everyone's data and the hashes of all keys: chmod 600 ${loose.join(" ")}`;
}

function watch(path: string, name: string): WatchedFile {
  const { dev, ino } = statSync(path);
  return { path, name, device: dev, inode: ino };
}

function isInPlace(file: WatchedFile): boolean {
  const found = statOf(file);
  return found !== undefined && found.ino === file.inode && found.dev === file.device;
}

function statOf({ path, name }: WatchedFile): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    throw new StoreUnavailableError(`the ${name} ${path} cannot be looked at`, "NOT_APPLIED", { cause });
  }
}
