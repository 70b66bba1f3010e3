/** Allows one import of a file at a time: two would write one checkpoint, and each would lose the other's notes. */
import { closeSync, fstatSync, openSync, rmSync, statSync } from "node:fs";
import { type FileLock, lockFile } from "../../store/sqlite/file/file-lock.ts";
import { EXIT, Failure } from "../frame/failure.ts";
import { unwritable } from "./checkpoint.ts";

const SUFFIX = ".lockkeeper-import";

/** Held by the kernel: released when the process ends; leftovers of a crash do no harm. */
export class ImportLock {
  readonly #path: string;
  readonly #file: number;
  readonly #lock: FileLock;

  private constructor(path: string, file: number, lock: FileLock) {
    this.#path = path;
    this.#file = file;
    this.#lock = lock;
  }

  /** `path`: the file that is imported. Throws a Failure when another process imports it, or the lock cannot be made. */
  static take(path: string): ImportLock {
    const base = `${path}${SUFFIX}`;
    for (;;) {
      const file = opened(`${base}.lock`, path);
      try {
        const lock = lockFile(base);
        // Whoever held it before takes the file away: a lock on one that is gone keeps nobody out.
        if (statSync(`${base}.lock`, { throwIfNoEntry: false })?.ino === fstatSync(file).ino) {
          return new ImportLock(`${base}.lock`, file, lock);
        }
        lock.release();
      } catch (error) {
        closeSync(file);
        throw isTaken(error)
          ? new Failure(EXIT.REFUSED, `${path} is being imported by another process, which holds ${base}.lock`, {
              lines: ["wait until it ends, or stop it; the same command then goes on from there"],
              cause: error,
            })
          : unwritable(`${base}.lock`, path, error);
      }
      closeSync(file);
    }
  }

  release(): void {
    rmSync(this.#path, { force: true });
    this.#lock.release();
    closeSync(this.#file);
  }
}

/** Keeps the file from being taken for another that is made when it is gone. */
function opened(lockPath: string, path: string): number {
  try {
    return openSync(lockPath, "a", 0o600);
  } catch (error) {
    throw unwritable(lockPath, path, error);
  }
}

function isTaken(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && "code" in cause && String(cause.code).startsWith("SQLITE_BUSY");
}
