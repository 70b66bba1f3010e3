/** `npm run bench -- [NAME | FILTER] [flags]`: runs one benchmark by its name, or all comparisons that match. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

const FOLDER = join(import.meta.dirname, "../bench");
/** The benchmark that runs where no other is named. */
const COMPARE = "compare";
/** The folders of the servers that a benchmark compares with. No other benchmark needs them installed. */
const PEERS: Readonly<Record<string, string>> = { [COMPARE]: FOLDER, "better-auth": join(FOLDER, "peers/better-auth") };

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
const peers = PEERS[name];
if (peers !== undefined) installPeers(peers);
process.exit(run(process.execPath, [join(FOLDER, `${name}.ts`), ...flags]));

/** Returns the first line of a benchmark's file without its marks. */
function purposeOf(benchmark: string): string {
  const [line = ""] = readFileSync(join(FOLDER, `${benchmark}.ts`), "utf8").split("\n");
  return line.replace(/^\/\*\* | \*\/$/g, "");
}

/** Installs what the package-lock.json in the folder names, unless it is installed already. */
function installPeers(folder: string): void {
  const lock = join(folder, "package-lock.json");
  const installed = join(folder, "node_modules/.package-lock.json");
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  const status = run("npm", ["ci", "--prefix", folder, "--no-audit", "--no-fund"]);
  if (status !== 0) process.exit(status);
}

function run(program: string, args: readonly string[]): number {
  return spawnSync(program, args, { stdio: "inherit" }).status ?? 1;
}
