/** Faults in words. */
import { ConnectError } from "@connectrpc/connect";
import { ConfigError } from "../config.ts";

/** What went wrong, for the log: the whole chain of causes. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error instanceof ConnectError ? error.message : (error.stack ?? error.message);
  return error.cause === undefined ? own : `${own}\ncaused by: ${describe(error.cause)}`;
}

/** A foreseen fault is one sentence; whatever else it is, it is shown whole. */
export function describeForeseen(error: unknown): string {
  const foreseen = error instanceof ConfigError || (error instanceof Error && error.constructor === Error);
  return foreseen ? error.message : describe(error);
}

export function startFailure(error: unknown): string {
  return `lockkeeper: ${describeForeseen(error)}\n`;
}
