/** Compares an import by the CLI with the same import of an earlier version, in one run. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { cpuSeconds } from "./support/cpu-time.ts";
import { printTable, spread } from "./support/report.ts";
import { ADMIN_KEY, listening } from "./support/service.ts";

const { values: flags } = parseArgs({
  options: {
    rows: { type: "string", default: "1000000" },
    rounds: { type: "string", default: "3" },
    /** A commit or tag; it runs with the packages that are installed here. */
    before: { type: "string", default: "v0.2.0" },
  },
});
const ROOT = join(import.meta.dirname, "..");
const ROWS = Number(flags.rows);

interface Side {
  readonly name: string;
  readonly root: string;
  readonly perSecond: number[];
  readonly serviceMicros: number[];
}

const folder = mkdtempSync(join(tmpdir(), "lockkeeper-bench-"));
const before = join(folder, "before");
try {
  git("worktree", "add", "--detach", before, flags.before);
  symlinkSync(join(ROOT, "node_modules"), join(before, "node_modules"));
  const file = join(folder, "users.csv");
  await writeRows(file);
  const sides: readonly Side[] = [
    { name: "now", root: ROOT, perSecond: [], serviceMicros: [] },
    { name: flags.before, root: before, perSecond: [], serviceMicros: [] },
  ];
  for (let round = 0; round < Number(flags.rounds); round++) {
    for (const side of sides) await importRows(side, file, join(folder, `${round}-${sides.indexOf(side)}`));
  }
  const [now, then] = sides;
  printTable([
    ["", "rows/s", "CPU us a row of the service"],
    ...sides.map(({ name, perSecond, serviceMicros }) => [name, spread(perSecond, 0), spread(serviceMicros, 1)]),
  ]);
  const ratios = now?.perSecond.map((each, round) => each / (then?.perSecond[round] ?? Number.NaN)) ?? [];
  process.stdout.write(`ratio: ${spread(ratios, 2)}; ${ROWS} rows\n`);
} finally {
  git("worktree", "remove", "--force", before);
  rmSync(folder, { recursive: true });
}

function git(...words: readonly string[]): void {
  const { status } = spawnSync("git", ["-C", ROOT, ...words], { stdio: ["ignore", "ignore", "inherit"] });
  if (status !== 0) throw new Error(`git ${words.join(" ")} ended with ${status}`);
}

async function writeRows(path: string): Promise<void> {
  const stream = createWriteStream(path);
  stream.write("user_id,username,email,display_name\n");
  for (let row = 0; row < ROWS; row++) {
    if (!stream.write(`user-${row},name${row},user${row}@example.com,User ${row}\n`)) await once(stream, "drain");
  }
  stream.end();
  await once(stream, "finish");
}

async function importRows({ root, perSecond, serviceMicros }: Side, file: string, own: string): Promise<void> {
  mkdirSync(own);
  const main = join(root, "src/main.ts");
  const env = { ...process.env, LOCKKEEPER_ADMIN_KEY: ADMIN_KEY, LOCKKEEPER_KEY: ADMIN_KEY, HOME: own };
  const words = ["serve", "--listen=127.0.0.1:0", `--database=sqlite:${join(own, "a.db")}`, "--log-level=info"];
  const service = spawn(process.execPath, [main, ...words], { stdio: ["ignore", "pipe", "ignore"], env });
  try {
    const { url } = await listening(service);
    const cpuBefore = cpuSeconds(service.pid);
    const begin = performance.now();
    const cli = spawn(process.execPath, [main, "users", "import", file, "--server", url, "--quiet"], {
      cwd: own,
      stdio: ["ignore", "ignore", "inherit"],
      env,
    });
    const [code] = (await once(cli, "exit")) as [number | null];
    if (code !== 0) throw new Error(`the import ended with ${code}`);
    perSecond.push(ROWS / ((performance.now() - begin) / 1000));
    serviceMicros.push(((cpuSeconds(service.pid) - cpuBefore) / ROWS) * 1e6);
  } finally {
    service.kill();
    if (service.exitCode === null) await once(service, "exit");
    rmSync(own, { recursive: true });
  }
}
