/** Measures starts of the clone, of the built package and of another clone: until it listens, until it is ready, commands. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { spread } from "./support/report.ts";
import { ADMIN_KEY, listening } from "./support/service.ts";

const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "11" },
    /** The dialects that are served. */
    dialects: { type: "string", default: "" },
    /** The folder of another clone, with its packages: everything is divided by its figures. */
    before: { type: "string" },
  },
});

/** A program with a cache of compiled code of its own, which the first start fills. */
interface Program {
  readonly name: string;
  /** The file that Node runs. */
  readonly file: string;
}

const MEASURES = ["listening", "ready", "users show --help", "users show", "resident"] as const;
type Measure = (typeof MEASURES)[number];
const UNITS: Readonly<Record<Measure, string>> = {
  listening: "ms",
  ready: "ms",
  "users show --help": "ms",
  "users show": "ms",
  resident: "MiB",
};

const ROOT = join(import.meta.dirname, "..");
const POLL_MS = 2;
const SETTLE_MS = 1_000;

const folder = mkdtempSync(join(tmpdir(), "lockkeeper-start-up-"));
try {
  const programs = findPrograms();
  const rounds = Number(flags.rounds);
  const found = new Map(programs.map((program) => [program, [] as Readonly<Record<Measure, number>>[]]));
  for (const program of programs) await measure(program);
  // Interleaved, so that other load on the machine affects all alike.
  for (let round = 0; round < rounds; round++) {
    for (const [program, measured] of found) measured.push(await measure(program));
  }
  print(found, rounds);
} finally {
  rmSync(folder, { recursive: true });
}

function findPrograms(): readonly Program[] {
  const build = spawnSync(process.execPath, [join(ROOT, "scripts/build.ts")], { stdio: "inherit" });
  if (build.status !== 0) throw new Error("the package cannot be built");
  const built = join(folder, "package");
  mkdirSync(built);
  for (const name of ["bin", "dist", "package.json"]) cpSync(join(ROOT, name), join(built, name), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(built, "node_modules"));
  const before = flags.before === undefined ? [] : [{ name: "before", file: join(flags.before, "src/main.ts") }];
  return [
    ...before,
    { name: "clone", file: join(ROOT, "bin/lockkeeper.cjs") },
    { name: "package", file: join(built, "bin/lockkeeper.cjs") },
  ];
}

function run({ name, file }: Program, words: readonly string[]): ChildProcess {
  return spawn(process.execPath, [file, ...words], {
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      ...process.env,
      LOCKKEEPER_ADMIN_KEY: ADMIN_KEY,
      LOCKKEEPER_KEY: ADMIN_KEY,
      XDG_CACHE_HOME: join(folder, `cache of ${name}`),
    },
  });
}

/** A start with a new database, and two commands during it. */
async function measure(program: Program): Promise<Readonly<Record<Measure, number>>> {
  const own = mkdtempSync(join(folder, "data-"));
  const words = ["--listen", "127.0.0.1:0", "--database", `sqlite:${join(own, "a.db")}`, "--log-level", "error"];
  const startTime = performance.now();
  const child = run(program, ["serve", ...words, "--dialects", flags.dialects]);
  try {
    const { url } = await listening(child);
    const listeningMs = performance.now() - startTime;
    while (!(await fetch(`${url}/readyz`)).ok) await sleep(POLL_MS);
    const readyMs = performance.now() - startTime;
    await sleep(SETTLE_MS);
    const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
    const headers = { authorization: `Bearer ${ADMIN_KEY}`, "content-type": "application/json" };
    await fetch(`${url}/v1/users`, { method: "POST", headers, body: '{"userId":"alice"}' });
    return {
      listening: listeningMs,
      ready: readyMs,
      "users show --help": await measureCommand(program, ["users", "show", "--help"]),
      "users show": await measureCommand(program, ["users", "show", "alice", "--server", url]),
      resident: Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024,
    };
  } finally {
    child.kill();
    await once(child, "exit");
  }
}

async function measureCommand(program: Program, words: readonly string[]): Promise<number> {
  const startTime = performance.now();
  const child = run(program, words);
  child.stdout?.resume();
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`${program.name}: ${words.join(" ")} ended with ${code}`);
  return performance.now() - startTime;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function print(found: ReadonlyMap<Program, readonly Readonly<Record<Measure, number>>[]>, rounds: number): void {
  process.stdout.write(`median (least to most) of ${rounds} starts each, the cache of compiled code filled\n`);
  const [[, first = []] = []] = found;
  for (const [{ name }, measured] of found) {
    for (const key of MEASURES) {
      const values = measured.map((each) => each[key]);
      const ratios = values.map((value, round) => value / (first[round]?.[key] ?? Number.NaN));
      const divided = measured === first ? "" : `; ÷ the first: ${spread(ratios, 2)}`;
      process.stdout.write(`${name}: ${key} ${spread(values, 0)} ${UNITS[key]}${divided}\n`);
    }
  }
}
