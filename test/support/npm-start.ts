/** Starts the service as a stranger does: `npm start` in the repository, with the machine's own Node in front. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { delimiter, join } from "node:path";
import type { TestContext } from "node:test";
import { findProgram } from "./run-command.ts";

export const ROOT = join(import.meta.dirname, "../..");

const START_TIMEOUT_MS = 30_000;

/** The environment of a shell in which nobody has set anything of lockkeeper's or of this repository's. */
export function strangersEnvironment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(?:LOCKKEEPER_|npm_|NODE_|KEY$)/i.test(name));
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => !folder.includes("node_modules"));
  return {
    ...Object.fromEntries(inherited),
    PATH: folders.join(delimiter),
    // Whether there is a newer npm is not asked of the network.
    npm_config_update_notifier: "false",
    ...more,
  };
}

/** Returns the Node that this machine's PATH has besides ours, or else ours. */
export function strangersNode(): string {
  return findProgram("node", strangersEnvironment().PATH) ?? process.execPath;
}

export interface NpmStart {
  readonly process: ChildProcessWithoutNullStreams;
  readonly url: string;
  /** What the service printed; npm's own lines are left out. */
  readonly printed: () => string;
  readonly stderr: () => string;
  /** Ends everything that was started, gracefully; resolves when all output is closed. */
  readonly stop: () => Promise<void>;
}

export interface NpmStartOptions {
  /** Absent: as of `strangersEnvironment`. */
  readonly environment?: NodeJS.ProcessEnv;
  readonly flags?: readonly string[];
  /** Of the repository; absent: this one. */
  readonly folder?: string;
}

/** Resolves when the service listens and has said all that it says at start. */
export async function npmStart(
  t: TestContext,
  database: string,
  { environment, flags = [], folder = ROOT }: NpmStartOptions = {},
): Promise<NpmStart> {
  const args = ["start", "--", "--listen", "127.0.0.1:0", "--database", `sqlite:${database}`, ...flags];
  // A group of its own, so that what npm starts can be told to end, too.
  const child = spawn("npm", args, { cwd: folder, detached: true, env: environment ?? strangersEnvironment() });
  const signal = (name: NodeJS.Signals): void => {
    try {
      process.kill(-(child.pid ?? 0), name);
    } catch {
      // There is nobody left.
    }
  };
  t.after(() => signal("SIGKILL"));
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8");
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const url = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no start:\n${stdout}${stderr}`)), START_TIMEOUT_MS);
    child.stdout.on("data", (text: string) => {
      stdout += text;
      const found = /^listening on (\S+)\n/m.exec(stdout)?.[1];
      if (found === undefined) return;
      clearTimeout(timer);
      // What is printed with it comes in the same or the next piece.
      setTimeout(resolve, 100, found);
    });
    child.once("error", reject);
    child.once("close", (code) => reject(new Error(`npm start ended with ${code}:\n${stdout}${stderr}`)));
  });
  return {
    process: child,
    url,
    printed: () => stdout.replace(/^(?:\n|> .*\n)+/, ""),
    stderr: () => stderr,
    stop: async () => {
      const closed = once(child, "close");
      signal("SIGTERM");
      await closed;
    },
  };
}
