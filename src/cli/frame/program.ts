/** Runs a command line: finds the command, reads its flags, runs it, and returns how it ended. */
import type { DescFile } from "@bufbuild/protobuf";
import { ConfigError } from "../../config.ts";
import { unknownVariables } from "../../environment.ts";
import { readVersion } from "../../version.ts";
import type { Command, CommandContext, CommandSet, Ending, ServiceParts } from "./command.ts";
import { COMPLETION_CALLBACK, offers } from "./completion.ts";
import { confirm } from "./confirm.ts";
import { EXIT, type ExitCode, Failure, usageFailure } from "./failure.ts";
import { readFlags, type Typed } from "./flag.ts";
import { commandHelp, groupHelp, programHelp } from "./help.ts";
import { OUTPUT_FORMS, Output, type OutputForm, ReaderGone } from "./output.ts";
import { parseCommandLine, peekFlag, sharedFlags, type Topic } from "./parse.ts";
import { type Connection, connect } from "./service/connection.ts";
import {
  addressOf,
  CONNECTION_FLAGS,
  ORGANIZATION_FLAGS,
  OUTPUT_FLAGS,
  outputForm,
} from "./service/connection-flags.ts";
import { type Profile, readProfile } from "./service/profile.ts";
import { PROGRAM, type Terminal } from "./terminal.ts";

/** A program: its commands, its terminal and the parts of the service. */
export interface Program {
  readonly set: CommandSet;
  readonly terminal: Terminal;
  readonly parts: ServiceParts;
}

/** Runs one command line. Returns the exit code; `undefined` if the process goes on until a signal ends it. */
export async function runCommandLine(args: readonly string[], program: Program): Promise<ExitCode | undefined> {
  const { set, terminal, parts } = program;
  const output = new Output(peekForm(args), terminal);
  try {
    if (args[0] === COMPLETION_CALLBACK) {
      await output.write(await offers(args.slice(1), set, parts.names));
      return EXIT.OK;
    }
    const parsed = parseCommandLine(args, set);
    if (parsed.kind === "command") return await runCommand(parsed.command, parsed.typed, { ...program, output });
    await output.write(parsed.kind === "version" ? `${readVersion()}\n` : helpText(parsed.topic, set, terminal));
    return EXIT.OK;
  } catch (error) {
    // Nothing failed until then.
    if (error instanceof ReaderGone) return EXIT.OK;
    const failure = error instanceof ConfigError ? usageFailure(error.message) : error;
    if (!(failure instanceof Failure)) {
      const text = await parts.describe(error);
      if (output.json) output.failure(new Failure(EXIT.UNFORESEEN, text.trimEnd()));
      else terminal.stderr.write(text);
      return EXIT.UNFORESEEN;
    }
    output.failure(failure);
    return failure.exitCode;
  }
}

/** Returns the format in which failures are printed, even for a command line that is not valid. */
function peekForm(args: readonly string[]): OutputForm {
  if (peekFlag(args, "json") !== undefined) return "json";
  const typed = peekFlag(args, "output") ?? "";
  return Object.hasOwn(OUTPUT_FORMS, typed) ? (typed as OutputForm) : "table";
}

/** Returns the help about a topic. */
export function helpText({ command, group }: Topic, set: CommandSet, { stdout }: Terminal): string {
  const columns = stdout.isTTY === true ? stdout.columns || undefined : undefined;
  if (command !== undefined) return commandHelp(command, { shared: sharedFlags(command), columns });
  if (group !== undefined) return groupHelp(group, set, columns);
  const shared = { ...CONNECTION_FLAGS, ...ORGANIZATION_FLAGS, ...OUTPUT_FLAGS };
  return programHelp(set, { shared, columns });
}

async function runCommand(
  command: Command,
  typed: Typed,
  { terminal, parts, set }: Program & { readonly output: Output },
): Promise<ExitCode | undefined> {
  const dashed = (name: string): string => `--${name}`;
  const given = {
    ...readFlags(command.words, typed, (name) => `<${name}>`),
    ...readFlags(command.flags, typed, dashed),
  };
  const { yes, ...connectionFlags } = readFlags(CONNECTION_FLAGS, typed, dashed);
  const { organization } = readFlags(ORGANIZATION_FLAGS, typed, dashed);
  const output = new Output(
    usable(() => outputForm(readFlags(OUTPUT_FLAGS, typed, dashed))),
    terminal,
  );
  const { environment } = terminal;
  // A misspelt variable could lead to the wrong service. The service itself logs them.
  if (command.reach !== "none") {
    for (const sentence of unknownVariables(environment)) output.remark(`${PROGRAM}: ${sentence}`);
  }
  const profile = (): Profile | undefined =>
    command.reach === "none" || command.ignoresProfile === true ? undefined : readProfile(environment);
  const address = usable(() => addressOf({ ...connectionFlags, yes }, environment, profile));
  const interrupt = new AbortController();
  const stopListening = command.reach === "none" ? undefined : terminal.onInterrupt(() => interrupt.abort());
  let connection: Connection | undefined;
  const failureOf = async (error: unknown): Promise<Failure> => {
    if (error instanceof Failure) return error;
    // Loaded only for errors of calls.
    if (!(error instanceof Error) || error.name !== "ConnectError") throw error;
    const { callFailure, isCallError } = await import("./service/call-failure.ts");
    if (!isCallError(error)) throw error;
    return callFailure(error, { ...address, typedFor: (field) => typedFor(field, command) });
  };
  const context: CommandContext = {
    output,
    terminal,
    parts,
    set,
    address,
    timeoutMs: connectionFlags.timeout,
    organizationId: organization ?? "",
    signal: interrupt.signal,
    async client(name) {
      const learn = (file: DescFile): void => output.learn(file);
      connection ??= await connect(address, { signal: interrupt.signal, learn, isKeyless: name === "health" });
      return connection.client(name);
    },
    confirm: async (question) => (yes ? undefined : confirm(question, terminal, interrupt.signal)),
    failureOf,
  };
  try {
    const ending = await command.run(given, context);
    if (given["validate-only"] === true) output.remark("checked only; nothing was changed");
    return exitCodeOf(ending);
  } catch (error) {
    // A command that knows the outcome of its changes reports it itself.
    if (interrupt.signal.aborted && !(error instanceof Failure && error.exitCode === EXIT.INTERRUPTED)) {
      throw new Failure(EXIT.INTERRUPTED, "interrupted; it is not known whether a change in progress was applied");
    }
    throw error instanceof ReaderGone ? error : await failureOf(error);
  } finally {
    stopListening?.();
    connection?.close();
  }
}

function exitCodeOf(ending: Ending): ExitCode | undefined {
  if (typeof ending === "number") return ending;
  return ending === "running" ? undefined : ending === "refused" ? EXIT.REFUSED : EXIT.OK;
}

/** Fields that flags name differently, with the possible names. */
const OTHER_NAMES: Readonly<Record<string, readonly string[]>> = {
  "expire-time": ["until", "expires"],
  "start-time": ["start", "from"],
  "end-time": ["until"],
  "organization-id": ["organization", "organizations"],
  "user-id-prefix": ["prefix"],
  "user-id": ["user", "users"],
  "session-id": ["session", "sessions"],
  "api-key-id": ["key", "keys"],
  "default-lock-duration": ["lock-duration"],
  limits: ["attempts"],
  outcomes: ["outcome"],
};

/** Returns the flag or argument for a field of the request; the field itself if there is none. */
function typedFor(field: string, { words, flags, reach }: Command): string {
  const last =
    field
      .replace(/\[.*?\]/g, "")
      .split(".")
      .at(-1) ?? field;
  // Named in protobuf's or in JSON's spelling.
  const own = last.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`).replaceAll("_", "-");
  const shared = reach === "organization" ? ORGANIZATION_FLAGS : {};
  // The place in a JSON object of the caller: `["acme"]["id"]`.
  const place = /(?:\["[^"]*"\](?:\[\d+\])*)+$/.exec(field)?.[0] ?? "";
  for (const name of [own, ...(OTHER_NAMES[own] ?? [])]) {
    if (Object.hasOwn(words, name)) return `<${name}>`;
    if (Object.hasOwn({ ...flags, ...shared }, name)) return `--${name}${place}`;
  }
  return field;
}

function usable<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof Failure ? error : usageFailure(error instanceof Error ? error.message : String(error));
  }
}
