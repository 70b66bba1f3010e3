/** Runs the command line: in process on a terminal of its own, or as a person does, a process of its own. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable, Writable } from "node:stream";
import { COMMAND_SET } from "../../../src/cli/commands/commands.ts";
import { runCommandLine } from "../../../src/cli/frame/program.ts";
import type { Terminal } from "../../../src/cli/frame/terminal.ts";
import { SERVICE_PARTS } from "../../../src/server/service-parts.ts";
import { ROOT, strangersEnvironment } from "../../support/npm-start.ts";
import { type CommandResult, runCommand } from "../../support/run-command.ts";
import { ADMIN_KEY } from "../../support/service.ts";

export const MAIN = join(ROOT, "src/main.ts");

/** What Node compiled of our sources is kept while a test file runs: it halves the start of each process. */
const CACHE = mkdtempSync(join(tmpdir(), "lockkeeper-test-cli-"));
process.once("exit", () => rmSync(CACHE, { recursive: true, force: true }));

export type Run = (line: string | readonly string[], environment?: NodeJS.ProcessEnv) => Promise<CommandResult>;

/** A stranger's shell that knows the service and its owner's key, and has no profile. */
export function cliEnvironment(url: string, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return strangersEnvironment({
    NODE_COMPILE_CACHE: CACHE,
    LOCKKEEPER_PROFILE: join(CACHE, "no-profile.json"),
    LOCKKEEPER_SERVER: url,
    LOCKKEEPER_KEY: ADMIN_KEY,
    ...more,
  });
}

export interface TestTerminalOptions {
  readonly environment: NodeJS.ProcessEnv;
  readonly stdin?: string;
  /** How wide the terminal is that a person sits at; absent: nobody does. */
  readonly columns?: number;
  /** Called with what was written on standard error, piece by piece. */
  readonly onStderr?: (piece: string, terminal: TestTerminal) => void;
  /** Takes the place of standard output. */
  readonly stdout?: Writable;
}

/** A terminal whose output is kept. */
export class TestTerminal implements Terminal {
  readonly environment: NodeJS.ProcessEnv;
  readonly stdin: Terminal["stdin"];
  readonly stdout: Terminal["stdout"];
  readonly stderr: Terminal["stderr"];
  readonly now: () => number = Date.now;
  readonly #written: { stdout: string; stderr: string } = { stdout: "", stderr: "" };
  readonly #interrupts = new Set<() => void>();

  constructor({ environment, stdin = "", columns, onStderr, stdout }: TestTerminalOptions) {
    this.environment = environment;
    const onTerminal = columns === undefined ? {} : { isTTY: true, columns };
    const typing = new PassThrough();
    this.stdin = Object.assign(columns === undefined ? Readable.from([Buffer.from(stdin)]) : typing, onTerminal);
    this.stdout = Object.assign(stdout ?? this.#keeping("stdout", () => undefined), onTerminal);
    this.stderr = Object.assign(
      this.#keeping("stderr", (piece) => onStderr?.(piece, this)),
      onTerminal,
    );
  }

  #keeping(name: "stdout" | "stderr", kept: (piece: string) => void): Writable {
    return new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        this.#written[name] += chunk.toString();
        kept(chunk.toString());
        done();
      },
    });
  }

  get written(): { readonly stdout: string; readonly stderr: string } {
    return this.#written;
  }

  /** Types at the terminal. */
  type(text: string): void {
    (this.stdin as PassThrough).write(text);
  }

  interrupt(): void {
    for (const listener of this.#interrupts) listener();
  }

  onInterrupt(listener: () => void): () => void {
    this.#interrupts.add(listener);
    return () => void this.#interrupts.delete(listener);
  }
}

/** Runs a command line in process. */
export async function runOn(terminal: TestTerminal, args: readonly string[]): Promise<CommandResult> {
  const code = await runCommandLine(args, { set: COMMAND_SET, terminal, parts: SERVICE_PARTS });
  return { code: code ?? null, ...terminal.written };
}

function wordsOf(line: string | readonly string[]): readonly string[] {
  return typeof line === "string" ? line.split(" ") : line;
}

/** A command line whose words are separated by single spaces, or given one by one; run in process. */
export function cliOf(url: string): Run {
  return (line, environment = {}) =>
    runOn(new TestTerminal({ environment: cliEnvironment(url, environment) }), wordsOf(line));
}

/** As `cliOf`, with text on standard input. */
export function pipedTo(url: string, stdin: string, line: string): Promise<CommandResult> {
  return runOn(new TestTerminal({ environment: cliEnvironment(url), stdin }), wordsOf(line));
}

/** As `cliOf`, as a process of its own. */
export function processOf(url: string): Run {
  return (line, environment = {}) =>
    runCommand(process.execPath, [MAIN, ...wordsOf(line)], {
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
