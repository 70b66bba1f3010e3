/** What a command takes: flags and words, each with a meaning and a way to read it. */
import { usageFailure } from "./failure.ts";

/** The texts that were typed for each flag and word; a switch that was given has one text. */
export type Typed = Readonly<Record<string, readonly string[]>>;

/** Names that the service knows and completion offers. */
export interface ServiceNames {
  readonly roles: readonly string[];
  readonly permissions: readonly string[];
  readonly dialects: readonly string[];
}

/** A flag or a word of a command line. `parse` gets the texts as typed and throws an Error that says what is allowed. */
export interface Flag<T> {
  /** A switch takes no value, `one` at most one, `many` any number. */
  readonly takes: "nothing" | "one" | "many";
  /** Stands for the value in the help. */
  readonly placeholder: string;
  readonly meaning: string;
  /** The letter that may be typed for the name, as in `-o`. */
  readonly short?: string;
  /** The values that completion offers; the help shows them by the placeholder. */
  readonly choices?: readonly string[];
  /** Which names of the service completion offers, in place of choices. */
  readonly named?: keyof ServiceNames;
  /** The one value is a comma-separated list: completion offers the next item. */
  readonly isList?: boolean;
  /** The value names a file: completion offers files. */
  readonly isFile?: boolean;
  readonly required: boolean;
  /** Empty text says something of its own; otherwise it is refused: a script's variable that is not set must not pass for a flag that is not given. */
  readonly mayBeEmpty?: boolean;
  readonly parse: (texts: readonly string[]) => T;
}

export type FlagTable = Readonly<Record<string, Flag<unknown>>>;

/** What a command is given: the value of each flag. */
export type FlagValues<F extends FlagTable> = { readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never };

/** A flag without a value. */
export function toggle(meaning: string): Flag<boolean> {
  return { takes: "nothing", placeholder: "", meaning, required: false, parse: (texts) => texts.length > 0 };
}

/** A flag with a value; absent: `undefined`. */
export function value<T>(placeholder: string, meaning: string, parse: (text: string) => T): Flag<T | undefined> {
  return {
    takes: "one",
    placeholder,
    meaning,
    required: false,
    parse: ([text]) => (text === undefined ? undefined : parse(text)),
  };
}

/** A flag with any text. */
export function text(placeholder: string, meaning: string): Flag<string | undefined> {
  return value(placeholder, meaning, (typed) => typed);
}

/** A flag with the path of a file. */
export function file(placeholder: string, meaning: string): Flag<string | undefined> {
  return { ...text(placeholder, meaning), isFile: true };
}

/** The same flag with a letter that may be typed for its name. */
export function short<T>(letter: string, flag: Flag<T>): Flag<T> {
  return { ...flag, short: letter };
}

/** A flag with any text, where the empty one clears what is there. */
export function clearableText(placeholder: string, meaning: string): Flag<string | undefined> {
  return { ...text(placeholder, meaning), mayBeEmpty: true };
}

/** A flag that may be given several times, each time with values separated by commas. */
export function list<T>(placeholder: string, meaning: string, parse: (text: string) => T): Flag<readonly T[]> {
  return {
    takes: "many",
    placeholder,
    meaning,
    required: false,
    parse: (texts) => texts.flatMap((each) => each.split(",")).map((each) => parse(each.trim())),
  };
}

/** As `list`, of any texts but empty ones. */
export function textList(placeholder: string, meaning: string): Flag<readonly string[]> {
  return list(placeholder, meaning, (typed) => {
    if (typed === "") throw new Error("a value between the commas is empty");
    return typed;
  });
}

/** A flag that may be given several times, each time with one value. */
export function repeated<T>(placeholder: string, meaning: string, parse: (text: string) => T): Flag<readonly T[]> {
  return { takes: "many", placeholder, meaning, required: false, parse: (texts) => texts.map(parse) };
}

/** The words of a table as choices of a flag. */
export function choice<const T>(meaning: string, choices: Readonly<Record<string, T>>): Flag<T | undefined> {
  const names = Object.keys(choices);
  return { ...value(names.join("|"), meaning, (typed) => chosen(choices, typed)), choices: names };
}

/** As `choice`, several times. */
export function choiceList<const T>(meaning: string, choices: Readonly<Record<string, T>>): Flag<readonly T[]> {
  const names = Object.keys(choices);
  return { ...list(names.join("|"), meaning, (typed) => chosen(choices, typed)), choices: names };
}

function chosen<T>(choices: Readonly<Record<string, T>>, typed: string): T {
  const found = Object.hasOwn(choices, typed) ? choices[typed] : undefined;
  if (found !== undefined) return found;
  throw new Error(`${JSON.stringify(typed)} is not allowed; it must be one of ${Object.keys(choices).join(", ")}`);
}

/** A word that must be there. */
export function word(meaning: string): Flag<string> {
  return { takes: "one", placeholder: "", meaning, required: true, parse: ([typed]) => typed ?? "" };
}

/** A word that may be left out. */
export function optionalWord(meaning: string): Flag<string | undefined> {
  return text("", meaning);
}

/** At least one word. */
export function words(meaning: string): Flag<readonly string[]> {
  return { takes: "many", placeholder: "", meaning, required: true, parse: (typed) => typed };
}

/** Any number of words. */
export function optionalWords(meaning: string): Flag<readonly string[]> {
  return { ...words(meaning), required: false };
}

/** Reads what was typed. Throws a usage Failure that names the flag or word at fault. */
export function readFlags<F extends FlagTable>(
  flags: F,
  typed: Typed,
  nameOf: (name: string) => string,
): FlagValues<F> {
  const values = Object.entries(flags).map(([name, flag]) => {
    const texts = typed[name] ?? [];
    if (flag.takes === "one" && texts.length > 1) throw usageFailure(`${nameOf(name)} is given twice; once is enough`);
    if (flag.required && texts.length === 0) throw usageFailure(`${nameOf(name)} is missing`);
    if (flag.mayBeEmpty !== true && texts.includes("")) throw usageFailure(`${nameOf(name)} is empty`);
    try {
      return [name, flag.parse(texts)];
    } catch (error) {
      throw usageFailure(`${nameOf(name)}: ${error instanceof Error ? error.message : String(error)}`);
    }
  });
  return Object.fromEntries(values) as FlagValues<F>;
}
