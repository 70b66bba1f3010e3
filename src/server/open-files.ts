/** Bounds the connections by the open files that the process may have: each connection is one. */
import { readFileSync } from "node:fs";
import type { Log } from "../observability/log.ts";
import { DEFAULT_LIMITS } from "../transport/limits.ts";

/** Open files that remain for the database, its readers, backups and the runtime. */
const RESERVE = 128;

/** Returns the most connections to hold; logs a warning when that is fewer than usual. */
export function connectionsMaxHere(log: Log): number {
  const openFilesMax = readOpenFilesMax();
  const connectionsMax = connectionsWithin(openFilesMax);
  if (connectionsMax < DEFAULT_LIMITS.connectionsMax) {
    const cause = `the process may open ${openFilesMax} files (ulimit -n, LimitNOFILE); ${DEFAULT_LIMITS.connectionsMax + RESERVE} are enough for all connections`;
    log.write("warn", "fewer connections than usual", { cause, connectionsMax });
  }
  return connectionsMax;
}

/** Returns the connections for a limit of open files (`undefined`: unknown): at least 1, and half of a small limit. */
export function connectionsWithin(openFilesMax: number | undefined): number {
  if (openFilesMax === undefined) return DEFAULT_LIMITS.connectionsMax;
  const reserve = Math.min(RESERVE, Math.floor(openFilesMax / 2));
  return Math.max(1, Math.min(DEFAULT_LIMITS.connectionsMax, openFilesMax - reserve));
}

/** Returns the limit of this process, which Node raises as far as it may; `undefined` if unlimited, or not on Linux. */
function readOpenFilesMax(): number | undefined {
  let text: string;
  try {
    text = readFileSync("/proc/self/limits", "utf8");
  } catch {
    return undefined;
  }
  const soft = /^Max open files\s+(\d+)\s/m.exec(text)?.[1];
  return soft === undefined ? undefined : Number(soft);
}
