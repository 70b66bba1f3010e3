/** Everything CI runs but the tests, in CI's order: format, lint, types, contract, generated code, tidy. */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";

interface Step {
  readonly name: string;
  readonly run: () => boolean;
}

const steps: readonly Step[] = [
  { name: "format and lint", run: () => command("biome", ["check", "--error-on-warnings", "."]) },
  { name: "types", run: () => command("tsc", ["--noEmit", "-p", "."]) && command("tsc", ["-p", "console"]) },
  { name: "contract format", run: () => command("buf", ["format", "--diff", "--exit-code", "proto"]) },
  { name: "contract lint", run: () => command("buf", ["lint"]) },
  { name: "contract is compatible with the last release", run: isCompatible },
  { name: "generated code is current", run: isGeneratedCodeCurrent },
  { name: "tidy", run: () => command("node", ["scripts/test.ts", "test/tidy"]) },
];

function command(program: string, args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: "inherit" }).status === 0;
}

/** Generates into a temporary folder and compares, so that a stale tree is reported and left unchanged. */
function isGeneratedCodeCurrent(): boolean {
  const folder = mkdtempSync(join(tmpdir(), "lockkeeper-gen-"));
  try {
    if (!command("buf", ["generate", "--output", folder])) return false;
    const stale = differences("gen", join(folder, "gen"));
    for (const file of stale) {
      process.stderr.write(`gen/${file} is not what buf generate makes; run npm run generate\n`);
    }
    return stale.length === 0;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function differences(present: string, expected: string): readonly string[] {
  const all = new Set([...files(present), ...files(expected)]);
  return [...all].filter((file) => !isSame(join(present, file), join(expected, file))).sort();
}

function isSame(a: string, b: string): boolean {
  return existsSync(a) && existsSync(b) && readFileSync(a).equals(readFileSync(b));
}

function files(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((file) => join(folder, file))
    .filter((file) => statSync(file).isFile())
    .map((file) => relative(folder, file));
}

/** Compares with the newest tag `v…`; before the first release there is nothing to break. */
function isCompatible(): boolean {
  const tag = spawnSync("git", ["describe", "--tags", "--abbrev=0", "--match", "v*"], { encoding: "utf8" });
  if (tag.status !== 0) {
    process.stdout.write("there is no release yet, so there is nothing to be compatible with\n");
    return true;
  }
  // The earlier contract needs the same foreign modules, which are not in git: it is put next to today's.
  const folder = mkdtempSync(join(tmpdir(), "lockkeeper-breaking-"));
  try {
    const release = tag.stdout.trim();
    const archive = spawnSync("sh", ["-c", 'git archive "$0" proto buf.yaml | tar -x -C "$1"', release, folder]);
    if (archive.status !== 0) return false;
    cpSync("node_modules/google-gax/build/protos", join(folder, "node_modules/google-gax/build/protos"), {
      recursive: true,
    });
    cpSync("node_modules/@grpc/reflection/build/proto", join(folder, "node_modules/@grpc/reflection/build/proto"), {
      recursive: true,
    });
    return command("buf", ["breaking", "--against", folder]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

for (const { name, run } of steps) {
  process.stdout.write(`── ${name}\n`);
  if (!run()) {
    process.stderr.write(`check failed: ${name}\n`);
    process.exit(1);
  }
}
