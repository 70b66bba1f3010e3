/** Each dialect can be deleted: without its folder and its line in the wiring the service builds and starts. */
import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { importsOf } from "./support/imports.ts";
import { filesBelow, ROOT } from "./support/tree.ts";

const WIRING = "src/dialect/dialects.ts";
/** What the compiler and a start read, apart from node_modules. */
const COPIED = [
  "src",
  "gen",
  "clients",
  "console",
  "test",
  "bench",
  "examples",
  "scripts",
  "package.json",
  "tsconfig.json",
];

const dialects = readdirSync(join(ROOT, "src/dialect"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

/** Copies the repository without these dialects and without all tests of dialects: some drive two at once. */
function copyWithout(names: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "lockkeeper-without-"));
  for (const name of COPIED) cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  rmSync(join(folder, "test/dialect"), { recursive: true });
  for (const name of names) rmSync(join(folder, "src/dialect", name), { recursive: true });
  const lines = readFileSync(join(folder, WIRING), "utf8").split("\n");
  const left = lines.filter((line) => !names.some((name) => line.includes(`"./${name}/`)));
  assert.equal(left.length, lines.length - names.length, "one line each");
  writeFileSync(join(folder, WIRING), left.join("\n"));
  return folder;
}

/** Starts the copy and returns what it prints until it listens or exits. */
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
  test("the service builds and starts without any", async () => {
    const folder = copyWithout(dialects);
    try {
      await promisify(execFile)(join(ROOT, "node_modules/.bin/tsc"), ["--noEmit", "-p", folder]);
      assert.match(await start(folder, []), /^listening on http/m);
      for (const name of dialects) {
        assert.match(
          await start(folder, ["--dialects", name]),
          new RegExp(`"${name}" is not a dialect; the dialects are`),
        );
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  // So what compiles without any compiles without each: only its own files and its line name it.
  for (const name of dialects) {
    test(`nothing but the wiring imports ${name}`, () => {
      const own = new RegExp(`^(?:src|test)/dialect/${name}/`);
      const importers = filesBelow(COPIED.slice(0, -2), ".ts")
        .filter(({ path }) => !own.test(path))
        .filter((file) => importsOf(file).some(({ path }) => own.test(path ?? "")))
        // The tests of several dialects are next to their folders and go when any of them goes.
        .filter(({ path }) => !/^test\/dialect\/[^/]+$/.test(path));
      assert.deepEqual(
        importers.map(({ path }) => path),
        [WIRING],
      );
    });
  }
});
