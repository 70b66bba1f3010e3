/** `npm test`: the ordinary test files a few at a time, and then those that measure time, each alone. */
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";

/** What `npm run check` runs of test/tidy is not run twice. */
const ALL = ["test/*.test.ts", "test/!(tidy)/**/*.test.ts"];
/** A file named so measures time: nothing else may run beside it. */
const TIMING = ".timing.test.ts";
const OPTIONS = ["--test", "--test-timeout=180000"];

/** Whether all of them passed; options of node that the caller gives come last and win. */
function run(files: readonly string[], concurrency: number, options: readonly string[]): boolean {
  if (files.length === 0) return true;
  const line = [...OPTIONS, `--test-concurrency=${concurrency}`, ...options, ...files];
  const environment = { NODE_COMPILE_CACHE: `${process.cwd()}/.cache/node`, ...process.env };
  return spawnSync(process.execPath, line, { stdio: "inherit", env: environment }).status === 0;
}

const given = process.argv.slice(2);
const options = given.filter((word) => word.startsWith("-"));
const named = given.filter((word) => !word.startsWith("-"));
for (const word of named.filter((each) => globSync(each).length === 0)) {
  process.stderr.write(
    `no test file matches ${word}; an option takes its value after =, as in --test-name-pattern=word\n`,
  );
  process.exit(1);
}
const files = globSync(named.length === 0 ? ALL : named).sort();
const ordinary = files.filter((file) => !file.endsWith(TIMING));
const timing = files.filter((file) => file.endsWith(TIMING));
const results = [
  { what: "ordinary", count: ordinary.length, passed: run(ordinary, 3, options) },
  { what: "timing", count: timing.length, passed: run(timing, 1, options) },
];
for (const { what, count, passed } of results) {
  if (count > 0) process.stdout.write(`${what} test files (${count}): ${passed ? "passed" : "FAILED"}\n`);
}
process.exit(results.every(({ passed }) => passed) ? 0 : 1);
