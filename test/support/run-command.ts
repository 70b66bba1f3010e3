/** Runs programs for tests: to their end, within a time, with everything they said. */
import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** A program that has not ended by then is killed and the test fails. */
const COMMAND_TIMEOUT_MS = 60_000;

export interface CommandResult {
  /** The exit code, or the signal that ended it. */
  readonly code: number | NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly stdin?: string | Uint8Array;
  readonly environment?: NodeJS.ProcessEnv;
  readonly folder?: string;
  readonly timeoutMs?: number;
  /** Who runs it; absent: who runs the tests. */
  readonly identity?: { readonly uid?: number; readonly gid?: number };
}

/** Runs a program to its end. Rejects when it cannot be started or does not end. */
export function runCommand(
  program: string,
  args: readonly string[],
  { stdin, environment, folder, timeoutMs = COMMAND_TIMEOUT_MS, identity }: CommandOptions = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: environment ?? process.env, cwd: folder, ...identity });
    let stdout = "";
    let stderr = "";
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`${program} ${args.join(" ")} did not end within ${timeoutMs} ms:\n${stdout}${stderr}`));
    }, timeoutMs);
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.once("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ code: code ?? signal, stdout, stderr });
    });
    // A program that does not read its input closes it early; its exit code says what it makes of that.
    child.stdin.on("error", () => undefined);
    child.stdin.end(stdin);
  });
}

/** Returns where a program is on `path` (this process's PATH unless given), or undefined. */
export function findProgram(name: string, path = process.env.PATH ?? ""): string | undefined {
  const folders = path.split(delimiter);
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
