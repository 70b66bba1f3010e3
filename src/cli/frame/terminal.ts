/** What a command is run on: streams, environment, clock and interrupts, handed in so that tests run commands in process. */
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
  /** Calls back at the first interrupt. The function that it returns ends that. */
  readonly onInterrupt: (listener: () => void) => () => void;
}

export interface OutputStream extends Writable {
  readonly isTTY?: boolean;
  /** How many characters a line of the terminal has; some say that they have none. */
  readonly columns?: number;
}

/** The terminal of this process. */
export function processTerminal(): Terminal {
  return {
    // Opened when a command reads: the service never does.
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

/** Whether text for people may have colours: on a terminal that knows them, unless NO_COLOR says otherwise. */
export function hasColours({ isTTY }: OutputStream, { NO_COLOR, TERM }: Environment): boolean {
  return isTTY === true && (NO_COLOR ?? "") === "" && TERM !== "dumb";
}
