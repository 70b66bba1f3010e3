/** Starts the service that a benchmark measures, in a process of its own: the bench takes no time from its thread. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";

/** The owner's key of every service that a benchmark starts. */
export const ADMIN_KEY = "an-owner-key-for-benchmarks-0123456789abcdef";

/** On a free port; `args` are more flags. */
export function startService(database: string, args: readonly string[] = []): ChildProcess {
  const words = ["src/main.ts", "serve", "--listen", "127.0.0.1:0", "--database", `sqlite:${database}`];
  return spawn(process.execPath, [...words, "--log-level", "error", ...args], {
    cwd: join(import.meta.dirname, "../.."),
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, LOCKKEEPER_ADMIN_KEY: ADMIN_KEY },
  });
}

/** Where it listens and what it has printed, as soon as it listens. Rejects when it ends before. */
export function listening(service: ChildProcess): Promise<{ readonly url: string; readonly said: string }> {
  let said = "";
  return new Promise((resolve, reject) => {
    service.once("exit", (code) => reject(new Error(`the service ended with ${code}:\n${said}`)));
    service.stdout?.on("data", (text: Buffer) => {
      said += text.toString();
      const url = /^listening on (\S+)$/m.exec(said)?.[1];
      if (url !== undefined) resolve({ url, said });
    });
  });
}
