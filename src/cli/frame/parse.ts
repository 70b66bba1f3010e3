/** Finds the command of a command line and what was typed for it; Node's parseArgs separates flags from words. */
import { parseArgs } from "node:util";
import { findClosestName } from "../../transcoding/closest-name.ts";
import type { Command, CommandSet } from "./command.ts";
import { usageFailure } from "./failure.ts";
import { type Flag, type FlagTable, short, type Typed, toggle } from "./flag.ts";
import { CONNECTION_FLAGS, ORGANIZATION_FLAGS, OUTPUT_FLAGS } from "./service/connection-flags.ts";
import { PROGRAM } from "./terminal.ts";

export type Parsed =
  | { readonly kind: "help"; readonly topic: Topic }
  | { readonly kind: "version" }
  | { readonly kind: "command"; readonly command: Command; readonly typed: Typed };

/** The subject of help: one command, the commands of a group, or all commands. */
export interface Topic {
  readonly command?: Command;
  readonly group?: string;
}

/** The flags of every command line. */
export const GLOBAL_FLAGS = {
  help: short("h", toggle("show this help")),
  version: short("V", toggle("show the version")),
} satisfies FlagTable;

const SHARED_FLAGS: FlagTable = { ...CONNECTION_FLAGS, ...ORGANIZATION_FLAGS, ...OUTPUT_FLAGS, ...GLOBAL_FLAGS };

/** Returns the flags that a command shares with others. */
export function sharedFlags({ reach }: Command): FlagTable {
  if (reach === "none") return {};
  return { ...CONNECTION_FLAGS, ...(reach === "organization" ? ORGANIZATION_FLAGS : {}), ...OUTPUT_FLAGS };
}

/** Returns every flag of a command, by name. */
export function flagsOf(command: Command): FlagTable {
  return { ...GLOBAL_FLAGS, ...sharedFlags(command), ...command.flags };
}

/** Parses a command line. Throws a usage Failure for an unknown command, flag or argument. */
export function parseCommandLine(args: readonly string[], set: CommandSet): Parsed {
  const tokens = tokensOf(args, SHARED_FLAGS);
  const words = tokens.flatMap((token) => (token.kind === "positional" ? [token.value] : []));
  const isGiven = (name: keyof typeof GLOBAL_FLAGS): boolean =>
    tokens.some(
      (token) => token.kind === "option" && token.name === name && typedValue(GLOBAL_FLAGS[name], token) !== "",
    );
  const command = findCommand(words, set);
  if (isGiven("help") || args.length === 0) return { kind: "help", topic: topicOf(words, set) };
  if (isGiven("version")) return { kind: "version" };
  if (command !== undefined) return { kind: "command", command, typed: typedFor(command, args, set) };
  const strange = tokens.find((token) => token.kind === "option" && !Object.hasOwn(SHARED_FLAGS, token.name));
  if (words.length === 0 && strange?.kind === "option") throw unknownFlag({ name: "" }, GLOBAL_FLAGS, strange.rawName);
  if (words.length === args.length && isGroup(words, set)) return { kind: "help", topic: topicOf(words, set) };
  throw unknownCommand(words, set);
}

/** Returns the command or the group that words name; without words, all commands. Throws a usage Failure otherwise. */
export function topicOf(words: readonly string[], set: CommandSet): Topic {
  const command = findCommand(words, set);
  if (command !== undefined) return { command };
  if (words.length === 0) return {};
  if (isGroup(words, set)) return { group: words[0] ?? "" };
  throw unknownCommand(words, set);
}

function isGroup(words: readonly string[], { groups }: CommandSet): boolean {
  return words.length === 1 && Object.hasOwn(groups, words[0] ?? "");
}

/** Returns the value of the last flag with a name, even if the rest of the command line is not valid. */
export function peekFlag(args: readonly string[], name: keyof typeof OUTPUT_FLAGS): string | undefined {
  const found = tokensOf(args, SHARED_FLAGS).findLast((token) => token.kind === "option" && token.name === name);
  return found?.kind === "option" ? (found.value ?? "") : undefined;
}

export type Token =
  | ({ readonly kind: "option"; readonly name: string; readonly rawName: string } & OptionValue)
  | { readonly kind: "positional"; readonly value: string }
  | { readonly kind: "option-terminator" };

interface OptionValue {
  readonly value?: string | undefined;
  /** Whether the value follows `=`. */
  readonly inlineValue?: boolean | undefined;
}

/** Splits a command line; flags that are not in the table count as switches. */
export function tokensOf(args: readonly string[], flags: FlagTable): readonly Token[] {
  const options = Object.entries(flags).map(([name, { takes, short: letter }]) => [
    name,
    { type: takes === "nothing" ? "boolean" : "string", ...(letter === undefined ? {} : { short: letter }) } as const,
  ]);
  const config = { options: Object.fromEntries(options), strict: false, allowPositionals: true, tokens: true } as const;
  return parseArgs({ ...config, args: [...args] }).tokens;
}

/** Returns the command whose name the words begin with. */
export function findCommand(words: readonly string[], { commands }: CommandSet): Command | undefined {
  return commands.find(({ name }) => name.split(" ").every((word, index) => words[index] === word));
}

function typedFor(command: Command, args: readonly string[], set: CommandSet): Typed {
  const flags = flagsOf(command);
  const typed: Record<string, string[]> = {};
  const words: string[] = [];
  for (const token of tokensOf(args, flags)) {
    if (token.kind === "positional") words.push(token.value);
    if (token.kind !== "option") continue;
    const flag = Object.hasOwn(flags, token.name) ? flags[token.name] : undefined;
    if (flag === undefined) throw unknownFlag(command, flags, token.rawName);
    typed[token.name] = [...(typed[token.name] ?? []), typedValue(flag, token)];
  }
  // The value of a flag before the command is not a word of its name.
  if (findCommand(words, set) !== command) throw unknownCommand(words, set);
  return { ...typed, ...typedWords(command, words.slice(command.name.split(" ").length)) };
}

function typedWords({ name, words }: Command, given: readonly string[]): Typed {
  const rest = [...given];
  const typed = Object.entries(words).map(([key, { takes }]) => [
    key,
    rest.splice(0, takes === "many" ? rest.length : 1),
  ]);
  if (rest.length > 0) {
    throw usageFailure(`${name} does not take the argument ${JSON.stringify(rest[0])}; ${tryHelp(name)}`);
  }
  return Object.fromEntries(typed);
}

function typedValue(
  flag: Flag<unknown>,
  { rawName, value, inlineValue }: OptionValue & { readonly rawName: string },
): string {
  if (flag.takes === "nothing") {
    if (value !== undefined) throw usageFailure(`${rawName} takes no value`);
    return "given";
  }
  if (value === undefined) throw usageFailure(`${rawName} needs a value`);
  // A word that looks like the next flag is not a value.
  if (inlineValue !== true && value.startsWith("-") && value !== "-") {
    throw usageFailure(
      `${rawName} needs a value; write one that begins with a hyphen after =, as in ${rawName}=${value}`,
    );
  }
  return value;
}

function unknownFlag({ name }: Pick<Command, "name">, flags: FlagTable, rawName: string): Error {
  const names = Object.keys(flags);
  const meant = rawName.startsWith("--")
    ? meantFlags(rawName.slice(2), names)
    : names.filter((each) => flags[each]?.short?.toLowerCase() === rawName.slice(1).toLowerCase());
  const question = meant.length === 0 ? ";" : `; did you mean ${meant.map((each) => `--${each}`).join(" or ")}?`;
  return usageFailure(`${name === "" ? PROGRAM : name} has no flag ${rawName}${question} ${tryHelp(name)}`);
}

/** Returns the names that begin with what was typed; without one, the name that was misspelt. */
function meantFlags(typed: string, names: readonly string[]): readonly string[] {
  const beginning = typed.length < SHORTENED_CHARS_MIN ? `${typed}-` : typed;
  const begun = names.filter((each) => each.startsWith(beginning));
  if (begun.length > 0) return begun;
  const closest = findClosestName(typed, names);
  return closest === undefined ? [] : [closest];
}

function unknownCommand(words: readonly string[], set: CommandSet): Error {
  const { commands, groups } = set;
  const [first = "", second] = words;
  const group = Object.hasOwn(groups, first) ? first : undefined;
  const within = commands.map(({ name }) => name).filter((name) => group === undefined || name.startsWith(`${group} `));
  const offered = group === undefined ? [...new Set(within.map((name) => name.split(" ")[0] ?? ""))] : within;
  const hint = tryHelp(group ?? "");
  if (words.length === 0 || (group !== undefined && second === undefined)) {
    return usageFailure(`a command is missing; the commands are ${offered.join(", ")}; ${hint}`);
  }
  const typed = words.slice(0, 2).join(" ");
  // `lock ann` is as likely as `users lcok ann`.
  const verbs = group === undefined ? within.filter((name) => name.includes(" ")) : [];
  const withVerb = (verb: string | undefined): string | undefined => verbs.find((name) => name.endsWith(` ${verb}`));
  const closest =
    withVerb(first) ??
    findClosestName(group === undefined ? first : typed, offered) ??
    withVerb(findClosestName(first, new Set(verbs.map((name) => name.split(" ")[1] ?? "")))) ??
    (first.length >= SHORTENED_CHARS_MIN && group === undefined
      ? offered.find((name) => isShortened(first, name))
      : undefined);
  const said = JSON.stringify(group === undefined ? first : typed);
  return usageFailure(
    closest === undefined
      ? `${said} is not a command; the commands are ${offered.join(", ")}; ${hint}`
      : `${said} is not a command; did you mean ${closest}? ${hint}`,
  );
}

/** Fewer letters occur in too many names. */
const SHORTENED_CHARS_MIN = 3;

/** Whether a word is a name with letters left out, as `usr` for `users`. */
function isShortened(word: string, name: string): boolean {
  let at = 0;
  for (const letter of name) if (letter === word[at]) at++;
  return at === word.length;
}

function tryHelp(name: string): string {
  return `try: ${[PROGRAM, name, "--help"].filter((word) => word !== "").join(" ")}`;
}
