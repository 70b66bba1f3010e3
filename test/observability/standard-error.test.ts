/** Standard error: every line arrives, whole and in order, however slowly it is read; a reader that leaves stops nothing. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";

const LINES = 2_000;
const SCRIPT = join(import.meta.dirname, "support/log-lines.ts");

test("a pipe that is full gets the rest later, in order", async () => {
  const child = spawn(process.execPath, [SCRIPT, `${LINES}`], { stdio: ["ignore", "pipe", "pipe"] });
  // Nothing is read until the pipe has been full: the process has begun to write, and it cannot end.
  await once(child.stderr, "readable");
  const [received] = await Promise.all([text(child.stderr), once(child, "exit")]);
  const numbers = received
    .trimEnd()
    .split("\n")
    .map((line) => Number(line.split(" ")[0]));
  assert.deepEqual(
    numbers,
    Array.from({ length: LINES }, (_, index) => index),
  );
});

test("a reader that leaves loses lines and stops nothing", async () => {
  const child = spawn(process.execPath, [SCRIPT, `${LINES}`], { stdio: ["ignore", "pipe", "pipe"] });
  child.stderr.destroy();
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);
  assert.equal(printed, "done\n");
  assert.equal(code, 0);
});
