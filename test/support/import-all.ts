/** Runs test files once more, in another setting. */
import { globSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const ROOT = join(import.meta.dirname, "../..");

/** Imports the test files of `npm test` that match, below the root of the repository. */
export async function importAll(pattern: string): Promise<void> {
  const files = globSync(pattern, { cwd: ROOT }).filter((file) => !/\.(?:full|timing)\.test\.ts$/.test(file));
  if (files.length === 0) throw new Error(`no test file matches ${pattern}`);
  for (const file of files.sort()) await import(pathToFileURL(join(ROOT, file)).href);
}
