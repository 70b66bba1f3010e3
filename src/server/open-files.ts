/** How many connections fit into what the process may open: each is an open file, beside the database and the rest. */
import { readFileSync } from "node:fs";
import type { Log } from "../observability/log.ts";
import { DEFAULT_LIMITS } from "../transport/limits.ts";

/** Left for the database, its readers, backups and the runtime itself. */
const RESERVE = 128;

/** How many connections to hold at most; tells the log when that is fewer than usual. */
export function connectionsMaxHere(log: Log): number {
  const openFilesMax = readOpenFilesMax();
  const connectionsMax = connectionsWithin(openFilesMax);
  if (connectionsMax < DEFAULT_LIMITS.connectionsMax) {
    const cause = `the process may open ${openFilesMax} files (ulimit -n, LimitNOFILE); ${DEFAULT_LIMITS.connectionsMax + RESERVE} are enough for all connections`;
    log.write("warn", "fewer connections than usual", { cause, connectionsMax });
  }
  return connectionsMax;
}

/** `openFilesMax`: `undefined` where nobody knows. At least 1; of a small limit half. */
export function connectionsWithin(openFilesMax: number | undefined): number {
  if (openFilesMax === undefined) return DEFAULT_LIMITS.connectionsMax;
  const reserve = Math.min(RESERVE, Math.floor(openFilesMax / 2));
  return Math.max(1, Math.min(DEFAULT_LIMITS.connectionsMax, openFilesMax - reserve));
}

/** The limit of this process, which Node has raised as far as it may; `undefined`: unlimited, or not Linux. */
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
