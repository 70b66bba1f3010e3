/** Small file systems for tests that need a full or a read-only disk. */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { atEnd, makeFolder } from "./sqlite-fixture.ts";

/** A file system of the test's own; where mounting is not allowed the test is skipped and says so. */
export function mountTmpfs(t: TestContext, options: string): string | undefined {
  const folder = join(makeFolder(t), "mount");
  mkdirSync(folder);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder], { stdio: "ignore" });
  } catch {
    t.skip("mounting a file system is not allowed here");
    return undefined;
  }
  atEnd(t, () => execFileSync("umount", ["-l", folder]));
  return folder;
}
