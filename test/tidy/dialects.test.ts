/** Each dialect can be deleted: without its folder and its line in the wiring the service builds and starts. */
import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { ROOT } from "./support/tree.ts";

const WIRING = "src/dialect/dialects.ts";
const dialects = readdirSync(join(ROOT, "src/dialect"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

/** The repository without these dialects, and without the tests that drive two of them at once. */
function copyWithout(names: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "lockkeeper-without-"));
  for (const name of [
    "src",
    "gen",
    "clients",
    "test",
    "bench",
    "examples",
    "scripts",
    "package.json",
    "tsconfig.json",
  ]) {
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  }
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  for (const name of names) rmSync(join(folder, "src/dialect", name), { recursive: true });
  rmSync(join(folder, "test/dialect"), { recursive: true });
  for (const name of dialects.filter((each) => !names.includes(each))) {
    cpSync(join(ROOT, "test/dialect", name), join(folder, "test/dialect", name), { recursive: true });
  }
  const lines = readFileSync(join(folder, WIRING), "utf8").split("\n");
  const left = lines.filter((line) => !names.some((name) => line.includes(`"./${name}/`)));
  assert.equal(left.length, lines.length - names.length, "one line each");
  writeFileSync(join(folder, WIRING), left.join("\n"));
  return folder;
}

/** Starts the copy and answers what its help-seeking user reads: where it listens, or why it does not. */
async function start(folder: string, args: readonly string[]): Promise<string> {
  const child: ChildProcess = spawn(
    process.execPath,
    ["src/main.ts", "serve", "--listen", "127.0.0.1:0", "--database", `sqlite:${join(folder, "a.db")}`, ...args],
    { cwd: folder, stdio: ["ignore", "pipe", "pipe"] },
  );
  let said = "";
  const listening = new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (text: Buffer) => {
        said += text.toString();
        if (said.includes("listening on")) resolve();
      });
    }
  });
  const exited = once(child, "exit");
  await Promise.race([listening, exited]);
  child.kill();
  await exited;
  return said;
}

describe("dialects", () => {
  for (const names of [...dialects.map((name) => [name]), dialects]) {
    test(`the service builds and starts without ${names.join(" and ")}`, async () => {
      const folder = copyWithout(names);
      try {
        await promisify(execFile)(join(ROOT, "node_modules/.bin/tsc"), ["--noEmit", "-p", folder]);
        assert.match(await start(folder, []), /^listening on http/m);
        for (const name of names) {
          assert.match(await start(folder, ["--dialects", name]), new RegExp(`"${name}" is not served; served are`));
        }
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
});
