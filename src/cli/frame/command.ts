/** What a command is, and what it is given to run with. */
import type { Client } from "@connectrpc/connect";
import type { Config } from "../../config.ts";
import type { FlagTable, FlagValues } from "./flag.ts";
import type { Output } from "./output.ts";
import type { Services } from "./service/connection.ts";

/** What commands need of the service itself; `main` hands it in, so that nothing here imports the server. */
export interface ServiceParts {
  /** Resolves when the service listens; signals end the process. */
  readonly serve: (config: Config) => Promise<void>;
  /** Makes an owner's key in a database that no service has open. Throws an Error of one plain sentence otherwise. */
  readonly createOwnerKey: (
    path: string,
    displayName: string,
  ) => Promise<{ readonly keyId: string; readonly secret: string }>;
  /** What is told of a fault that no command foresaw: whole lines. */
  readonly describe: (error: unknown) => Promise<string>;
}

/** What a command runs with. */
export interface CommandContext {
  readonly output: Output;
  readonly parts: ServiceParts;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where the service is. */
  readonly server: URL;
  /** Empty: not given. */
  readonly organizationId: string;
  /** As typed; a call without it has the default. */
  readonly timeoutMs: number | undefined;
  /** Ends with an interrupt. */
  readonly signal: AbortSignal;
  /** A client of the running service; the first one reads key and certificates and may throw a Failure. */
  client<K extends keyof Services>(name: K): Promise<Client<Services[K]>>;
  /** Asks before what cannot be undone, unless `--yes` was given. Throws a Failure when it is not to be done. */
  confirm(question: string): Promise<void>;
}

/**
 * Which of the flags that many commands have this one has: `organization` those of the connection and `--organization`,
 * `instance` those of the connection, `none` nothing but `--json`.
 */
export type Reach = "organization" | "instance" | "none";

export interface Definition<W extends FlagTable, F extends FlagTable> {
  /** As typed, for example `users lock`. */
  readonly name: string;
  readonly meaning: string;
  readonly reach: Reach;
  /** The words after the name, in order. Only the last may take many. */
  readonly words: W;
  readonly flags: F;
  /** At least one, without the program's name, with what it does. */
  readonly examples: readonly (readonly [line: string, meaning: string])[];
  /** Stands in place of the help that is made of all this. */
  readonly help?: () => string;
  /** Answers the exit code where it is not 0; `undefined`: done, or (`serve`) running on. */
  readonly run: (given: FlagValues<W> & FlagValues<F>, context: CommandContext) => Promise<Ending>;
}

/** How a command ended; `running`: it did not, and signals will end the process. */
export type Ending = "done" | "refused" | "running";

export type Command = Definition<FlagTable, FlagTable>;

/** Keeps the types of a command's flags between its table and its `run`. */
export function defineCommand<W extends FlagTable, F extends FlagTable>(definition: Definition<W, F>): Command {
  return definition as unknown as Command;
}
