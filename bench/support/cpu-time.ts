/** The processor time of another process, from /proc. */
import { readFileSync } from "node:fs";

const TICKS_PER_SECOND = 100;

/** Returns user and system time of all threads of a process, in seconds. */
export function cpuSeconds(pid: number | undefined): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
