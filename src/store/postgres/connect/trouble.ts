/** Distinguishes a failure of PostgreSQL from a command's own fault, and says whether commands were applied. */
import pg from "pg";
import type { FailedOutcome } from "../../../domain/refusal.ts";
import { StoreUnavailableError } from "../../errors.ts";

/** SQLSTATEs that are no command's fault, by their first characters. */
const TROUBLE_STATES = [
  // The connection, also that of a pooler to its server.
  "08",
  // Entering: a changed password, a dropped database.
  "28",
  "3D",
  // No room, no memory, no connection left, a shutdown, a cancelled statement, the disk, a damaged file.
  "53",
  "57",
  "58",
  "XX001",
  "XX002",
  // A transaction that cannot write, because a standby took the place, or that took too long.
  "25006",
  "25P03",
  "25P04",
  "55P03",
  // A statement that a migration or a pooler has made void; a new connection prepares it again.
  "0A000",
  "26000",
  "42P05",
  // Tables or rights that are gone.
  "42P01",
  "42703",
  "42501",
] as const;

/** States of a COMMIT whose fate is not known: the server, or what is in front of it, went away meanwhile. */
const UNKNOWN_STATES = ["08", "57P"] as const;

/** What the driver says when the connection is gone; these errors have no code. */
const LOST_MESSAGES: ReadonlySet<string> = new Set([
  "Connection terminated",
  "Connection terminated unexpectedly",
  "Client has encountered a connection error and is not queryable",
  "Client was closed and is not queryable",
  "timeout expired",
]);

/** Tables whose rows cannot be locked before they exist: two writers may insert the same one. */
const RACED_TABLES: ReadonlySet<string | undefined> = new Set(["user_state", "attempt_counters", "requests"]);

/**
 * Turns errors of PostgreSQL that are storage failures into StoreUnavailableError, and returns all others unchanged. For
 * errors of a transaction that is certainly not committed.
 */
export function toStoreError(error: unknown): unknown {
  const state = stateOf(error);
  if (state === undefined) return error;
  const isTrouble = state === "" || startsWithAny(state, TROUBLE_STATES) || isLost(error);
  return isTrouble ? unavailable(error, "NOT_APPLIED") : error;
}

/** Whether the server has refused a statement, and with it the transaction: neither a pooler nor the driver says so. */
export function isRefused(error: unknown): boolean {
  if (!(error instanceof pg.DatabaseError) || error.severity !== "ERROR") return false;
  const { code = "" } = error;
  return code !== "" && !startsWithAny(code, UNKNOWN_STATES);
}

/** Turns an error of a read into StoreUnavailableError: no caller's input causes one. */
export function toReadError(error: unknown): unknown {
  return stateOf(error) === undefined ? error : unavailable(error, undefined);
}

/** Whether a transaction failed only because another one ran at the same time: deciding again may succeed. */
export function isRace(error: unknown): boolean {
  if (!(error instanceof pg.DatabaseError)) return false;
  const { code, table } = error;
  return code === "40001" || code === "40P01" || (code === "23505" && RACED_TABLES.has(table));
}

/** Whether an error says that the connection is gone, or was never made. */
export function isLost(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof pg.DatabaseError) return false;
  // Errors of sockets have the system call in which they occurred; those of TLS have codes of OpenSSL.
  return "syscall" in error || LOST_MESSAGES.has(error.message);
}

/** Returns the SQLSTATE, or for a lost connection the code of its error; `undefined`: another error. */
function stateOf(error: unknown): string | undefined {
  if (error instanceof pg.DatabaseError) return error.code ?? "";
  if (!isLost(error)) return undefined;
  return (error as NodeJS.ErrnoException).code ?? "connection lost";
}

function unavailable(cause: unknown, outcome: FailedOutcome | undefined): StoreUnavailableError {
  return new StoreUnavailableError(`the database cannot be used now (${stateOf(cause) || "no answer"})`, outcome, {
    cause,
  });
}

function startsWithAny(state: string, prefixes: readonly string[]): boolean {
  return prefixes.some((prefix) => state.startsWith(prefix));
}
