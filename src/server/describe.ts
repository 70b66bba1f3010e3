/** Describes errors for the log and for standard error. */
import { ConnectError } from "@connectrpc/connect";
import { ConfigError } from "../config.ts";

/** Returns an error with its chain of causes, for the log. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error instanceof ConnectError ? error.message : (error.stack ?? error.message);
  return error.cause === undefined ? own : `${own}\ncaused by: ${describe(error.cause)}`;
}

/** Returns one sentence for an expected error, and the whole error for any other. */
export function describeForeseen(error: unknown): string {
  const foreseen = error instanceof ConfigError || (error instanceof Error && error.constructor === Error);
  return foreseen ? error.message : describe(error);
}

export function startFailure(error: unknown): string {
  return `lockkeeper: ${describeForeseen(error)}\n`;
}
