/** Tells storage trouble from a command's own fault, and says what became of the commands that met it. */
import Database from "better-sqlite3";
import type { FailedOutcome } from "../../domain/refusal.ts";
import { StoreUnavailableError } from "../errors.ts";

/** Result codes, with all their extensions, that say nothing about a single command. */
const TROUBLE_CODES = [
  "SQLITE_FULL",
  "SQLITE_IOERR",
  "SQLITE_READONLY",
  "SQLITE_CANTOPEN",
  "SQLITE_BUSY",
  "SQLITE_LOCKED",
  "SQLITE_PROTOCOL",
  "SQLITE_NOMEM",
  "SQLITE_CORRUPT",
  "SQLITE_NOTADB",
  "SQLITE_PERM",
  "SQLITE_SCHEMA",
] as const;

/** Codes with which COMMIT surely left nothing behind: it failed before the commit frame of the WAL was whole. */
const NOT_COMMITTED_CODES = ["SQLITE_FULL", "SQLITE_BUSY", "SQLITE_READONLY", "SQLITE_CONSTRAINT"] as const;

/**
 * Errors of SQLite that are storage trouble become StoreUnavailableError; all others stay as they are. `atCommit`: the
 * error came out of COMMIT, whose frames may or may not have reached the disk (a failed fsync tells neither).
 */
export function toStoreError(error: unknown, atCommit: boolean): unknown {
  if (!(error instanceof Database.SqliteError)) return error;
  const { code } = error;
  if (atCommit && !startsWithAny(code, NOT_COMMITTED_CODES)) return unavailable(error, "UNKNOWN");
  return startsWithAny(code, TROUBLE_CODES) ? unavailable(error, "NOT_APPLIED") : error;
}

/** Every error of a read is trouble: no caller's input makes one. */
export function toReadError(error: unknown): unknown {
  return error instanceof Database.SqliteError ? unavailable(error, undefined) : error;
}

function unavailable(cause: { readonly code: string }, outcome: FailedOutcome | undefined): StoreUnavailableError {
  return new StoreUnavailableError(`the database cannot be used now (${cause.code})`, outcome, { cause });
}

function startsWithAny(code: string, prefixes: readonly string[]): boolean {
  return prefixes.some((prefix) => code === prefix || code.startsWith(`${prefix}_`));
}
