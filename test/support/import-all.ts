/** Runs test files once more, in another setting. */
import { globSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { SCALE } from "./scale.ts";

const ROOT = join(import.meta.dirname, "../..");

/**
 * Imports the test files of `npm test` that match, below the root of the repository. Those that match one of `soakOnly`
 * are left to `npm run soak`: what they hold does not depend on the setting.
 */
export async function importAll(pattern: string, soakOnly: readonly string[] = []): Promise<void> {
  const matching = (each: string): readonly string[] => globSync(each, { cwd: ROOT });
  const left = new Set(SCALE === "soak" ? [] : soakOnly.flatMap(matching));
  const files = matching(pattern).filter((file) => !/\.(?:full|timing)\.test\.ts$/.test(file) && !left.has(file));
  if (files.length === 0) throw new Error(`no test file matches ${pattern}`);
  for (const file of files.sort()) await import(pathToFileURL(join(ROOT, file)).href);
}
