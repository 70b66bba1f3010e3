/** The terminal of a command: streams, environment, clock and interrupts; tests pass their own to run commands in process. */
import type { Readable, Writable } from "node:stream";

export const PROGRAM = "lockkeeper";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Terminal {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly environment: Environment;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Calls the listener at the first interrupt. Returns a function that removes it. */
  readonly onInterrupt: (listener: () => void) => () => void;
}

export interface OutputStream extends Writable {
  readonly isTTY?: boolean;
  /** The characters of a line; some terminals report none. */
  readonly columns?: number;
}

/** Returns the terminal of this process. */
export function processTerminal(): Terminal {
  return {
    // Opened only when a command reads it: the service never does.
    get stdin() {
      return process.stdin;
    },
    stdout: process.stdout,
    stderr: process.stderr,
    environment: process.env,
    now: Date.now,
    onInterrupt(listener) {
      process.once("SIGINT", listener);
      return () => void process.off("SIGINT", listener);
    },
  };
}

/** Whether text for people may have colours: on a terminal that supports them, unless NO_COLOR is set. */
export function hasColours({ isTTY }: OutputStream, { NO_COLOR, TERM }: Environment): boolean {
  return isTTY === true && (NO_COLOR ?? "") === "" && TERM !== "dumb";
}
