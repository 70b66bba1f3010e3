/** Allows one import of a file at a time: two would overwrite each other's checkpoint. */
import { closeSync, fstatSync, openSync, rmSync, statSync } from "node:fs";
import { LockHeldError, lockProcess, type ProcessLock } from "../../store/process-lock.ts";
import { EXIT, Failure } from "../frame/failure.ts";
import { unwritable } from "./checkpoint.ts";

const SUFFIX = ".lockkeeper-import.lock";

/** Held by the kernel: released when the process ends; leftovers of a crash do no harm. */
export class ImportLock {
  readonly #path: string;
  readonly #file: number;
  readonly #lock: ProcessLock;

  private constructor(path: string, file: number, lock: ProcessLock) {
    this.#path = path;
    this.#file = file;
    this.#lock = lock;
  }

  /** `path`: the file that is imported. Throws a Failure when another process imports it, or the lock cannot be made. */
  static take(path: string): ImportLock {
    const lockPath = `${path}${SUFFIX}`;
    for (;;) {
      const file = opened(lockPath, path);
      try {
        const lock = lockProcess(lockPath);
        // The previous holder deletes the file: a lock on a deleted file keeps nobody out.
        if (statSync(lockPath, { throwIfNoEntry: false })?.ino === fstatSync(file).ino) {
          return new ImportLock(lockPath, file, lock);
        }
        lock.release();
      } catch (error) {
        closeSync(file);
        throw error instanceof LockHeldError
          ? new Failure(EXIT.REFUSED, `${path} is being imported by another process, which holds ${lockPath}`, {
              lines: ["wait until it ends, or stop it; then the same command resumes the import"],
              cause: error,
            })
          : unwritable(lockPath, path, error);
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
