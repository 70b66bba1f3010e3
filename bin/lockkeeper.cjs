#!/usr/bin/env node
// The command of the package. Its syntax is old enough for any Node: one that is too old for the service starts the Node
// that the package brings.
"use strict";

const { spawn } = require("node:child_process");
const { existsSync } = require("node:fs");
const { constants } = require("node:os");
const { dirname, join } = require("node:path");
const { useCompileCache } = require("./compile-cache.cjs");
const { boundMemory } = require("./memory.cjs");

/** The first release of Node that has everything the service uses (crypto.randomUUIDv7). */
const NEEDED = [24, 16];

if (isNewEnough(process.versions.node)) {
  if (process.argv[2] === "serve") boundMemory();
  useCompileCache();
  // A clone runs its sources, even if it was built once; the package has none.
  void import(existsSync(join(__dirname, "../src/main.ts")) ? "../src/main.ts" : "../dist/main.js");
} else {
  const node = findNode();
  if (node === undefined) {
    process.stderr.write(
      `lockkeeper needs Node ${NEEDED.join(".")} or newer; this is Node ${process.versions.node} (${process.execPath}), and ` +
        "the npm package `node`, which brings a newer one, is not installed. Where install scripts are off, allow that of `node`.\n",
    );
    process.exit(1);
  }
  runWith(node);
}

function isNewEnough(version) {
  const [major, minor] = version.split(".").map(Number);
  return major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1]);
}

/** Returns the file of the Node that the npm package `node` installed, or undefined. */
function findNode() {
  try {
    const folder = dirname(require.resolve("node/package.json"));
    return ["bin/node", "bin/node.exe"].map((name) => join(folder, name)).find(existsSync);
  } catch {
    return undefined;
  }
}

/** Runs this command with another Node in place of this process, or as its child where Node cannot replace itself. */
function runWith(node) {
  const args = [...process.execArgv, ...process.argv.slice(1)];
  if (process.execve !== undefined && process.platform !== "win32") {
    process.execve(node, [node, ...args], process.env);
  }
  const child = spawn(node, args, { stdio: "inherit" });
  // A terminal sends SIGINT to the child too; a second one would end the service without its grace time.
  const isAtTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  for (const signal of ["SIGTERM", "SIGHUP", "SIGINT"]) {
    process.on(signal, () => {
      if (signal !== "SIGINT" || !isAtTerminal) child.kill(signal);
    });
  }
  child.on("error", (error) => {
    process.stderr.write(`lockkeeper cannot start ${node}: ${error.message}\n`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => process.exit(signal === null ? code : 128 + constants.signals[signal]));
}
