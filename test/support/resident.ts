/** How much memory a process holds. */
import { existsSync, readFileSync } from "node:fs";
import type { Child } from "./service.ts";

/** Returns the megabytes that the process holds; `undefined` where there is no /proc. */
export function residentMb({ process: { pid } }: Child): number | undefined {
  const file = `/proc/${pid}/status`;
  if (!existsSync(file)) return undefined;
  return Math.round(Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(file, "utf8"))?.[1]) / 1024);
}
