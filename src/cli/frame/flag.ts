/** Flags and arguments of commands, each with a meaning and a reader. */
import { usageFailure } from "./failure.ts";

/** The texts that were typed for each flag and argument; a switch that was given has one text. */
export type Typed = Readonly<Record<string, readonly string[]>>;

/** Names that the service knows and completion offers. */
export interface ServiceNames {
  readonly roles: readonly string[];
  readonly permissions: readonly string[];
  readonly dialects: readonly string[];
}

/** A flag or an argument. `parse` gets the texts as typed and throws an Error that says what is allowed. */
export interface Flag<T> {
  /** `nothing`: a switch without a value; `one`: at most one value; `many`: any number. */
  readonly takes: "nothing" | "one" | "many";
  /** Stands for the value in the help. */
  readonly placeholder: string;
  readonly meaning: string;
  /** The letter that stands for the name, as in `-o`. */
  readonly short?: string;
  /** The values that completion offers; in the help, the placeholder shows them. */
  readonly choices?: readonly string[];
  /** Which names of the service completion offers, in place of choices. */
  readonly named?: keyof ServiceNames;
  /** The one value is a comma-separated list: completion offers the next item. */
  readonly isList?: boolean;
  /** The value names a file: completion offers files. */
  readonly isFile?: boolean;
  readonly required: boolean;
  /** Whether the empty text has a meaning. Otherwise it is refused, so that an unset variable of a script does not pass for an absent flag. */
  readonly mayBeEmpty?: boolean;
  readonly parse: (texts: readonly string[]) => T;
}

export type FlagTable = Readonly<Record<string, Flag<unknown>>>;

/** The value of each flag, as a command gets it. */
export type FlagValues<F extends FlagTable> = { readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never };

/** Returns a flag without a value. */
export function toggle(meaning: string): Flag<boolean> {
  return { takes: "nothing", placeholder: "", meaning, required: false, parse: (texts) => texts.length > 0 };
}

/** Returns a flag with a value; `undefined` if absent. */
export function value<T>(placeholder: string, meaning: string, parse: (text: string) => T): Flag<T | undefined> {
  return {
    takes: "one",
    placeholder,
    meaning,
    required: false,
    parse: ([text]) => (text === undefined ? undefined : parse(text)),
  };
}

/** Returns a flag with any text. */
export function text(placeholder: string, meaning: string): Flag<string | undefined> {
  return value(placeholder, meaning, (typed) => typed);
}

/** Returns a flag with the path of a file. */
export function file(placeholder: string, meaning: string): Flag<string | undefined> {
  return { ...text(placeholder, meaning), isFile: true };
}

/** Returns the same flag with a letter that stands for its name. */
export function short<T>(letter: string, flag: Flag<T>): Flag<T> {
  return { ...flag, short: letter };
}

/** Returns a flag with any text; the empty one clears the value. */
export function clearableText(placeholder: string, meaning: string): Flag<string | undefined> {
  return { ...text(placeholder, meaning), mayBeEmpty: true };
}

/** Returns a flag that may be repeated, each time with comma-separated values. */
export function list<T>(placeholder: string, meaning: string, parse: (text: string) => T): Flag<readonly T[]> {
  return {
    takes: "many",
    placeholder,
    meaning,
    required: false,
    parse: (texts) => texts.flatMap((each) => each.split(",")).map((each) => parse(each.trim())),
  };
}

/** Returns a `list` of any texts but empty ones. */
export function textList(placeholder: string, meaning: string): Flag<readonly string[]> {
  return list(placeholder, meaning, (typed) => {
    if (typed === "") throw new Error("a value between the commas is empty");
    return typed;
  });
}

/** Returns a flag that may be repeated, each time with one value. */
export function repeated<T>(placeholder: string, meaning: string, parse: (text: string) => T): Flag<readonly T[]> {
  return { takes: "many", placeholder, meaning, required: false, parse: (texts) => texts.map(parse) };
}

/** Returns a flag whose choices are the words of a table. */
export function choice<const T>(meaning: string, choices: Readonly<Record<string, T>>): Flag<T | undefined> {
  const names = Object.keys(choices);
  return { ...value(names.join("|"), meaning, (typed) => chosen(choices, typed)), choices: names };
}

/** Returns a list of such choices. */
export function choiceList<const T>(meaning: string, choices: Readonly<Record<string, T>>): Flag<readonly T[]> {
  const names = Object.keys(choices);
  return { ...list(names.join("|"), meaning, (typed) => chosen(choices, typed)), choices: names };
}

function chosen<T>(choices: Readonly<Record<string, T>>, typed: string): T {
  const found = Object.hasOwn(choices, typed) ? choices[typed] : undefined;
  if (found !== undefined) return found;
  throw new Error(`${JSON.stringify(typed)} is not allowed; it must be one of ${Object.keys(choices).join(", ")}`);
}

/** Returns a required argument. */
export function word(meaning: string): Flag<string> {
  return { takes: "one", placeholder: "", meaning, required: true, parse: ([typed]) => typed ?? "" };
}

/** Returns an optional argument. */
export function optionalWord(meaning: string): Flag<string | undefined> {
  return text("", meaning);
}

/** Returns an argument of at least one word. */
export function words(meaning: string): Flag<readonly string[]> {
  return { takes: "many", placeholder: "", meaning, required: true, parse: (typed) => typed };
}

/** Returns an argument of any number of words. */
export function optionalWords(meaning: string): Flag<readonly string[]> {
  return { ...words(meaning), required: false };
}

/** Reads what was typed. Throws a usage Failure that names the flag or argument at fault. */
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
