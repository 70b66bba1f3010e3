/** Offers what can come next in a command line: commands, flags, their values and files. */
import type { Command, CommandSet } from "./command.ts";
import type { Flag, FlagTable, ServiceNames } from "./flag.ts";
import { findCommand, flagsOf, tokensOf } from "./parse.ts";

/** The command that the shells' scripts call, followed by the words so far; the last word is the one under the cursor. */
export const COMPLETION_CALLBACK = "__complete";

/** Printed instead of offers where a file belongs. */
const FILES = ":files";

type Offer = readonly [value: string, meaning: string];

/** Returns the lines to offer: the value, a tab, its meaning. */
export async function offers(
  words: readonly string[],
  set: CommandSet,
  names: () => Promise<ServiceNames>,
): Promise<string> {
  const found = await offersFor(words, set, names);
  if (found === FILES) return `${FILES}\n`;
  const partial = partialOf(words);
  return found
    .filter(([value]) => value.startsWith(partial))
    .map(([value, meaning]) => `${value}\t${meaning}\n`)
    .join("");
}

/** Returns the word under the cursor; bash splits `=` into a word of its own. */
function partialOf(words: readonly string[]): string {
  const last = words.at(-1) ?? "";
  return last === "=" ? "" : last;
}

async function offersFor(
  words: readonly string[],
  set: CommandSet,
  names: () => Promise<ServiceNames>,
): Promise<readonly Offer[] | typeof FILES> {
  const partial = partialOf(words);
  const before = words.slice(0, -1);
  const command = findCommand(positionals(before, {}), set);
  const flags = command === undefined ? {} : flagsOf(command);
  const beforeValue = words.at(-1) === "=" ? before : before.at(-1) === "=" ? before.slice(0, -1) : before;
  const inline = /^(--[^=]+)=(.*)$/s.exec(partial);
  const flag = flagNamed(inline?.[1] ?? beforeValue.at(-1) ?? "", flags);
  if (flag !== undefined && flag.takes !== "nothing") {
    const choices = flag.named === undefined ? (flag.choices ?? []) : (await names())[flag.named];
    return valueOffers({ ...flag, choices }, inline?.[2] ?? partial, inline === null ? "" : `${inline[1]}=`);
  }
  if (partial.startsWith("-")) return Object.entries(flags).map(([name, { meaning }]) => [`--${name}`, meaning]);
  if (command?.name === "help") return nextWords(positionals(before, {}).slice(1), set);
  if (command === undefined) return nextWords(positionals(before, {}), set);
  return wordOffers(command, positionals(before, flags).length - command.name.split(" ").length);
}

function positionals(words: readonly string[], flags: FlagTable): readonly string[] {
  return tokensOf(words, flags).flatMap((token) => (token.kind === "positional" ? [token.value] : []));
}

function flagNamed(typed: string, flags: FlagTable): Flag<unknown> | undefined {
  if (typed.startsWith("--")) return Object.hasOwn(flags, typed.slice(2)) ? flags[typed.slice(2)] : undefined;
  return Object.values(flags).find(({ short }) => short !== undefined && typed === `-${short}`);
}

/** Returns values to offer; those of a list follow the ones typed already. */
function valueOffers(flag: Flag<unknown>, typed: string, lead: string): readonly Offer[] | typeof FILES {
  if (flag.isFile === true) return FILES;
  const earlier = flag.takes === "many" || flag.isList === true ? typed.slice(0, typed.lastIndexOf(",") + 1) : "";
  const there = earlier.split(",");
  const left = (flag.choices ?? []).filter((choice) => !there.includes(choice));
  return left.map((choice) => [`${lead}${earlier}${choice}`, ""]);
}

function nextWords(typed: readonly string[], { commands, groups }: CommandSet): readonly Offer[] {
  const found = new Map<string, string>();
  for (const { name, meaning } of commands) {
    const words = name.split(" ");
    const next = words[typed.length];
    if (next === undefined || !typed.every((word, index) => words[index] === word)) continue;
    found.set(next, words.length === typed.length + 1 ? meaning : (groups[next] ?? ""));
  }
  return [...found];
}

function wordOffers({ words }: Command, index: number): readonly Offer[] | typeof FILES {
  const all = Object.values(words);
  const word = all[index] ?? (all.at(-1)?.takes === "many" ? all.at(-1) : undefined);
  if (word?.isFile === true) return FILES;
  return (word?.choices ?? []).map((choice) => [choice, ""]);
}
