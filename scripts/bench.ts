/** `npm run bench -- [NAME | FILTER] [flags]`: runs one benchmark by its name, or all comparisons that match. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

const FOLDER = join(import.meta.dirname, "../bench");
/** The benchmark that compares with other servers; it alone needs them installed. */
const COMPARE = "compare";

const names = readdirSync(FOLDER)
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.slice(0, -".ts".length));
const words = process.argv.slice(2);
if (words.includes("--help")) {
  process.stdout.write("npm run bench -- [NAME | FILTER] [flags]; the flags of each are in its file\n");
  for (const each of names) process.stdout.write(`  ${each.padEnd(14)}${purposeOf(each)}\n`);
  process.exit(0);
}
const [first = ""] = words;
const name = names.includes(first) ? first : COMPARE;
const flags = names.includes(first) ? words.slice(1) : words;
if (name === COMPARE) installPeers();
process.exit(run(process.execPath, [join(FOLDER, `${name}.ts`), ...flags]));

/** Returns the first line of a benchmark's file without its marks. */
function purposeOf(benchmark: string): string {
  const [line = ""] = readFileSync(join(FOLDER, `${benchmark}.ts`), "utf8").split("\n");
  return line.replace(/^\/\*\* | \*\/$/g, "");
}

/** Installs what bench/package-lock.json names, unless it is installed already. */
function installPeers(): void {
  const lock = join(FOLDER, "package-lock.json");
  const installed = join(FOLDER, "node_modules/.package-lock.json");
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  const status = run("npm", ["ci", "--prefix", FOLDER, "--no-audit", "--no-fund"]);
  if (status !== 0) process.exit(status);
}

function run(program: string, args: readonly string[]): number {
  return spawnSync(program, args, { stdio: "inherit" }).status ?? 1;
}
