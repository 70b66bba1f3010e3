/** The processor time and memory of other processes, from /proc. */
import { readdirSync, readFileSync } from "node:fs";

const TICKS_PER_SECOND = 100;
const READS_MAX = 10;

/** Returns user and system time of all threads of a process and of its children, ended ones too, in seconds. */
export function cpuSeconds(pid: number | undefined): number {
  for (let attempts = 1; ; attempts++) {
    try {
      return familyOf(pid).reduce((sum, each) => sum + ownSeconds(each), 0);
    } catch (error) {
      // A child has ended since it was listed; now its parent has its time.
      if (attempts === READS_MAX) throw error;
    }
  }
}

/** Returns the resident memory of a process and of its children, in MiB. */
export function residentMib(pid: number): number {
  return familyOf(pid).reduce((sum, each) => {
    const [, kib = "NaN"] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${each}/status`, "utf8")) ?? [];
    return sum + Number(kib) / 1024;
  }, 0);
}

function ownSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // Its own time, and that of children that have ended.
  const [user, system, endedUser, endedSystem] = fields.slice(11, 15).map(Number);
  return ((user ?? 0) + (system ?? 0) + (endedUser ?? 0) + (endedSystem ?? 0)) / TICKS_PER_SECOND;
}

function familyOf(pid: number | undefined): readonly number[] {
  if (pid === undefined) return [];
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number),
  );
  return [pid, ...children];
}
