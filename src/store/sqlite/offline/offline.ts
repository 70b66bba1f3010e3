/** What is done to a database while no service runs on it: a backup put in its place, a raised generation, migrations. */
import { randomInt } from "node:crypto";
import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
} from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import Database from "better-sqlite3";
import { generationFloor } from "../../../domain/instance.ts";
import { ASIDE_INFIX, openWriter, PRIVATE_FILE_MODE, toRealPath } from "../file/database-file.ts";
import { lockFile } from "../file/file-lock.ts";
import { giveFile } from "../file/file-owner.ts";
import { doneMigrations, dueMigrations, migrate } from "../migrate.ts";
import { readGeneration } from "../read/list-query.ts";
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
export async function restoreFile(options: RestoreOptions): Promise<Restored> {
  const file = assertBackup(options.file);
  if (existsSync(options.path)) assertFile(options.path);
  const path = toRealPath(options.path);
  if (file === path) throw new Error(`${file} is the database itself; to raise its generation use --raise-generation`);
  // A service at work on the file would go on writing to it while it is read.
  if (!existsSync(`${file}.lock`)) return withLock(path, () => restoreLocked(file, path, options));
  return withLock(file, () => withLock(path, () => restoreLocked(file, path, options)));
}

async function restoreLocked(
  file: string,
  path: string,
  { clock, replace, progress }: RestoreOptions,
): Promise<Restored> {
  const hasFormer = existsSync(path);
  if (hasFormer && !replace) throw new Error(`there is a database ${path} already`);
  const copy = `${path}.restoring`;
  removeDatabase(copy);
  try {
    assertSpace(file, path);
    copyFileSync(file, copy, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
    let former: readonly number[] | undefined;
    const known = (): readonly number[] => {
      former = hasFormer ? settleFormer(path) : undefined;
      return former ?? [];
    };
    const prepared = await prepareCopy(file, copy, { clock, progress, known });
    giveOwner(copy, path);
    syncPath(copy);
    const movedTo = hasFormer ? moveAside(path, clock()) : undefined;
    renameSync(copy, path);
    syncPath(dirname(path));
    const isFormerUnreadable = hasFormer && former === undefined;
    return { ...prepared, isFormerUnreadable, ...(movedTo === undefined ? {} : { movedTo }) };
  } finally {
    removeDatabase(copy);
  }
}

/** The real path of what may be a backup: one file that has all in it. */
function assertBackup(given: string): string {
  if (!existsSync(given)) throw new Error(`there is no file ${given}`);
  assertFile(given);
  if (statSync(given).size === 0) throw new Error(`the file ${given} is empty`);
  const file = realpathSync(given);
  for (const suffix of ["-wal", "-journal"]) {
    if ((statSync(`${file}${suffix}`, { throwIfNoEntry: false })?.size ?? 0) === 0) continue;
    throw new Error(
      `${given} has a log beside it, ${file}${suffix}, so it is no backup but a copied database, and what is in the log would be lost; put the files in place together and use --raise-generation`,
    );
  }
  return file;
}

function assertFile(path: string): void {
  if (!statSync(path).isFile()) throw new Error(`${path} is not a file`);
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
export async function migrateFile(given: string, { check }: { readonly check: boolean }): Promise<Migrated> {
  if (check) {
    const found = await inspectDatabase(given);
    const path = toRealPath(given);
    // A lock file is not made for it: nothing is changed, not even beside the database.
    if (existsSync(`${path}.lock`)) lockFile(path).release();
    return found;
  }
  return withExisting(given, async (database, path) => {
    const found = migrationsOf(database, path);
    await migrate(database, path);
    return found;
  });
}

/**
 * Asks a database what it is without writing to it, so that nothing is left in or beside a file that is not ours.
 * Rejects with one plain sentence when there is none, or it is empty, of something else or of a newer version.
 */
export async function inspectDatabase(path: string): Promise<Migrated> {
  if (!existsSync(path)) throw new Error(`there is no database ${path}`);
  assertFile(path);
  return withSentences(path, async () => {
    const database = openInspector(path);
    try {
      const found = migrationsOf(database, path);
      if (found.from === "") throw new Error(`the file ${path} is empty: there is no database in it`);
      return found;
    } finally {
      database.close();
    }
  });
}

/** Whether a file has no lockkeeper in it yet: nothing at all, or what a first start that was cut off has left. */
export async function isEmptyDatabase(path: string): Promise<boolean> {
  assertFile(path);
  return withSentences(path, async () => {
    const database = openInspector(path);
    try {
      // The organization `default` is there from the first start on.
      const isMigrated = migrationsOf(database, path).from !== "";
      return !isMigrated || database.prepare("SELECT 1 FROM organizations LIMIT 1").get() === undefined;
    } finally {
      database.close();
    }
  });
}

function migrationsOf(database: Database.Database, path: string): Migrated {
  return { due: dueMigrations(database, path), from: doneMigrations(database).at(-1) ?? "" };
}

/** Only reads. */
function openInspector(path: string): Database.Database {
  // A connection opened for reading alone makes a log's files where there are none, and may not take them away again.
  const database = new Database(path, { fileMustExist: true, readonly: existsSync(`${path}-wal`) });
  database.pragma("query_only = ON");
  return database;
}

async function withExisting<T>(
  given: string,
  work: (database: Database.Database, path: string) => Promise<T>,
): Promise<T> {
  // Before the path is made real, which would create its folder.
  await inspectDatabase(given);
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
    const reader = openInspector(copy);
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
const STEP_MAX = 1_000;

/**
 * Two raises within a second from the same state would give the same number: the second is waited out. Where the clock
 * has no say, as what is known is ahead of it, chance keeps two raises from the same state apart.
 */
async function raiseApart(database: Database.Database, { clock, ...options }: RaiseApart): Promise<Raised> {
  const now = clock();
  const raised = raiseGeneration(database, { now, step: randomInt(1, STEP_MAX + 1), ...options });
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

/** The service must be able to write what an administrator restored: as the former database, or as its folder is. */
function giveOwner(copy: string, path: string): void {
  const former = statSync(path, { throwIfNoEntry: false });
  giveFile(copy, former ?? statSync(dirname(path)), former?.mode ?? PRIVATE_FILE_MODE);
}

/** Gives the former database a second name; its own is taken by the rename that follows, so there is always one. */
function moveAside(path: string, now: number): string {
  const stamp = new Date(now).toISOString().replace(/[-:]|\.\d+/g, "");
  const aside = freeName(`${path}${ASIDE_INFIX}${stamp}`);
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
