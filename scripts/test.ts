/**
 * `npm test`: the test files that a change is tried with. `--all`: every one, at the size that CI has.
 *
 * `*.full.test.ts` are too expensive for each change, `*.timing.test.ts` measure time, so that nothing else may run:
 * both are left to `--all`. Files that are named run whatever they are called.
 */
import { spawn } from "node:child_process";
import { chmodSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync, statfsSync, statSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { buildConsole, isConsoleStale } from "./build-console.ts";

/** What `npm run check` runs of test/tidy is not run twice. */
const ALL = ["test/*.test.ts", "test/!(tidy)/**/*.test.ts"];
const TIMING = ".timing.test.ts";
const FULL = ".full.test.ts";

/** Folders whose files share one process: each process costs as much as many tests. The longest come first. */
const TOGETHER = [
  "test/store",
  "test/service",
  "test/dialect/zitadel",
  "test/dialect/clerk",
  "test/cli",
  "test/transport",
  "test/openapi",
  "test/domain",
  "test/transcoding",
  "test/auth",
  "test/tidy",
];

/** A test that hangs ends after 3 minutes; a process that does not end after its last test is killed after 15. */
const OPTIONS = ["--test", "--test-isolation=none", "--test-timeout=180000"];
const JOB_MS_MAX = 15 * 60_000;
const FAILURE_LINES_MAX = 60;

/** Memory as a file system, on Linux, and how many bytes of it must be free. */
const MEMORY = "/dev/shm";
const MEMORY_BYTES_MIN = 4 * 2 ** 30;

interface Job {
  readonly name: string;
  readonly files: string[];
}

interface Outcome {
  readonly job: Job;
  readonly passed: boolean;
  /** In the lines of the TAP that tell of them. */
  readonly tests: number;
  readonly skips: readonly string[];
  /** What the last lines repeat of a failure, so that nobody has to search a long log for it; empty if it was shown there. */
  readonly failure: string;
}

/**
 * Returns a folder for the files of all tests, gone with this process: in memory, where there is room. A disk makes and
 * removes thousands of databases slowly (of the processor time of a new schema of PostgreSQL, ext4 alone takes half),
 * and makes each commit wait. What a kill leaves is the same; what a power failure leaves, no test here can see. The
 * soak stays on the disk.
 */
function makeTemporaryFolder(): string {
  const { TEST_SCALE, TMPDIR } = process.env;
  if (TMPDIR !== undefined || TEST_SCALE === "soak" || !existsSync(MEMORY)) return tmpdir();
  const { bavail, bsize } = statfsSync(MEMORY);
  if (bavail * bsize < MEMORY_BYTES_MIN) return tmpdir();
  const folder = mkdtempSync(join(MEMORY, "lockkeeper-tests-"));
  // PostgreSQL runs as another user.
  chmodSync(folder, 0o711);
  process.once("exit", () => {
    try {
      rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
    } catch {
      // A server that its watchdog has not ended yet still writes; the watchdog removes what is its own.
    }
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
  return folder;
}

function jobsOf(files: readonly string[]): readonly Job[] {
  const jobs = new Map<string, Job>(TOGETHER.map((name) => [name, { name, files: [] }]));
  for (const file of files) {
    const name = TOGETHER.find((folder) => file.startsWith(`${folder}/`) && !file.endsWith(TIMING)) ?? file;
    if (!jobs.has(name)) jobs.set(name, { name, files: [] });
    jobs.get(name)?.files.push(file);
  }
  return [...jobs.values()].filter((job) => job.files.length > 0);
}

/** Runs a job; what it prints is shown at once if it is the only one, else only if it fails. */
async function run(job: Job, options: readonly string[], isOnly: boolean): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), "lockkeeper-tap-"));
  try {
    const tap = join(folder, "tap");
    const reporters = ["--test-reporter=spec", "--test-reporter-destination=stdout"];
    const taps = ["--test-reporter=tap", `--test-reporter-destination=${tap}`];
    const child = spawn(process.execPath, [...OPTIONS, ...reporters, ...taps, ...options, ...job.files], {
      stdio: ["ignore", isOnly ? "inherit" : "pipe", isOnly ? "inherit" : "pipe"],
      timeout: process.env.TEST_SCALE === "soak" ? 0 : JOB_MS_MAX,
      env: {
        NODE_COMPILE_CACHE: `${process.cwd()}/.cache/node`,
        TEST_SCALE: isAll ? "full" : "quick",
        TMPDIR: temporaryFolder,
        ...process.env,
      },
    });
    const printed: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (piece: Buffer) => printed.push(piece));
    let cost = "";
    child.once("exit", () => {
      cost = costText(takeCpuSeconds());
    });
    const code = await new Promise((resolve) => child.once("close", resolve));
    // A process that a test ends, or that is killed, leaves none.
    const lines = existsSync(tap) ? readFileSync(tap, "utf8").split("\n") : [];
    const tests = Number(/^# tests (\d+)$/.exec(lines.find((line) => line.startsWith("# tests ")) ?? "")?.[1] ?? 0);
    const skips = lines.filter((line) => /^\s*(?:not )?ok .* # (?:SKIP|TODO)/.test(line)).map((line) => line.trim());
    const passed = code === 0 && tests > 0;
    const text = passed ? "" : Buffer.concat(printed).toString();
    process.stdout.write(text);
    process.stdout.write(`${passed ? "✔" : "✖"} ${job.name} (${job.files.length} files, ${tests} tests${cost})\n`);
    for (const skip of skips) process.stdout.write(`  ${skip}\n`);
    return { job, passed, tests, skips, failure: endOf(text) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Returns what the reporter says at its end of the tests that failed; of a job that broke off, its last lines. */
function endOf(text: string): string {
  const lines = text.trim().split("\n");
  const at = lines.findIndex((line) => line.includes("✖ failing tests:"));
  return lines.slice(...(at < 0 ? [-FAILURE_LINES_MAX] : [at + 1, at + 1 + FAILURE_LINES_MAX])).join("\n");
}

/** Runs so many jobs at a time. */
async function runAll(jobs: readonly Job[], concurrency: number): Promise<readonly Outcome[]> {
  const waiting = [...jobs];
  const outcomes: Outcome[] = [];
  const lane = async (): Promise<void> => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
      outcomes.push(await run(job, options, isSingle));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
  return outcomes;
}

/** The processor time of everything that was run, in seconds; `undefined` where the system does not say. */
function childrenCpuSeconds(): number | undefined {
  if (process.platform !== "linux") return undefined;
  const fields = readFileSync("/proc/self/stat", "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  // Fields 16 and 17 of proc(5), in hundredths of a second; the first of what is left is field 3.
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

let takenSeconds = 0;

/** The processor time of what has ended since the last call: its time counts from the moment at which it is reaped. */
function takeCpuSeconds(): number | undefined {
  const seconds = childrenCpuSeconds();
  if (seconds === undefined) return undefined;
  const taken = seconds - takenSeconds;
  takenSeconds = seconds;
  return taken;
}

function costText(seconds: number | undefined): string {
  return seconds === undefined ? "" : `, ${Math.round(seconds)} s of processor time`;
}

const temporaryFolder = makeTemporaryFolder();
const given = process.argv.slice(2);
const isAll = given.includes("--all");
const options = given.filter((word) => word.startsWith("-") && word !== "--all");
/** A folder that is named stands for the test files below it. */
const named = given
  .filter((word) => !word.startsWith("-"))
  .map((word) => (statSync(word, { throwIfNoEntry: false })?.isDirectory() ? join(word, "**/*.test.ts") : word));
for (const word of named.filter((each) => globSync(each).length === 0)) {
  process.stderr.write(
    `no test file matches ${word}; an option takes its value after =, as in --test-name-pattern=word\n`,
  );
  process.exit(1);
}
const files = globSync(named.length === 0 ? ALL : named).sort();
const left = files.filter((file) => named.length === 0 && !isAll && (file.endsWith(FULL) || file.endsWith(TIMING)));
const chosen = files.filter((file) => !left.includes(file));
const ordinary = jobsOf(chosen.filter((file) => !file.endsWith(TIMING)));
const timing = jobsOf(chosen.filter((file) => file.endsWith(TIMING)));
const isSingle = ordinary.length + timing.length === 1;
// Here, because jobs that run at once would all build it.
if (chosen.some((file) => /\bconsole\b/.test(file)) && isConsoleStale()) await buildConsole();
const outcomes = [...(await runAll(ordinary, availableParallelism() + 1)), ...(await runAll(timing, 1))];

const failed = outcomes.filter(({ passed }) => !passed);
const skips = outcomes.flatMap((outcome) => outcome.skips);
const isSkipAFailure = process.env.TEST_SKIPS === "fail" && skips.length > 0;
const tests = outcomes.reduce((sum, outcome) => sum + outcome.tests, 0);
process.stdout.write(
  `${chosen.length} files, ${tests} tests${costText(childrenCpuSeconds())}; ${skips.length} skipped\n`,
);
for (const { job, failure } of failed) if (failure !== "") process.stdout.write(`\n${job.name}:\n${failure}\n`);
for (const { job } of failed) process.stdout.write(`FAILED: ${job.name}\n`);
if (isSkipAFailure) process.stdout.write("FAILED: a test was skipped, and TEST_SKIPS=fail is set\n");
if (left.length > 0) process.stdout.write(`left to npm run test:all (${left.length}): ${left.join(" ")}\n`);
process.exit(failed.length > 0 || isSkipAFailure ? 1 : 0);
