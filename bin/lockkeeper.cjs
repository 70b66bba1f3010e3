#!/usr/bin/env node
// The command of the package. Old enough in its words that a Node which cannot run the service can still say so.
"use strict";

/** The first release of Node that has all the service uses (crypto.randomUUIDv7). */
const NEEDED = [24, 16];

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1])) {
  process.stderr.write(
    `lockkeeper needs Node ${NEEDED.join(".")} or newer; this is Node ${process.versions.node} (${process.execPath}). ` +
      "npx lockkeeper runs it with the Node that was installed beside it.\n",
  );
  process.exit(1);
}
void import("../dist/src/main.js");
