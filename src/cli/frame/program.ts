/** The command line: finds the command, reads what it is given, runs it, and says how it ended. */
import { ConfigError } from "../../config.ts";
import { COMMANDS } from "../commands/commands.ts";
import type { Command, CommandContext, ServiceParts } from "./command.ts";
import { confirm } from "./confirm.ts";
import { EXIT, type ExitCode, Failure, usageFailure } from "./failure.ts";
import { readFlags } from "./flag.ts";
import { Output, ReaderGone } from "./output.ts";
import { parseCommandLine } from "./parse.ts";
import { type Connection, connect } from "./service/connection.ts";
import { addressOf, CONNECTION_FLAGS, ORGANIZATION_FLAGS, OUTPUT_FLAGS } from "./service/connection-flags.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Runs one command line. Answers the exit code; `undefined`: the process goes on until a signal ends it. */
export async function runCommandLine(
  args: readonly string[],
  environment: Environment,
  parts: ServiceParts,
): Promise<ExitCode | undefined> {
  const end = args.indexOf("--");
  const output = new Output((end === -1 ? args : args.slice(0, end)).includes("--json"));
  try {
    const parsed = await parseCommandLine(args, COMMANDS);
    if (parsed.kind === "text") {
      await output.write(parsed.text);
      return EXIT.OK;
    }
    return await runCommand(parsed.command, parsed.typed, { output, environment, parts });
  } catch (error) {
    // Nothing failed up to there.
    if (error instanceof ReaderGone) return EXIT.OK;
    const failure = error instanceof ConfigError ? usageFailure(error.message) : error;
    if (!(failure instanceof Failure)) {
      const text = await parts.describe(error);
      if (output.json) output.failure(new Failure(EXIT.UNFORESEEN, text.trimEnd()));
      else process.stderr.write(text);
      return EXIT.UNFORESEEN;
    }
    output.failure(failure);
    return failure.exitCode;
  }
}

interface Surroundings {
  readonly output: Output;
  readonly environment: Environment;
  readonly parts: ServiceParts;
}

type Typed = Readonly<Record<string, unknown>>;

async function runCommand(
  command: Command,
  typed: Typed,
  { output, environment, parts }: Surroundings,
): Promise<ExitCode | undefined> {
  const given = {
    ...readFlags(command.words, typed, (name) => `<${name}>`),
    ...readFlags(command.flags, typed, (name) => `--${name}`),
  };
  const { yes, ...connectionFlags } = readFlags(CONNECTION_FLAGS, typed, (name) => `--${name}`);
  const { organization = "" } = readFlags(ORGANIZATION_FLAGS, typed, (name) => `--${name}`);
  readFlags(OUTPUT_FLAGS, typed, (name) => `--${name}`);
  const address = usable(() => addressOf({ ...connectionFlags, yes }, environment));
  const interrupt = new AbortController();
  if (command.reach !== "none") process.once("SIGINT", () => interrupt.abort());
  let connection: Connection | undefined;
  const context: CommandContext = {
    output,
    parts,
    environment,
    server: address.server,
    timeoutMs: connectionFlags.timeout,
    organizationId: organization,
    signal: interrupt.signal,
    async client(name) {
      connection ??= await connect(address, {
        key: environment.LOCKKEEPER_KEY,
        signal: interrupt.signal,
        learn: (file) => output.learn(file),
      });
      return connection.client(name);
    },
    confirm: async (question) => (yes ? undefined : confirm(question, interrupt.signal)),
  };
  try {
    const ending = await command.run(given, context);
    return ending === "running" ? undefined : ending === "refused" ? EXIT.REFUSED : EXIT.OK;
  } catch (error) {
    // A command that knows what became of its changes says so itself.
    if (interrupt.signal.aborted && !(error instanceof Failure && error.exitCode === EXIT.INTERRUPTED)) {
      throw new Failure(EXIT.INTERRUPTED, "interrupted; whether a change under way was applied is not known");
    }
    if (connection === undefined) throw error;
    const { callFailure, isCallError } = await import("./service/call-failure.ts");
    throw isCallError(error)
      ? callFailure(error, { ...address, typedFor: (field) => typedFor(field, command) })
      : error;
  } finally {
    connection?.close();
  }
}

/** Fields that are typed under another name, by command one or the other. */
const OTHER_NAMES: Readonly<Record<string, readonly string[]>> = {
  "expire-time": ["until", "expires"],
  "start-time": ["start", "from"],
  "end-time": ["until"],
  "organization-id": ["organization"],
  "user-id-prefix": ["prefix"],
  "user-id": ["user"],
  "session-id": ["session"],
  "api-key-id": ["key"],
  "default-lock-duration": ["lock-duration"],
  limits: ["attempts"],
};

/** The flag or word that a field of the request was typed as; the field itself where there is none. */
function typedFor(field: string, { words, flags, reach }: Command): string {
  const last =
    field
      .replace(/\[.*?\]/g, "")
      .split(".")
      .at(-1) ?? field;
  const own = last.replaceAll("_", "-");
  const shared = reach === "organization" ? ORGANIZATION_FLAGS : {};
  for (const name of [own, ...(OTHER_NAMES[own] ?? [])]) {
    if (Object.hasOwn(words, name)) return `<${name}>`;
    if (Object.hasOwn({ ...flags, ...shared }, name)) return `--${name}`;
  }
  return field;
}

function usable<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw usageFailure(error instanceof Error ? error.message : String(error));
  }
}
