/** What a command is, and the context in which it runs. */
import type { Client } from "@connectrpc/connect";
import type { Config } from "../../config.ts";
import type { ExitCode, Failure } from "./failure.ts";
import type { FlagTable, FlagValues, ServiceNames } from "./flag.ts";
import type { Output } from "./output.ts";
import type { Address, Services } from "./service/connection.ts";
import type { Terminal } from "./terminal.ts";

/** What a key file has that is not secret. */
export interface KeyFileView {
  readonly instance: string;
  /** The one that signs first, then those that signed before. */
  readonly verifierKeys: readonly string[];
}

/** The parts of the service itself that commands need; `main` passes them, so that nothing here imports the server. */
export interface ServiceParts {
  /** Resolves when the service listens; signals end the process. */
  readonly serve: (config: Config) => Promise<void>;
  /** Creates an owner key in the database of a stopped service. Throws an Error of one plain sentence on failure. */
  readonly createOwnerKey: (
    database: Config["database"],
    displayName: string,
  ) => Promise<{ readonly keyId: string; readonly secret: string }>;
  /** Makes the key file of a database; `earlier`: verifier keys to know. Throws an Error of one plain sentence on failure. */
  readonly makeKeyFile: (
    file: string,
    database: Config["database"],
    earlier: readonly string[],
  ) => Promise<KeyFileView>;
  /** Replaces the signing key of a key file. Throws an Error of one plain sentence on failure. */
  readonly renewKeyFile: (file: string, earlier: readonly string[]) => Promise<KeyFileView>;
  /** Reads what is not secret in a key file. Throws an Error of one plain sentence on failure. */
  readonly readKeyFile: (file: string) => Promise<KeyFileView>;
  /** Returns the names that completion offers; loads no more than holds them. */
  readonly names: () => Promise<ServiceNames>;
  /** Returns the lines to print for an unexpected error. */
  readonly describe: (error: unknown) => Promise<string>;
}

/** The context in which a command runs. */
export interface CommandContext {
  readonly output: Output;
  readonly terminal: Terminal;
  readonly parts: ServiceParts;
  /** All commands, for help and completion. */
  readonly set: CommandSet;
  /** The service and the credentials for it: flags > environment > profile > defaults. */
  readonly address: Address;
  /** Empty if not given. */
  readonly organizationId: string;
  /** As typed; calls use the default without it. */
  readonly timeoutMs: number | undefined;
  /** Aborts at an interrupt. */
  readonly signal: AbortSignal;
  /** Returns a client of the running service; the first one reads key and certificates and may throw a Failure. */
  client<K extends keyof Services>(name: K): Promise<Client<Services[K]>>;
  /** Asks before an action that cannot be undone, unless `--yes` was given. Throws a Failure for any answer but yes. */
  confirm(question: string): Promise<void>;
  /** Returns the Failure for an error of a call; rethrows any other error. */
  failureOf(error: unknown): Promise<Failure>;
}

/**
 * The shared flags of a command: `organization` has those of the connection and `--organization`, `instance` those of the
 * connection, `none` only its own.
 */
export type Reach = "organization" | "instance" | "none";

export interface Definition<W extends FlagTable, F extends FlagTable> {
  /** As typed, for example `users lock`. */
  readonly name: string;
  readonly meaning: string;
  readonly reach: Reach;
  /** The arguments after the name, in order. Only the last may take many. */
  readonly words: W;
  readonly flags: F;
  /** At least one, without the program's name, with its effect. */
  readonly examples: readonly (readonly [line: string, meaning: string])[];
  /** Further tables of the help. */
  readonly notes?: readonly (readonly [title: string, rows: readonly (readonly [name: string, meaning: string])[]])[];
  /** Set for a command that writes the profile, so that it is not read before. */
  readonly ignoresProfile?: boolean;
  readonly run: (given: FlagValues<W> & FlagValues<F>, context: CommandContext) => Promise<Ending>;
}

/** How a command ended. `running`: it goes on until a signal ends the process. A number is the exit code. */
export type Ending = "done" | "refused" | "running" | ExitCode;

export type Command = Definition<FlagTable, FlagTable>;

/** The commands of a program. */
export interface CommandSet {
  readonly commands: readonly Command[];
  /** The meaning of the first word of several commands. */
  readonly groups: Readonly<Record<string, string>>;
}

/** Keeps the types of a command's flags between its table and its `run`. */
export function defineCommand<W extends FlagTable, F extends FlagTable>(definition: Definition<W, F>): Command {
  return definition as unknown as Command;
}
