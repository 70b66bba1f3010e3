/** Replaces a database by a backup. */
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
import type { Restored, RestoreOptions, VerifyProgress } from "../../offline.ts";
import { ASIDE_INFIX, openWriter, PRIVATE_FILE_MODE, toRealPath } from "../file/database-file.ts";
import { giveFile } from "../file/file-owner.ts";
import { readGeneration } from "../generation.ts";
import { doneMigrations, dueMigrations, migrate } from "../migrate.ts";
import { assertFile, openInspector, withLock } from "./inspect-file.ts";
import { raiseApart } from "./raise-generation.ts";
import { verifyDatabase, withSentences } from "./verify-database.ts";

/** A restore onto a path: `path` is where the database will be. */
export interface FileRestoreOptions extends RestoreOptions {
  readonly path: string;
}

/**
 * Replaces a database by a verified copy of a backup, under a generation that no timeline has used. The former database
 * stays where it is until the last step, a rename. Rejects with one plain sentence.
 */
export async function restoreFile(options: FileRestoreOptions): Promise<Restored> {
  const file = assertBackup(options.file);
  if (existsSync(options.path)) assertFile(options.path);
  const path = toRealPath(options.path);
  if (file === path) throw new Error(`${file} is the database itself; to raise its generation use --raise-generation`);
  // A service that uses the file would go on writing to it.
  if (!existsSync(`${file}.lock`)) return withLock(path, () => restoreLocked(file, path, options));
  return withLock(file, () => withLock(path, () => restoreLocked(file, path, options)));
}

async function restoreLocked(
  file: string,
  path: string,
  { clock, replace, progress }: FileRestoreOptions,
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

/** Returns the real path of a possible backup: a single file with everything in it. */
function assertBackup(given: string): string {
  if (!existsSync(given)) throw new Error(`there is no file ${given}`);
  assertFile(given);
  if (statSync(given).size === 0) throw new Error(`the file ${given} is empty`);
  const file = realpathSync(given);
  for (const suffix of ["-wal", "-journal"]) {
    if ((statSync(`${file}${suffix}`, { throwIfNoEntry: false })?.size ?? 0) === 0) continue;
    throw new Error(
      `${given} has a log next to it, ${file}${suffix}, so it is not a backup but a copied database, and the changes in the log would be lost; put the files in place together and use --raise-generation`,
    );
  }
  return file;
}

interface Prepare {
  readonly clock: () => number;
  readonly progress: VerifyProgress | undefined;
  /** Returns the generations of the database that is replaced; called when the copy is known to be good. */
  readonly known: () => readonly number[];
}

/** Migrates the copy, verifies it and raises its generation. At the end everything is in its one file. */
async function prepareCopy(
  file: string,
  copy: string,
  { clock, progress, known }: Prepare,
): Promise<Pick<Restored, "backup" | "generation" | "position">> {
  return withSentences(file, async () => {
    // Read-only connection, because nothing may be written before it is known what the file is.
    const reader = openInspector(copy);
    try {
      dueMigrations(reader, file);
    } finally {
      reader.close();
    }
    const database = openWriter(copy);
    try {
      const schemaVersion = doneMigrations(database).at(-1) ?? "";
      migrate(database, file);
      const backup = { ...(await verifyDatabase(database, file, progress)), schemaVersion };
      const { generation, position } = await raiseApart(database, { clock, via: "restore", known: known() });
      return { backup, generation, position };
    } finally {
      // The last connection: closing it moves the log into the file.
      database.close();
    }
  });
}

/** Moves the log of the former database into its file and returns its generation; `undefined`: it cannot be read. */
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
    // It may be damaged; that is a reason to restore.
    return undefined;
  }
}

/** Gives the copy the owner of the former database, or of its folder, so that the service can write it. */
function giveOwner(copy: string, path: string): void {
  const former = statSync(path, { throwIfNoEntry: false });
  giveFile(copy, former ?? statSync(dirname(path)), former?.mode ?? PRIVATE_FILE_MODE);
}

/**
 * Gives the former database a second name. The rename that follows takes its own name, so a database is always there.
 */
function moveAside(path: string, now: number): string {
  const stamp = new Date(now).toISOString().replace(/[-:]|\.\d+/g, "");
  const aside = freeName(`${path}${ASIDE_INFIX}${stamp}`);
  // They remain only if the file could not be opened.
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

/** Syncs a file, or a folder so that the names in it are durable. */
function syncPath(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
