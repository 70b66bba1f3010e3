/** Measures a start: time until it listens and until all is loaded, and resident memory, with and without dialects. */
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { spread } from "./support/report.ts";
import { listening, startService } from "./support/service.ts";

const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "11" },
    /** What is compared with a start without dialects, each by itself and all together. */
    dialects: { type: "string", default: "" },
  },
});

interface Start {
  /** Milliseconds from the spawn to the line `listening on …`. */
  readonly listeningMs: number;
  /** Milliseconds from the spawn until `/readyz` says that all is loaded. */
  readonly readyMs: number;
  /** Resident memory in MiB a second after that. */
  readonly residentMib: number;
}

const POLL_MS = 2;
const SETTLE_MS = 1_000;

async function measure(dialects: string): Promise<Start> {
  const folder = mkdtempSync(join(tmpdir(), "lockkeeper-bench-"));
  const startTime = performance.now();
  const child = startService(join(folder, "a.db"), ["--dialects", dialects]);
  try {
    const { url } = await listening(child);
    const listeningMs = performance.now() - startTime;
    while (!(await fetch(`${url}/readyz`)).ok) await sleep(POLL_MS);
    const readyMs = performance.now() - startTime;
    await sleep(SETTLE_MS);
    const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
    return { listeningMs, readyMs, residentMib: Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024 };
  } finally {
    child.kill();
    await once(child, "exit");
    rmSync(folder, { recursive: true });
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const names = flags.dialects.split(",").filter((name) => name !== "");
const variants = ["", ...names, ...(names.length > 1 ? [names.join(",")] : [])];
const rounds = Number(flags.rounds);
const found = new Map<string, Start[]>(variants.map((variant) => [variant, []]));
// Interleaved, so that other load on the machine affects all alike.
for (let round = 0; round < rounds; round++) {
  for (const variant of variants) found.get(variant)?.push(await measure(variant));
}
process.stdout.write(`median (least to most) of ${rounds} starts each\n`);
for (const [variant, starts] of found) {
  const of = (name: keyof Start): string =>
    spread(
      starts.map((start) => start[name]),
      0,
    );
  process.stdout.write(
    `${variant === "" ? "no dialect" : variant}: listening after ${of("listeningMs")} ms, ready after ${of("readyMs")} ms, ${of("residentMib")} MiB resident\n`,
  );
}
