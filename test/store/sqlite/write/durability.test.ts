/** Durability, by the system calls: no OK leaves before an fsync of the WAL that follows the batch's last write. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { pathToFileURL } from "node:url";
import { scaled } from "../../../support/scale.ts";
import { scriptOf, startChild } from "../../support/child.ts";
import { makeFolder } from "../../support/sqlite-fixture.ts";
import { countAnswers, findEarlyAnswers, parseStrace } from "../../support/strace-log.ts";

const GROUPS = scaled({ quick: 8, soak: 200 });
/** A writer that was made wrong on purpose shows it soon, and does not last. */
const WRONG_GROUPS = 8;
const PER_GROUP = 8;

/** Why system calls cannot be traced here; `false`: they can. */
const untraceable =
  spawnSync("strace", ["-o", "/dev/null", "true"]).status === 0 ? false : "strace is not installed or may not trace";

async function trace(test: TestContext, mutation?: string): Promise<ReturnType<typeof parseStrace>> {
  const folder = makeFolder(test);
  const log = join(folder, "strace.log");
  // What Node has compiled is of the right sources: a child with wrong ones keeps away from it.
  const flags =
    mutation === undefined
      ? []
      : ["-E", "NODE_COMPILE_CACHE", "-E", `NODE_OPTIONS=--import=${pathToFileURL(scriptOf(mutation)).href}`];
  const strace = [
    "strace",
    "-f",
    "-y",
    "-s",
    "8192",
    "-e",
    "trace=pwrite64,fsync,fdatasync,write",
    ...flags,
    "-o",
    log,
  ];
  const groups = mutation === undefined ? GROUPS : WRONG_GROUPS;
  const child = startChild("answering-child.ts", [join(folder, "lockkeeper.db"), `${groups}`], strace);
  await child.ended;
  assert.equal(child.lines.length, groups * PER_GROUP, "every command was answered");
  const calls = parseStrace(readFileSync(log, "latin1"));
  assert.equal(countAnswers(calls), groups * PER_GROUP, "every answer was traced");
  return calls;
}

describe("durability", { skip: untraceable }, () => {
  it("lets no OK leave before its commit is on disk", async (t) => {
    assert.deepEqual(findEarlyAnswers(await trace(t)), []);
  });

  it("is found missing with synchronous=NORMAL", async (t) => {
    assert.equal(findEarlyAnswers(await trace(t, "mutation-normal.ts")).length, WRONG_GROUPS * PER_GROUP);
  });

  it("is found missing when commands are answered before COMMIT", async (t) => {
    assert.equal(findEarlyAnswers(await trace(t, "mutation-early.ts")).length, WRONG_GROUPS * PER_GROUP);
  });
});
