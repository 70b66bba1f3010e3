/** `npm start` where the console cannot be built or is not wanted: the service runs, and one line says why. */
import assert from "node:assert/strict";
import { cp, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { npmStart, ROOT } from "../support/npm-start.ts";
import { temporaryFolder } from "../support/service.ts";

/** Copies the repository as it was cloned: nothing is built, and the source of the console has a fault. */
async function brokenClone(t: TestContext): Promise<string> {
  const folder = join(await temporaryFolder(t), "clone");
  await mkdir(folder);
  for (const part of ["package.json", "package-lock.json", "bin", "src", "gen", "scripts"]) {
    await cp(join(ROOT, part), join(folder, part), { recursive: true });
  }
  await cp(join(ROOT, "console/src"), join(folder, "console/src"), { recursive: true });
  await cp(join(ROOT, "console/index.html"), join(folder, "console/index.html"));
  await writeFile(join(folder, "console/src/main.tsx"), "const = 1;\n");
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
  return folder;
}

test("a console that cannot be built is one line, and its address says how it is built", async (t) => {
  const folder = await brokenClone(t);
  const { url, stderr } = await npmStart(t, join(folder, "a.db"), { folder });
  const said = stderr()
    .split("\n")
    .filter((line) => !/ info started /.test(line) && line !== "");
  assert.equal(said.length, 1, said.join("\n"));
  assert.match(
    said[0] ?? "",
    /^the browser console cannot be built here, so the service starts without it: .*main\.tsx/,
  );
  const page = await fetch(`${url}/console/users`);
  assert.deepEqual([page.status, /build-console\.ts/.test(await page.text())], [404, true]);
  assert.equal((await fetch(url, { redirect: "manual" })).headers.get("location"), "/docs");
  assert.equal((await fetch(`${url}/healthz`)).status, 200);
  const off = await npmStart(t, join(folder, "b.db"), { folder, flags: ["--console", "false"] });
  assert.doesNotMatch(off.stderr() + off.printed(), /browser console/);
});
