/** What is done to a database while no service runs on it: a backup put in its place, a raised generation, migrations. */
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
} from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Database } from "better-sqlite3";
import { generationFloor } from "../../domain/instance.ts";
import { openReader, openWriter, toRealPath } from "./database-file.ts";
import { lockFile } from "./file-lock.ts";
import { readGeneration } from "./list-query.ts";
import { doneMigrations, dueMigrations, migrate } from "./migrate.ts";
import { type Raised, raiseGeneration } from "./raise-generation.ts";
import { type DatabaseReport, type VerifyProgress, verifyDatabase, withSentences } from "./verify-database.ts";

export interface RestoreOptions {
  /** The backup. */
  readonly file: string;
  /** Where the database is to be. */
  readonly path: string;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** A database that is there is moved aside; else it is refused. */
  readonly replace: boolean;
  readonly progress?: VerifyProgress;
}

export interface Restored {
  /** As the backup had it. */
  readonly backup: DatabaseReport;
  readonly generation: number;
  /** Of the event that raised it. */
  readonly position: number;
  /** Where the database is that was there before; absent: there was none. */
  readonly movedTo?: string;
  /** The generation of the former database could not be read: the clock alone keeps the new one apart. */
  readonly isFormerUnreadable: boolean;
}

/**
 * Puts a verified copy of a backup in the place of a database, under a generation that no timeline has used. Until the
 * last step, a rename, the former database stays where it is. Rejects with one plain sentence.
 */
export async function restoreFile({ file, path: given, clock, replace, progress }: RestoreOptions): Promise<Restored> {
  if (!existsSync(file)) throw new Error(`there is no file ${file}`);
  if (!statSync(file).isFile()) throw new Error(`${file} is not a file`);
  if (statSync(file).size === 0) throw new Error(`the file ${file} is empty`);
  const path = toRealPath(given);
  return withLock(path, async () => {
    const hasFormer = existsSync(path);
    if (hasFormer && !replace) throw new Error(`there is a database ${path} already`);
    const copy = `${path}.restoring`;
    removeDatabase(copy);
    try {
      assertSpace(file, path);
      copyFileSync(file, copy, constants.COPYFILE_FICLONE);
      let former: readonly number[] | undefined;
      const known = (): readonly number[] => {
        former = hasFormer ? settleFormer(path) : undefined;
        return former ?? [];
      };
      const prepared = await prepareCopy(file, copy, { clock, progress, known });
      if (hasFormer) giveOwner(copy, path);
      syncPath(copy);
      const movedTo = hasFormer ? moveAside(path, clock()) : undefined;
      renameSync(copy, path);
      syncPath(dirname(path));
      const isFormerUnreadable = hasFormer && former === undefined;
      return { ...prepared, isFormerUnreadable, ...(movedTo === undefined ? {} : { movedTo }) };
    } finally {
      removeDatabase(copy);
    }
  });
}

/** The step that makes a point-in-time recovery by other means as safe as a restore. Rejects with one plain sentence. */
export function raiseFileGeneration(given: string, clock: () => number): Promise<Raised> {
  return withExisting(given, async (database, path) => {
    await migrate(database, path);
    return raiseApart(database, { clock, via: "recovery", known: [] });
  });
}

export interface Migrated {
  /** The newest migration before; empty: none. */
  readonly from: string;
  /** Those that were due, in their order. */
  readonly due: readonly string[];
}

/** Runs what is due, or only says it (`check`). Rejects with one plain sentence. */
export function migrateFile(given: string, { check }: { readonly check: boolean }): Promise<Migrated> {
  return withExisting(given, async (database, path) => {
    const found = { from: doneMigrations(database).at(-1) ?? "", due: dueMigrations(database, path) };
    if (!check) await migrate(database, path);
    return found;
  });
}

function withExisting<T>(given: string, work: (database: Database, path: string) => Promise<T>): Promise<T> {
  // Before the path is made real, which would create its folder.
  if (!existsSync(given)) return Promise.reject(new Error(`there is no database ${given}`));
  const path = toRealPath(given);
  return withLock(path, () =>
    withSentences(path, async () => {
      const database = openWriter(path);
      try {
        return await work(database, path);
      } finally {
        database.close();
      }
    }),
  );
}

async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const lock = lockFile(path);
  try {
    return await work();
  } finally {
    lock.release();
  }
}

interface Prepare {
  readonly clock: () => number;
  readonly progress: VerifyProgress | undefined;
  /** Generations of the database that is to be replaced; asked when the copy is known to be good. */
  readonly known: () => readonly number[];
}

/** Brings the copy to this version's schema, verifies it and raises its generation; all in its one file at the end. */
async function prepareCopy(
  file: string,
  copy: string,
  { clock, progress, known }: Prepare,
): Promise<Pick<Restored, "backup" | "generation" | "position">> {
  return withSentences(file, async () => {
    // Asked of a connection that only reads: nothing is written before it is known what the file is.
    const reader = openReader(copy);
    try {
      dueMigrations(reader, file);
    } finally {
      reader.close();
    }
    const database = openWriter(copy);
    try {
      const schemaVersion = doneMigrations(database).at(-1) ?? "";
      await migrate(database, file);
      const backup = { ...(await verifyDatabase(database, file, progress)), schemaVersion };
      const { generation, position } = await raiseApart(database, { clock, via: "restore", known: known() });
      return { backup, generation, position };
    } finally {
      // The last connection: closing it moves the log into the file.
      database.close();
    }
  });
}

interface RaiseApart {
  readonly clock: () => number;
  readonly via: "restore" | "recovery";
  readonly known: readonly number[];
}

const SECOND_MS = 1_000;

/** Two raises within a second from the same state would give the same number: the second is waited out. */
async function raiseApart(database: Database, { clock, ...options }: RaiseApart): Promise<Raised> {
  const now = clock();
  const raised = raiseGeneration(database, { now, ...options });
  if (generationFloor(now) === raised.generation) await sleep(SECOND_MS - (now % SECOND_MS));
  return raised;
}

/** Moves the former database's log into its file, and answers its generation; `undefined`: it cannot be read. */
function settleFormer(path: string): readonly number[] | undefined {
  try {
    const database = openWriter(path);
    try {
      const hasInstance = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'instance'").get() !== undefined;
      return hasInstance ? [readGeneration(database)] : [];
    } finally {
      database.close();
    }
  } catch {
    // It may well be damaged: that is what backups are for.
    return undefined;
  }
}

/** The service must be able to write what an administrator restored. */
function giveOwner(copy: string, path: string): void {
  const { mode, uid, gid } = statSync(path);
  chmodSync(copy, mode);
  const own = statSync(copy);
  if (own.uid !== uid || own.gid !== gid) chownSync(copy, uid, gid);
}

/** Gives the former database a second name; its own is taken by the rename that follows, so there is always one. */
function moveAside(path: string, now: number): string {
  const stamp = new Date(now).toISOString().replace(/[-:]|\.\d+/g, "");
  const aside = freeName(`${path}.before-restore-${stamp}`);
  // Only a file that could not be opened still has them.
  for (const suffix of ["-wal", "-shm"]) {
    if (existsSync(`${path}${suffix}`)) renameSync(`${path}${suffix}`, `${aside}${suffix}`);
  }
  try {
    linkSync(path, aside);
  } catch {
    // A file system without links.
    renameSync(path, aside);
  }
  syncPath(dirname(path));
  return aside;
}

function freeName(wanted: string): string {
  for (let count = 1; ; count++) {
    const name = count === 1 ? wanted : `${wanted}-${count}`;
    if (!existsSync(name)) return name;
  }
}

const MB = 1_000_000;

function assertSpace(file: string, path: string): void {
  const { size } = statSync(file);
  const { bavail, bsize } = statfsSync(dirname(path));
  const free = bavail * bsize;
  if (free >= size) return;
  throw new Error(
    `the disk of ${path} has ${Math.floor(free / MB)} MB free; the backup takes ${Math.ceil(size / MB)} MB`,
  );
}

function removeDatabase(path: string): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
}

/** A folder is synced so that the names in it last. */
function syncPath(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
