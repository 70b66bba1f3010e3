/** Opens the database file with the settings that durability and speed ask for, or says plainly why it cannot. */
import { closeSync, existsSync, fchmodSync, mkdirSync, openSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import Database from "better-sqlite3";

/** How long a statement waits for another connection's lock. The event loop stands still meanwhile, so: not long. */
const BUSY_MS = 200;
/**
 * Holds the inner pages of ten million users; more gained nothing where the system caches the file. No memory map: it
 * measured no better, and a disk error under one ends the process.
 */
const CACHE_KIB = 128 * 1024;

/** Files hold everyone's data and the hashes of all keys: only the service's own user may read them. */
export const PRIVATE_FILE_MODE = 0o600;
const PRIVATE_FOLDER_MODE = 0o700;

/** Stands between the name of a database that a restore replaced and the instant of the restore. */
export const ASIDE_INFIX = ".before-restore-";

/** The path by which everyone knows the file: two symbolic links to it must not give two locks. Creates the folder. */
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

/** Runs the first steps on a file; whatever SQLite says about it becomes one sentence that names it. */
export function openWriter(path: string): Database.Database {
  let database: Database.Database | undefined;
  try {
    makePrivate(path);
    database = new Database(path, { timeout: BUSY_MS });
    database.pragma(`cache_size = -${CACHE_KIB}`);
    // The page size of a new database, and readers beside the writer.
    database.pragma("journal_mode = WAL");
    // FULL, not better-sqlite3's default NORMAL: only FULL syncs the WAL at each COMMIT, and an answer of OK says that
    // the change survives a power cut.
    database.pragma("synchronous = FULL");
    // The checkpoint worker does it: a checkpoint within COMMIT would stop the event loop for as long as it takes.
    database.pragma("wal_autocheckpoint = 0");
    database.pragma("temp_store = MEMORY");
    // Fails here, with a clear sentence, when the file cannot be written.
    database.exec("BEGIN IMMEDIATE; COMMIT");
    const version = database.pragma("user_version", { simple: true });
    database.pragma(`user_version = ${version}`);
    return database;
  } catch (error) {
    database?.close();
    throw new Error(toSentence(path, error), { cause: error });
  }
}

/** SQLite creates with 0644; its log and shared memory take the mode of the database. A file that is there is left alone. */
function makePrivate(path: string): void {
  let descriptor: number;
  try {
    descriptor = openSync(path, "wx", PRIVATE_FILE_MODE);
  } catch {
    // It is there already; or it cannot be created, which SQLite's own attempt reports.
    return;
  }
  // An odd umask could take away more.
  fchmodSync(descriptor, PRIVATE_FILE_MODE);
  closeSync(descriptor);
}

/** A connection that only reads, for the reader worker. */
export function openReader(path: string): Database.Database {
  const database = new Database(path, { readonly: true, fileMustExist: true, timeout: BUSY_MS });
  database.pragma(`cache_size = -${CACHE_KIB / 4}`);
  database.pragma("temp_store = MEMORY");
  return database;
}

/** What SQLite says about a file, as one sentence that names it. */
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

/** Whether somebody has put something into the database. What cannot be read is taken for something. */
export function hasUserOrKey(database: Database.Database): boolean {
  try {
    return ["user_state", "api_keys"].some((table) => database.prepare(`SELECT 1 FROM ${table} LIMIT 1`).get());
  } catch {
    return true;
  }
}
