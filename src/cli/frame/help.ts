/** Help texts, all in one form: usage, meaning, flags in columns, examples. */
import type { Command, CommandSet } from "./command.ts";
import { EXIT_MEANINGS } from "./failure.ts";
import type { Flag, FlagTable } from "./flag.ts";
import { widthOf } from "./table.ts";
import { PROGRAM } from "./terminal.ts";

const COLUMNS_MAX = 110;
const COLUMNS_MIN = 60;
/** A longer name in the left column gets a line of its own. */
const LEFT_MAX = 32;

export interface HelpLayout {
  /** The flags that the command shares with others. */
  readonly shared: FlagTable;
  /** The columns of the terminal; absent: as many as are easy to read. */
  readonly columns: number | undefined;
}

/** Returns the help of one command. */
export function commandHelp(command: Command, { shared, columns }: HelpLayout): string {
  const { name, meaning, words, flags, examples, notes = [] } = command;
  const sharedOnly = Object.fromEntries(Object.entries(shared).filter(([each]) => !Object.hasOwn(flags, each)));
  const wordRows = Object.entries(words).map(([key, word]) => [shownWord(key, word), word.meaning] as const);
  return layOut(columns, [
    [undefined, [usageOf(command)]],
    [undefined, [sentence(meaning)]],
    ["Arguments:", wordRows],
    ["Flags:", flagRows(flags)],
    ["Shared flags:", flagRows(sharedOnly)],
    ...notes.map(([title, rows]) => [title, rows] as const),
    ["Examples:", examples.flatMap(([line, what]) => [`  ${PROGRAM} ${line}`, `      ${what}`])],
    [undefined, [`More: ${PROGRAM} ${name.includes(" ") ? `${name.split(" ")[0]} --help` : "--help"}`]],
  ]);
}

/** Returns the help of a group of commands, such as `users`. */
export function groupHelp(group: string, { commands, groups }: CommandSet, columns: number | undefined): string {
  const members = commands.filter(({ name }) => name.startsWith(`${group} `));
  return layOut(columns, [
    [undefined, [`${PROGRAM} ${group} <command> [flags]`]],
    [undefined, [sentence(groups[group] ?? "")]],
    ["Commands:", members.map((each) => [[each.name, ...shownWords(each)].join(" "), each.meaning] as const)],
    [undefined, [`Run ${PROGRAM} ${group} <command> --help for all flags and examples.`]],
  ]);
}

/** Returns the help of the program. */
export function programHelp({ commands, groups }: CommandSet, { shared, columns }: HelpLayout): string {
  const firsts = [...new Set(commands.map(({ name }) => name.split(" ")[0] ?? name))];
  const rows = firsts.map((first) => {
    const own = commands.find(({ name }) => name === first);
    return [first, own?.meaning ?? groups[first] ?? ""] as const;
  });
  return layOut(columns, [
    [undefined, [`${PROGRAM} <command> [flags]`]],
    [undefined, ["Locks, unlocks and bans user accounts: the service and its command line."]],
    ["Commands:", rows],
    ["Flags of most commands:", flagRows(shared)],
    ["Exit codes:", EXIT_MEANINGS.map(([code, meaning]) => [String(code), meaning] as const)],
    [undefined, [`Run ${PROGRAM} <command> --help for all flags of a command and examples.`]],
  ]);
}

/** A block of whole lines or of rows with two columns. */
type Block = readonly [title: string | undefined, lines: readonly (string | readonly [left: string, right: string])[]];

function layOut(columns: number | undefined, blocks: readonly Block[]): string {
  const width = Math.max(COLUMNS_MIN, Math.min(COLUMNS_MAX, columns ?? COLUMNS_MAX));
  const texts = blocks
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) => {
      const lefts = lines.flatMap((line) => (typeof line === "string" ? [] : [widthOf(line[0])]));
      const left = Math.max(0, ...lefts.filter((each) => each <= LEFT_MAX));
      const laid = lines.flatMap((line) => (typeof line === "string" ? [line] : rowLines(line, { left, width })));
      return [...(title === undefined ? [] : [title]), ...laid].join("\n");
    });
  return `${texts.join("\n\n")}\n`;
}

function rowLines(
  [left, right]: readonly [string, string],
  sizes: { readonly left: number; readonly width: number },
): string[] {
  const indent = sizes.left + 4;
  const [first = "", ...rest] = wrapped(right, sizes.width - indent);
  const isLong = widthOf(left) > sizes.left;
  const head = isLong ? [`  ${left}`, " ".repeat(indent) + first] : [`  ${left.padEnd(sizes.left)}  ${first}`];
  return [...head, ...rest.map((line) => " ".repeat(indent) + line)].map((line) => line.trimEnd());
}

function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && widthOf(line) + 1 + widthOf(word) > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

function flagRows(flags: FlagTable): readonly (readonly [string, string])[] {
  return Object.entries(flags).map(([name, { short, placeholder, meaning }]) => [
    [short === undefined ? "    --" : `-${short}, --`, name, placeholder === "" ? "" : ` ${placeholder}`].join(""),
    meaning,
  ]);
}

function usageOf(command: Command): string {
  return [PROGRAM, command.name, ...shownWords(command), "[flags]"].join(" ");
}

function shownWords({ words }: Command): readonly string[] {
  return Object.entries(words).map(([key, word]) => shownWord(key, word));
}

function shownWord(key: string, { takes, required }: Flag<unknown>): string {
  const shown = takes === "many" ? `${key}..` : key;
  return required ? `<${shown}>` : `[${shown}]`;
}

function sentence(meaning: string): string {
  return `${meaning.charAt(0).toUpperCase()}${meaning.slice(1)}.`;
}
