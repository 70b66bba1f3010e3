/** Opens the database file with the settings for durability and speed, or says plainly why it cannot. */
import { closeSync, existsSync, fchmodSync, mkdirSync, openSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import Database from "better-sqlite3";
import { type ConnectionUse, sizePageCache } from "./page-cache.ts";

/** How long a statement waits for another connection's lock. It blocks the event loop, so it is short. */
const BUSY_MS = 200;

/** Files hold everyone's data and the hashes of all keys: only the service's own user may read them. */
export const PRIVATE_FILE_MODE = 0o600;
const PRIVATE_FOLDER_MODE = 0o700;

/** The part between the name of a database that a restore replaced and the time of the restore. */
export const ASIDE_INFIX = ".before-restore-";

/** Returns the real path of a file, so that two symbolic links to it do not give two locks. Creates the folder. */
export function toRealPath(path: string): string {
  const full = resolve(path);
  try {
    mkdirSync(dirname(full), { recursive: true, mode: PRIVATE_FOLDER_MODE });
    return existsSync(full) ? realpathSync(full) : join(realpathSync(dirname(full)), basename(full));
  } catch (error) {
    throw new Error(`the folder of the database ${full} cannot be created or read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Opens a file for writing. Throws one plain sentence that names the file when SQLite cannot use it. */
export function openWriter(path: string): Database.Database {
  let database: Database.Database | undefined;
  try {
    makePrivate(path);
    database = new Database(path, { timeout: BUSY_MS });
    // No memory map: it was not faster in measurements, and a disk error under one ends the process.
    sizePageCache(database, "writer");
    // WAL lets readers run while the writer works.
    database.pragma("journal_mode = WAL");
    // FULL, not better-sqlite3's default NORMAL: only FULL syncs the WAL at each COMMIT, and an answer of OK says that
    // the change survives a power cut.
    database.pragma("synchronous = FULL");
    // The checkpoint worker does it: a checkpoint within COMMIT would stop the event loop for as long as it takes.
    database.pragma("wal_autocheckpoint = 0");
    database.pragma("temp_store = MEMORY");
    // What is deleted or replaced is overwritten with zeros at once: an erased value must not stand on in a free page.
    // Always on, since a value may have been replaced long before the user is erased.
    database.pragma("secure_delete = ON");
    // Fails here, with a plain sentence, if the file cannot be written.
    database.exec("BEGIN IMMEDIATE; COMMIT");
    const version = database.pragma("user_version", { simple: true });
    database.pragma(`user_version = ${version}`);
    return database;
  } catch (error) {
    database?.close();
    throw new Error(toSentence(path, error), { cause: error });
  }
}

/** Creates the file with a private mode: SQLite would use 0644, and its log takes the mode of the database. */
function makePrivate(path: string): void {
  let descriptor: number;
  try {
    descriptor = openSync(path, "wx", PRIVATE_FILE_MODE);
  } catch {
    // It exists already; or it cannot be created, which SQLite's own attempt reports.
    return;
  }
  // An unusual umask could remove more.
  fchmodSync(descriptor, PRIVATE_FILE_MODE);
  closeSync(descriptor);
}

/** Opens a read-only connection, for the reader worker unless `use` says otherwise. */
export function openReader(path: string, use: ConnectionUse = "reader", sharers: number = 1): Database.Database {
  const database = new Database(path, { readonly: true, fileMustExist: true, timeout: BUSY_MS });
  sizePageCache(database, use, sharers);
  database.pragma("temp_store = MEMORY");
  return database;
}

/** Returns SQLite's error about a file as one plain sentence that names it. */
export function toSentence(path: string, error: unknown): string {
  const code = error instanceof Database.SqliteError ? error.code : "";
  if (code.startsWith("SQLITE_NOTADB")) return `the file ${path} is not a SQLite database`;
  if (code.startsWith("SQLITE_READONLY")) {
    return `the database ${path} or its folder cannot be written: it is read-only`;
  }
  if (code.startsWith("SQLITE_CANTOPEN")) {
    return `the database ${path} cannot be opened or created: check the path and its permissions`;
  }
  if (code.startsWith("SQLITE_BUSY")) return `the database ${path} is locked by another program`;
  if (code.startsWith("SQLITE_CORRUPT")) return `the database ${path} is damaged: ${messageOf(error)}`;
  if (code.startsWith("SQLITE_FULL")) return `the disk of the database ${path} is full`;
  return `the database ${path} cannot be opened: ${messageOf(error)}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Returns a size in bytes; 0 for a file that is not there: the log comes and goes. */
export function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** Whether a user or a key is in the database. A database that cannot be read counts as used. */
export function hasUserOrKey(database: Database.Database): boolean {
  try {
    return ["user_state", "api_keys"].some((table) => database.prepare(`SELECT 1 FROM ${table} LIMIT 1`).get());
  } catch {
    return true;
  }
}
