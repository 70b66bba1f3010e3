/** A service loads only the engine that it uses, and the console only if it serves it. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { spawnService, temporaryFolder } from "../support/service.ts";

test("a service on a file loads nothing of PostgreSQL, and without the console nothing of that", async (t) => {
  const folder = await temporaryFolder(t);
  const hook = join(folder, "hook.mjs");
  // What CommonJS packages load shows in the path of the package, which a module of ours imports.
  writeFileSync(
    hook,
    `import { registerHooks } from "node:module";
    registerHooks({ load(url, context, next) { process.stderr.write(url + "\\n"); return next(url, context); } });`,
  );
  const nodeArguments = ["--import", pathToFileURL(hook).href];
  const environment = { LOCKKEEPER_CONSOLE: "false" };
  const { stderr } = await spawnService(t, { path: join(folder, "a.db"), nodeArguments, environment });
  const loaded = stderr().split("\n");
  assert.ok(loaded.some((url) => url.endsWith("/src/store/sqlite/sqlite-store.ts")));
  assert.deepEqual(
    loaded.filter((url) => /\/store\/postgres\/|\/node_modules\/pg|\/pages\/console/.test(url)),
    [],
  );
});
