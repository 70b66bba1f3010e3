/** Child processes that write through the store, and their output. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** The path of a script in this folder. */
export function scriptOf(name: string): string {
  return fileURLToPath(new URL(`./${name}`, import.meta.url));
}

export interface Child {
  readonly process: ChildProcess;
  /** Lines of standard output so far. */
  readonly lines: string[];
  /** Resolves when so many lines have come. */
  waitForLines(count: number): Promise<void>;
  /** Resolves when the process is gone and all of its lines have been read. */
  readonly ended: Promise<unknown>;
}

/** `prefix`: a program that runs Node, like strace with its flags. */
export function startChild(script: string, args: readonly string[], prefix: readonly string[] = []): Child {
  const [command = process.execPath, ...rest] = [...prefix, process.execPath, scriptOf(script), ...args];
  const child = spawn(command, rest, { stdio: ["ignore", "pipe", "inherit"] });
  const lines: string[] = [];
  const wakes = new Set<() => void>();
  const reader = createInterface({ input: child.stdout });
  reader.on("line", (line) => {
    lines.push(line);
    for (const wake of wakes) wake();
  });
  const ended = Promise.all([once(child, "exit"), once(reader, "close")]);
  const waitForLines = async (count: number): Promise<void> => {
    await new Promise<void>((resolve, reject) => {
      const wake = (): void => {
        if (lines.length < count) return;
        wakes.delete(wake);
        resolve();
      };
      wakes.add(wake);
      child.once("exit", (code) => reject(new Error(`${script} ended with ${code} after ${lines.length} lines`)));
      wake();
    });
  };
  return { process: child, lines, waitForLines, ended };
}
