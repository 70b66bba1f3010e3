/** The command under a Node that is too old: it starts the one of the package, or says what it needs. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../support/npm-start.ts";
import { runCommand } from "../support/run-command.ts";
import { temporaryFolder } from "../support/service.ts";

test("a Node that is too old starts the Node that the package brings, signals included", async (t) => {
  const folder = await temporaryFolder(t);
  const shim = await copyShim(folder);
  await mkdir(join(folder, "dist"), { recursive: true });
  await mkdir(join(folder, "node_modules/node/bin"), { recursive: true });
  await writeFile(join(folder, "node_modules/node/package.json"), '{"name":"node"}');
  await symlink(process.execPath, join(folder, "node_modules/node/bin/node"));
  const main = `import { argv, execArgv } from "node:process";
if (argv[2] === "wait") {
  process.on("SIGTERM", () => process.exit(7));
  setInterval(() => {}, 1000);
}
console.log(JSON.stringify([argv.slice(2), execArgv]));`;
  await writeFile(join(folder, "dist/main.js"), main);
  await writeFile(join(folder, "package.json"), '{"type":"module"}');
  // Only the first Node sees the old version: the one it starts has no such option.
  const older = ["--require", join(folder, "older.cjs")];
  for (const execve of [true, false]) {
    await writeFile(join(folder, "older.cjs"), olderNode("24.15.3", execve, join(folder, "once")));
    await rm(join(folder, "once"), { force: true });
    const ran = await runCommand(process.execPath, [...older, shim, "users", "list"]);
    assert.deepEqual(ran, { code: 0, stdout: `${JSON.stringify([["users", "list"], older])}\n`, stderr: "" });
    await rm(join(folder, "once"), { force: true });
    const child = spawn(process.execPath, [...older, shim, "wait"], { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    child.kill("SIGTERM");
    assert.deepEqual(await once(child, "exit"), [7, null]);
  }
});

test("a Node that is too old, without one that is newer, is refused in a sentence", async (t) => {
  const folder = await temporaryFolder(t);
  const shim = await copyShim(folder);
  await writeFile(join(folder, "older.cjs"), olderNode("24.15.3", false, join(folder, "once")));
  const { code, stderr } = await runCommand(process.execPath, ["--require", join(folder, "older.cjs"), shim, "serve"]);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^lockkeeper needs Node 24\.16 or newer; this is Node 24\.15\.3 \(.*\), and the npm package `node`/,
  );
  assert.doesNotMatch(stderr, /\n./);
  assert.match(await readFile(shim, "utf8"), /^#!\/usr\/bin\/env node\n/);
});

/** A module that makes the first Node which loads it say that it is older; `once` is the file that it leaves. */
function olderNode(version: string, execve: boolean, once: string): string {
  return `const { existsSync, writeFileSync } = require("node:fs");
if (!existsSync(${JSON.stringify(once)})) {
  writeFileSync(${JSON.stringify(once)}, "");
  Object.defineProperty(process.versions, "node", { value: ${JSON.stringify(version)} });
  if (!${execve}) process.execve = undefined;
}`;
}

async function copyShim(folder: string): Promise<string> {
  await cp(join(ROOT, "bin"), join(folder, "bin"), { recursive: true });
  return join(folder, "bin/lockkeeper.cjs");
}
