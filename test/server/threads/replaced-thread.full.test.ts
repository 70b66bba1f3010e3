/** A serving thread that ends or cannot serve: what its log says, and what takes its place. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import * as dialects from "../../../src/dialect/dialects.ts";
import { ADMIN_KEY, type Child, clientsOf, spawnService, temporaryFolder } from "../../support/service.ts";
import { until } from "../../support/until.ts";

/** Ends the serving thread that finds the file first, in the turn in which it has logged its next line. */
const CRASH = `import { existsSync, renameSync, rmSync } from "node:fs";
import { registerHooks } from "node:module";
import { isMainThread, workerData } from "node:worker_threads";
const crashed = process.env.CRASH_FILE + "ed";
// The first threads may still load their dialects when the test begins.
const isReplacement = existsSync(crashed);
const done = (act) => {
  try { act(); return true; } catch { return false; }
};
if (!isMainThread && workerData?.times) {
  const later = globalThis.setImmediate;
  globalThis.setImmediate = (act, ...rest) => {
    if (act.name === "flush" && done(() => renameSync(process.env.CRASH_FILE, crashed))) process.nextTick(() => { throw new Error("crashed by the test"); });
    return later(act, ...rest);
  };
  registerHooks({
    resolve(specifier, context, next) {
      const isDialect = specifier === "./mounts.ts" && context.parentURL?.includes("/dialect/");
      if (isDialect && isReplacement && done(() => rmSync(process.env.BREAK_FILE))) throw new Error("broken by the test");
      return next(specifier, context);
    },
  });
}`;

interface Lab {
  readonly service: Child;
  /** Crashes one thread with a call to it. */
  readonly crash: () => Promise<void>;
  /** The dialect of the next thread does not load. */
  readonly breakDialect: () => void;
}

async function open(t: TestContext, ...args: readonly string[]): Promise<Lab> {
  const folder = await temporaryFolder(t);
  const [crashFile, breakFile] = [join(folder, "crash"), join(folder, "break")];
  const service = await spawnService(t, {
    path: join(folder, "lockkeeper.db"),
    arguments: ["--threads", "2", ...args],
    environment: { CRASH_FILE: crashFile, BREAK_FILE: breakFile, LOCKKEEPER_LOG_LEVEL: "info" },
    nodeArguments: ["--import", `data:text/javascript,${encodeURIComponent(CRASH)}`],
  });
  return {
    service,
    crash: async () => {
      writeFileSync(crashFile, "");
      await assert.rejects(clientsOf(service.url, ADMIN_KEY).organizations.listOrganizations({}));
      await until(() => /is replaced.*crashed by the test/.test(service.stderr()), "the end of a thread");
    },
    breakDialect: () => writeFileSync(breakFile, ""),
  };
}

test("a thread that crashes has written what it logged in its last turn", async (t) => {
  const { service, crash } = await open(t);
  await crash();
  assert.match(service.stderr(), /ListOrganizations/);
});

test("a thread that cannot load a dialect which the others have is replaced, and the log says why", async (t) => {
  const { service, crash, breakDialect } = await open(t, "--dialects", Object.keys(dialects).join(","));
  breakDialect();
  await crash();
  await until(() => /was replaced/.test(service.stderr()), "a thread with all dialects");
  assert.match(service.stderr(), /is replaced; .*a dialect cannot be served: .*broken by the test/);
  assert.equal(service.stderr().match(/was replaced/g)?.length, 1);
});
