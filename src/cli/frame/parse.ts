/** From the words of a command line to a command and what was typed for it; yargs reads, lays out help and completes. */
import type { Argv, Options } from "yargs";
import { readVersion } from "../../version.ts";
import { GROUPS } from "../commands/commands.ts";
import type { Command, Reach } from "./command.ts";
import { EXIT_MEANINGS, usageFailure } from "./failure.ts";
import type { FlagTable } from "./flag.ts";
import { CONNECTION_FLAGS, ORGANIZATION_FLAGS, OUTPUT_FLAGS } from "./service/connection-flags.ts";

export type Parsed =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "command"; readonly command: Command; readonly typed: Readonly<Record<string, unknown>> };

const PROGRAM = "lockkeeper";
const HELP_COLUMNS_MAX = 110;
/** What the scripts of yargs call to learn what could come next. */
const COMPLETION_FLAG = "--get-yargs-completions";

const SHARED_FLAGS: FlagTable = { ...CONNECTION_FLAGS, ...ORGANIZATION_FLAGS, ...OUTPUT_FLAGS };

const TAKEN_BY_REACH: Readonly<Record<Reach, readonly string[]>> = {
  organization: Object.keys(SHARED_FLAGS),
  instance: Object.keys({ ...CONNECTION_FLAGS, ...OUTPUT_FLAGS }),
  none: [],
};

/** Goes through yargs in place of a lone `-`, which it takes for nothing. */
const DASH_STAND_IN = "\u0001-";

/** What yargs itself puts among the flags. */
const SWITCHES_OF_YARGS = ["help", "version"];
const OF_YARGS = ["_", "$0", ...SWITCHES_OF_YARGS];

/** Throws a usage Failure for a command or flag that does not exist. */
export async function parseCommandLine(args: readonly string[], commands: readonly Command[]): Promise<Parsed> {
  const { default: yargs } = await import("yargs");
  let found: { readonly command: Command; readonly typed: Readonly<Record<string, unknown>> } | undefined;
  const isCompletion = args[0] === COMPLETION_FLAG;
  const program = build(yargs([...args]), commands, {
    // Offered, but not judged by yargs: several may be given by commas, and our refusals are alike everywhere.
    withChoices: isCompletion,
    found: (command, typed) => {
      found = { command, typed: withDashes(typed) };
    },
  });
  if (isCompletion) {
    // Prints by itself: with a callback yargs loses what the commands of a group offer.
    await program.parseAsync([...args]);
    return { kind: "text", text: "" };
  }
  let printed = "";
  const words = args.map((arg) => (arg === "-" ? DASH_STAND_IN : arg));
  const argv = await program.parseAsync(words, {}, (_error, _argv, output) => {
    printed = output;
  });
  if (found === undefined) {
    // Help, version or completions: yargs has said what there is to say.
    const named = commands.find(({ name }) => name === argv._.join(" "));
    const text =
      argv.help === true && named?.help !== undefined ? ownHelp(named, named.help) : inOurForm(printed, commands);
    if (text !== "") return { kind: "text", text: text.endsWith("\n") ? text : `${text}\n` };
    throw unknownCommand(argv._.map(String), commands);
  }
  const typed = withWords(found.command, found.typed);
  refuseStrangers(found.command, typed, args);
  return { kind: "command", command: found.command, typed };
}

/** The lone dashes that were typed, put back. */
function withDashes(typed: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const back = (value: unknown): unknown =>
    Array.isArray(value) ? value.map(back) : value === DASH_STAND_IN ? "-" : value;
  return Object.fromEntries(Object.entries(typed).map(([name, value]) => [name, back(value)]));
}

interface Building {
  readonly withChoices: boolean;
  readonly found: (command: Command, typed: Readonly<Record<string, unknown>>) => void;
}

function build(base: Argv, commands: readonly Command[], building: Building): Argv {
  const groups = new Set(commands.map(({ name }) => name.split(" ")[0] ?? name));
  const program = base
    .scriptName(PROGRAM)
    .usage("$0 <command> [flags]\n\nLocks, unlocks and bans user accounts: the service, and the commands to run it.")
    .detectLocale(false)
    .exitProcess(false)
    .showHelpOnFail(false)
    .parserConfiguration({
      "parse-numbers": false,
      "parse-positional-numbers": false,
      "dot-notation": false,
      "camel-case-expansion": false,
      "boolean-negation": false,
    })
    .fail((message, error) => {
      throw error !== undefined && error.name !== "YError" ? error : usageFailure(inOurWords(message));
    })
    .help("help", "say what there is, with examples")
    .version("version", "say which version this is", readVersion())
    .options(optionsOf(SHARED_FLAGS, building))
    .group(Object.keys(SHARED_FLAGS), "Connection and output:")
    .epilogue(epilogue())
    .wrap(Math.min(HELP_COLUMNS_MAX, process.stdout.columns ?? HELP_COLUMNS_MAX));
  for (const group of groups) {
    const members = commands.filter(({ name }) => name === group || name.startsWith(`${group} `));
    const [first] = members;
    if (first !== undefined && first.name === group) addCommand(program, first, { word: group, ...building });
    else
      program.command(group, GROUPS[group] ?? "", (inner) => {
        inner.usage(`$0 ${group} <command> [flags]\n\n${sentence(GROUPS[group] ?? "")}`).epilogue("");
        for (const each of members) addCommand(inner, each, { word: each.name.slice(group.length + 1), ...building });
        return inner;
      });
  }
  return program;
}

function addCommand(
  parent: Argv,
  command: Command,
  { word, withChoices, found }: Building & { readonly word: string },
): void {
  const { name, meaning, words, flags, examples, reach } = command;
  parent.command(
    [word, ...placesOf(words)].join(" "),
    meaning,
    (inner) => {
      inner
        .usage(`${[`$0 ${name}`, ...shownWords(command), "[flags]"].join(" ")}\n\n${sentence(meaning)}`)
        .epilogue("");
      for (const [key, { meaning: describe, choices }] of Object.entries(words)) {
        const offered = withChoices && choices !== undefined ? { choices } : {};
        inner.positional(key, { describe, type: "string", ...offered });
      }
      inner.options(optionsOf(flags, { withChoices })).group(Object.keys(flags), "Flags:");
      for (const flag of Object.keys(SHARED_FLAGS)) if (!TAKEN_BY_REACH[reach].includes(flag)) inner.hide(flag);
      for (const [line, what] of examples) inner.example(`$0 ${line}`, what);
      return inner;
    },
    (typed) => found(command, typed),
  );
}

function optionsOf(flags: FlagTable, { withChoices }: Pick<Building, "withChoices">): Record<string, Options> {
  return Object.fromEntries(
    Object.entries(flags).map(([name, { takes, placeholder, meaning, choices }]) => {
      if (takes === "nothing") return [name, { type: "boolean", describe: meaning, default: undefined }];
      const offered = withChoices && choices !== undefined ? { choices: [...choices] } : {};
      return [name, { type: "string", describe: `${placeholder}: ${meaning}`, requiresArg: true, ...offered }];
    }),
  );
}

/** Words behind `--`, which yargs leaves where they are. */
function withWords(
  { name, words }: Command,
  typed: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const depth = name.split(" ").length;
  const all = (typed._ as readonly unknown[]).map(String);
  const rest = all.slice(depth);
  const filled: Record<string, unknown> = { ...typed };
  for (const [key, { takes }] of Object.entries(words)) {
    if (takes === "many") filled[key] = [...((filled[key] as readonly unknown[] | undefined) ?? []), ...rest.splice(0)];
    else filled[key] ??= rest.shift();
  }
  return { ...filled, _: [...all.slice(0, depth), ...rest] };
}

/** What is no flag of the command, a word too many, or a value for what takes none. */
function refuseStrangers(command: Command, typed: Readonly<Record<string, unknown>>, args: readonly string[]): void {
  const { name, words, flags, reach } = command;
  const hint = `try: ${PROGRAM} ${name} --help`;
  const own = [...Object.keys(words), ...Object.keys(flags), ...TAKEN_BY_REACH[reach], ...OF_YARGS];
  const stranger = Object.entries(typed).find(([key, given]) => given !== undefined && !own.includes(key))?.[0];
  if (stranger !== undefined) {
    const dashed = `${stranger.length === 1 ? "-" : "--"}${stranger}`;
    throw usageFailure(`${name} has no flag ${dashed}; ${hint}`);
  }
  const extra = (typed._ as readonly unknown[])[name.split(" ").length];
  if (extra !== undefined) throw usageFailure(`${name} takes no word ${JSON.stringify(extra)}; ${hint}`);
  const all: FlagTable = { ...SHARED_FLAGS, ...flags };
  const switches = [...SWITCHES_OF_YARGS, ...Object.keys(all).filter((key) => all[key]?.takes === "nothing")];
  const end = args.indexOf("--");
  for (const arg of end === -1 ? args : args.slice(0, end)) {
    const [flag = "", given] = arg.split("=", 2);
    if (given !== undefined && flag.startsWith("--") && switches.includes(flag.slice(2))) {
      throw usageFailure(`${flag} takes no value`);
    }
  }
}

function unknownCommand(words: readonly string[], commands: readonly Command[]): Error {
  const typed = words.join(" ");
  const inGroup = Object.hasOwn(GROUPS, words[0] ?? "") ? words[0] : undefined;
  const names = commands.map(({ name }) => name).filter((name) => inGroup === undefined || name.startsWith(inGroup));
  const firsts = inGroup === undefined ? [...new Set(names.map((name) => name.split(" ")[0]))] : names;
  const what =
    words.length === 0 || typed === inGroup ? "a command is missing" : `${JSON.stringify(typed)} is not a command`;
  return usageFailure(
    `${what}; there are ${firsts.join(", ")}; try: ${[PROGRAM, inGroup, "--help"].filter(Boolean).join(" ")}`,
  );
}

/** yargs' own sentences, as we say them. */
function inOurWords(message: string): string {
  const missing = /^Not enough arguments following: (\S+)$/.exec(message)?.[1];
  if (missing !== undefined) return `--${missing} needs a value`;
  return message.replace(/\s*\n\s*/g, " ");
}

function epilogue(): string {
  return ["Exit codes:", ...EXIT_MEANINGS.map(([code, meaning]) => `  ${String(code).padEnd(5)}${meaning}`)].join("\n");
}

/** That a flag's value is text is no news, and a word that must be there stands in angle brackets. */
function inOurForm(help: string, commands: readonly Command[]): string {
  const untyped = help.replace(/[ \n]+\[(?:string|boolean|array)\](?=\n|$)/g, "");
  return commands.reduce((text, command) => {
    const bracketed = placesOf(command.words).map((place) => ` ${place}`);
    return text.replaceAll(
      `${command.name}${bracketed.join("")}  `,
      `${[command.name, ...shownWords(command)].join(" ")}  `,
    );
  }, untyped);
}

/** What a command says of itself, with examples as every help has them. */
function ownHelp({ examples }: Command, help: () => string): string {
  const lines = examples.map(([line, meaning]) => `  ${PROGRAM} ${line}\n      ${meaning}`);
  return [help().trimEnd(), "", "Examples:", ...lines].join("\n");
}

/** As yargs reads them: it is not told which must be there, as it counts none behind `--`. */
function placesOf(words: FlagTable): readonly string[] {
  return Object.entries(words).map(([key, { takes }]) => (takes === "many" ? `[${key}..]` : `[${key}]`));
}

function shownWords({ words }: Command): readonly string[] {
  return Object.entries(words).map(([key, { takes, required }]) => {
    const shown = takes === "many" ? `${key}..` : key;
    return required ? `<${shown}>` : `[${shown}]`;
  });
}

function sentence(meaning: string): string {
  return `${meaning.charAt(0).toUpperCase()}${meaning.slice(1)}.`;
}
