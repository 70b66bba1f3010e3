/** What a command is, and what it is given to run with. */
import type { Client } from "@connectrpc/connect";
import type { Config } from "../../config.ts";
import type { ExitCode, Failure } from "./failure.ts";
import type { FlagTable, FlagValues, ServiceNames } from "./flag.ts";
import type { Output } from "./output.ts";
import type { Address, Services } from "./service/connection.ts";
import type { Terminal } from "./terminal.ts";

/** What commands need of the service itself; `main` hands it in, so that nothing here imports the server. */
export interface ServiceParts {
  /** Resolves when the service listens; signals end the process. */
  readonly serve: (config: Config) => Promise<void>;
  /** Makes an owner's key in a database that no service has open. Throws an Error of one plain sentence otherwise. */
  readonly createOwnerKey: (
    database: Config["database"],
    displayName: string,
  ) => Promise<{ readonly keyId: string; readonly secret: string }>;
  /** Returns the names that completion offers; loads no more than holds them. */
  readonly names: () => Promise<ServiceNames>;
  /** What is printed of a fault that no command foresaw: whole lines. */
  readonly describe: (error: unknown) => Promise<string>;
}

/** What a command runs with. */
export interface CommandContext {
  readonly output: Output;
  readonly terminal: Terminal;
  readonly parts: ServiceParts;
  /** All commands, for help and completion. */
  readonly set: CommandSet;
  /** The service and what is shown there: flags, else the environment, else the profile, else defaults. */
  readonly address: Address;
  /** Empty: not given. */
  readonly organizationId: string;
  /** As typed; a call without it has the default. */
  readonly timeoutMs: number | undefined;
  /** Aborts at an interrupt. */
  readonly signal: AbortSignal;
  /** Returns a client of the running service; the first one reads key and certificates and may throw a Failure. */
  client<K extends keyof Services>(name: K): Promise<Client<Services[K]>>;
  /** Asks before what cannot be undone, unless `--yes` was given. Throws a Failure when it is not to be done. */
  confirm(question: string): Promise<void>;
  /** Returns the Failure that an error of a call stands for; rethrows what is not an error of a call. */
  failureOf(error: unknown): Promise<Failure>;
}

/**
 * Which of the flags that many commands have this one has: `organization` those of the connection and `--organization`,
 * `instance` those of the connection, `none` nothing but its own.
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
  /** Further tables of the help. */
  readonly notes?: readonly (readonly [title: string, rows: readonly (readonly [name: string, meaning: string])[]])[];
  /** The profile is not read: the command writes it. */
  readonly ignoresProfile?: boolean;
  readonly run: (given: FlagValues<W> & FlagValues<F>, context: CommandContext) => Promise<Ending>;
}

/** How a command ended; `running`: it did not, and signals will end the process. A number is the exit code. */
export type Ending = "done" | "refused" | "running" | ExitCode;

export type Command = Definition<FlagTable, FlagTable>;

/** The commands of a program. */
export interface CommandSet {
  readonly commands: readonly Command[];
  /** What the first word of several commands stands for. */
  readonly groups: Readonly<Record<string, string>>;
}

/** Keeps the types of a command's flags between its table and its `run`. */
export function defineCommand<W extends FlagTable, F extends FlagTable>(definition: Definition<W, F>): Command {
  return definition as unknown as Command;
}
