/** Distinguishes a failure of storage from a command's own fault, and says whether commands were applied. */
import Database from "better-sqlite3";
import type { FailedOutcome } from "../../domain/refusal.ts";
import { StoreUnavailableError } from "../errors.ts";

/** Result codes, with all their extensions, that are not the fault of one command. */
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

/**
 * Codes after which COMMIT has certainly written nothing: it failed before the commit frame of the WAL was complete.
 */
const NOT_COMMITTED_CODES = ["SQLITE_FULL", "SQLITE_BUSY", "SQLITE_READONLY", "SQLITE_CONSTRAINT"] as const;

/**
 * Turns errors of SQLite that are storage failures into StoreUnavailableError, and returns all others unchanged.
 * `atCommit`: COMMIT threw the error; its frames may or may not be on disk (a failed fsync does not say).
 */
export function toStoreError(error: unknown, atCommit: boolean): unknown {
  if (!(error instanceof Database.SqliteError)) return error;
  const { code } = error;
  if (atCommit && !startsWithAny(code, NOT_COMMITTED_CODES)) return unavailable(error, "UNKNOWN");
  return startsWithAny(code, TROUBLE_CODES) ? unavailable(error, "NOT_APPLIED") : error;
}

/** Turns an error of a read into StoreUnavailableError: no caller's input causes one. */
export function toReadError(error: unknown): unknown {
  return error instanceof Database.SqliteError ? unavailable(error, undefined) : error;
}

function unavailable(cause: { readonly code: string }, outcome: FailedOutcome | undefined): StoreUnavailableError {
  return new StoreUnavailableError(`the database cannot be used now (${cause.code})`, outcome, { cause });
}

function startsWithAny(code: string, prefixes: readonly string[]): boolean {
  return prefixes.some((prefix) => code === prefix || code.startsWith(`${prefix}_`));
}
