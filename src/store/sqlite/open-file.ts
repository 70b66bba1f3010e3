/** Opens a database file for the store: locks and migrates it, and reads what never changes while it serves. */
import type { Database } from "better-sqlite3";
import type { CheckpointSigner } from "../history.ts";
import type { StoreOptions } from "../store.ts";
import { openSigner } from "./checkpoints.ts";
import { openWriter, toRealPath } from "./file/database-file.ts";
import { describeLooseModes } from "./file/file-guard.ts";
import { type FileLock, lockFile } from "./file/file-lock.ts";
import { migrate } from "./migrate.ts";
import { settleMove } from "./moves.ts";
import { assertClock } from "./start-clock.ts";

export interface OpenedFile {
  /** The real path. */
  readonly path: string;
  readonly lock: FileLock;
  readonly database: Database;
  /** Absent: nobody signs checkpoints. */
  readonly signer: CheckpointSigner | undefined;
  /** Closes it after a start that failed. */
  readonly discard: () => void;
}

/** Throws one plain sentence when the file, the clock or the key cannot be used. */
export function openFile(options: StoreOptions & { readonly path: string }): OpenedFile {
  const path = toRealPath(options.path);
  const lock = lockFile(path);
  let database: Database | undefined;
  const discard = (): void => {
    database?.close();
    lock.discard();
  };
  try {
    database = openWriter(path);
    migrate(database, path);
    settleMove(database, path, options);
    assertClock(database, options);
    const looseModes = describeLooseModes(path);
    if (looseModes !== undefined) options.onWarning?.(looseModes);
    return { path, lock, database, signer: openSigner(database, options), discard };
  } catch (error) {
    discard();
    throw error;
  }
}
