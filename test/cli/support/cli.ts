/** Runs the command line as a person does: a process of its own, against a service. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT, strangersEnvironment } from "../../support/npm-start.ts";
import { type CommandResult, runCommand } from "../../support/run-command.ts";
import { ADMIN_KEY } from "../../support/service.ts";

export const MAIN = join(ROOT, "src/main.ts");

/** What Node compiled of our sources is kept while a test file runs: it halves the start of each process. */
const CACHE = mkdtempSync(join(tmpdir(), "lockkeeper-test-cli-"));
process.once("exit", () => rmSync(CACHE, { recursive: true, force: true }));

export type Run = (line: string | readonly string[], environment?: NodeJS.ProcessEnv) => Promise<CommandResult>;

/** A stranger's shell that knows the service and its owner's key. */
export function cliEnvironment(url: string, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return strangersEnvironment({
    NODE_COMPILE_CACHE: CACHE,
    LOCKKEEPER_SERVER: url,
    LOCKKEEPER_KEY: ADMIN_KEY,
    ...more,
  });
}

/** A command line whose words are separated by single spaces, or given one by one. */
export function cliOf(url: string): Run {
  return (line, environment = {}) =>
    runCommand(process.execPath, [MAIN, ...(typeof line === "string" ? line.split(" ") : line)], {
      environment: cliEnvironment(url, environment),
      timeoutMs: 30_000,
    });
}

/** What a command that ended well printed. */
export async function printed(running: Promise<CommandResult>): Promise<string> {
  const { code, stdout, stderr } = await running;
  assert.equal(stderr, "");
  assert.equal(code, 0);
  return stdout;
}

/** The JSON objects, one a line, of a command that ended well. */
export async function jsonOf<T>(running: Promise<CommandResult>): Promise<readonly T[]> {
  const text = await printed(running);
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as T);
}

/** A refusal: nothing on standard output, sentences on standard error. */
export async function assertRefused(
  running: Promise<CommandResult>,
  wanted: { code: number; says: RegExp },
): Promise<void> {
  const { code, stdout, stderr } = await running;
  assert.equal(stdout, "");
  assert.match(stderr, /^lockkeeper: [^\n]+\n(?: {2}[^\n]+\n)*$/);
  assert.match(stderr, wanted.says);
  assert.equal(code, wanted.code, stderr);
}
