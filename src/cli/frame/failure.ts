/** Expected failures of commands, and their exit codes. */

/** The exit codes; the tables in docs/cli.md and in `--help` list them. */
export const EXIT = {
  OK: 0,
  UNFORESEEN: 1,
  USAGE: 2,
  NOT_FOUND: 3,
  REFUSED: 4,
  NOT_PERMITTED: 5,
  UNAVAILABLE: 6,
  UNKNOWN_SIGNER: 7,
  INTERRUPTED: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_MEANINGS: readonly (readonly [code: ExitCode, meaning: string])[] = [
  [EXIT.OK, "done"],
  [EXIT.UNFORESEEN, "an unexpected error, in the command or in the service"],
  [EXIT.USAGE, "the command line or a value in it is not allowed"],
  [EXIT.NOT_FOUND, "no such user, session, key or organization"],
  [
    EXIT.REFUSED,
    "refused in the current state, or `signin check` found a user who may not act, or rows of an import failed",
  ],
  [EXIT.NOT_PERMITTED, "no key, a wrong key, or a missing permission"],
  [EXIT.UNAVAILABLE, "the service cannot be reached, is too busy or did not answer in time; try again"],
  [
    EXIT.UNKNOWN_SIGNER,
    "`events verify` found the history as it was written, and a checkpoint of it signed by a key that is not known",
  ],
  [EXIT.INTERRUPTED, "interrupted"],
];

/** The code in google.rpc.Status, under `--json`, of a failure on this side. */
const STATUS_CODES: Readonly<Record<ExitCode, number>> = {
  [EXIT.OK]: 0,
  [EXIT.UNFORESEEN]: 13,
  [EXIT.USAGE]: 3,
  [EXIT.NOT_FOUND]: 5,
  [EXIT.REFUSED]: 9,
  [EXIT.NOT_PERMITTED]: 16,
  [EXIT.UNAVAILABLE]: 14,
  [EXIT.UNKNOWN_SIGNER]: 9,
  [EXIT.INTERRUPTED]: 1,
};

/** google.rpc.Status as JSON. */
export interface StatusJson {
  readonly code: number;
  readonly message: string;
  readonly details: readonly unknown[];
}

/** A failure as one sentence, with further lines if there is more to say. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly exitCode: ExitCode;
  /** Printed below the message, one per line. */
  readonly lines: readonly string[];
  readonly status: StatusJson;

  constructor(
    exitCode: ExitCode,
    message: string,
    { lines = [], status, cause }: { lines?: readonly string[]; status?: StatusJson; cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.exitCode = exitCode;
    this.lines = lines;
    this.status = status ?? { code: STATUS_CODES[exitCode], message, details: [] };
  }
}

/** A command line that is not allowed. */
export function usageFailure(message: string): Failure {
  return new Failure(EXIT.USAGE, message);
}
