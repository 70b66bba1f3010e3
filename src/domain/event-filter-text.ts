/** Parses the text of an event filter: a subset of AIP-160. */
import { EVERY_EVENT, type EventFilter, FILTER_FIELDS, type FilterField, narrow } from "./event-filter.ts";
import { EVENT_TYPES } from "./event-type.ts";
import { INITIATORS } from "./initiator.ts";
import { invalidField, type RefusalError, shown } from "./refusal.ts";
import { LATEST_TIME } from "./restriction.ts";

/*
 * filter     = [term {"AND" term}]
 * term       = comparison | "(" comparison {"OR" comparison} ")"     one field in a pair of parentheses
 * comparison = ("type" | "user" | "organization" | "actor" | "initiator") "=" value
 *            | "time" (">=" | "<") value                             not in parentheses
 * value      = bare text | text in double quotes, where \" and \\ stand for " and \
 */

/** In characters. */
export const FILTER_CHARS_MAX = 2_000;
const COMPARISONS_MAX = 50;

interface Token {
  /** `other`: no token begins there. */
  readonly kind: "mark" | "bare" | "quoted" | "end" | "other";
  /** Of a quoted value: without quotes and escapes. */
  readonly text: string;
  /** Where it begins, in UTF-16 code units. */
  readonly at: number;
}

/** One token after white space. It always matches; a text that begins no token, such as an open quote, is in no group. */
const TOKEN =
  /(?<space>[ \t\r\n]*)(?:(?<end>$)|(?<mark>[()]|!=|[=<>]+)|(?<bare>(?:(?!!=)[^\p{Cc} ()"=<>])+)|"(?<quoted>(?:[^\p{Cc}"\\]|\\["\\])*)"|)/uy;

const QUOTED_FORM = 'a text in double quotes without control characters, where \\" and \\\\ stand for " and \\';

/** Fields whose values are a list. */
const ALLOWED: Readonly<Partial<Record<FilterField, readonly string[]>>> = { type: EVENT_TYPES, initiator: INITIATORS };

/**
 * Returns the filter of a text; an empty one matches every event. Throws FIELD_INVALID that names the column, what
 * stands there and what is allowed; `field`: the field of the request, in proto names. Refuses
 * texts of more than 2,000 characters, and takes time in proportion to others.
 */
export function parseEventFilter(text: string, field = "filter"): EventFilter {
  if (text.length > FILTER_CHARS_MAX) {
    throw invalidField(field, `${text.length} characters are not allowed; a filter has at most ${FILTER_CHARS_MAX}`);
  }
  return new Parser(text, field).filter();
}

class Parser {
  readonly #text: string;
  readonly #field: string;
  #at = 0;
  #next: Token;
  #comparisons = 0;

  constructor(text: string, field: string) {
    this.#text = text;
    this.#field = field;
    this.#next = this.#read();
  }

  filter(): EventFilter {
    let filter = EVERY_EVENT;
    while (!this.#isAtEnd()) {
      if (this.#comparisons > 0) this.#takeWord("AND", "AND or the end of the filter; OR stands in parentheses");
      filter = isMark(this.#next, "(") ? this.#group(filter) : this.#comparison(filter);
    }
    return filter;
  }

  #isAtEnd(): boolean {
    return this.#next.kind === "end";
  }

  #group(filter: EventFilter): EventFilter {
    this.#take();
    const name = this.#takeField(FILTER_FIELDS);
    const values = [this.#equals(name)];
    while (!isMark(this.#next, ")")) {
      this.#takeWord("OR", "OR or )");
      const at = this.#next;
      const other = this.#takeField(FILTER_FIELDS);
      if (other !== name) throw this.#fault(at, `${name}: parentheses hold values of one field`);
      values.push(this.#equals(name));
    }
    this.#take();
    return narrow(filter, name, values);
  }

  #comparison(filter: EventFilter): EventFilter {
    const name = this.#takeField([...FILTER_FIELDS, "time"]);
    return name === "time" ? this.#time(filter) : narrow(filter, name, [this.#equals(name)]);
  }

  #time(filter: EventFilter): EventFilter {
    const sign = this.#take();
    if (!isMark(sign, ">=") && !isMark(sign, "<")) throw this.#fault(sign, ">= or <");
    const value = this.#takeValue();
    const time = parseTime(value.text);
    if (time === undefined) throw this.#fault(value, "an instant such as 2030-01-31T18:00:00Z");
    if (sign.text === "<") return { ...filter, before: Math.min(time, filter.before ?? time) };
    return { ...filter, from: Math.max(time, filter.from ?? time) };
  }

  /** Returns the value that the field must equal. */
  #equals(name: FilterField): string {
    const sign = this.#take();
    if (!isMark(sign, "=")) throw this.#fault(sign, "=");
    const value = this.#takeValue();
    const allowed = ALLOWED[name];
    if (allowed?.includes(value.text) === false) throw this.#fault(value, `one of ${allowed.join(", ")}`);
    return value.text;
  }

  #takeField<N extends string>(names: readonly N[]): N {
    const token = this.#take();
    const name = names.find((each) => token.kind === "bare" && token.text === each);
    if (name === undefined) throw this.#fault(token, `one of ${names.join(", ")}`);
    this.#comparisons++;
    if (this.#comparisons <= COMPARISONS_MAX) return name;
    throw this.#fault(token, `the end: at most ${COMPARISONS_MAX} comparisons`);
  }

  #takeValue(): Token {
    const token = this.#take();
    const isWord = token.kind === "bare" && (token.text === "AND" || token.text === "OR");
    if (token.kind === "quoted" || (token.kind === "bare" && !isWord)) return token;
    throw this.#fault(token, "a value; one with spaces, signs or a keyword needs double quotes");
  }

  #takeWord(word: string, allowed: string): void {
    const token = this.#take();
    if (token.kind !== "bare" || token.text !== word) throw this.#fault(token, allowed);
  }

  #take(): Token {
    const token = this.#next;
    if (token.kind !== "end") this.#next = this.#read();
    return token;
  }

  #read(): Token {
    TOKEN.lastIndex = this.#at;
    const { index: at = 0, groups = {} } = TOKEN.exec(this.#text) ?? {};
    this.#at = TOKEN.lastIndex;
    const { space = "", mark, bare, quoted, end } = groups;
    const token = { at: at + space.length };
    if (mark !== undefined) return { ...token, kind: "mark", text: mark };
    if (bare !== undefined) return { ...token, kind: "bare", text: bare };
    if (quoted !== undefined) return { ...token, kind: "quoted", text: quoted.replace(/\\(.)/g, "$1") };
    return { ...token, kind: end === undefined ? "other" : "end", text: this.#text.slice(token.at) };
  }

  /** `allowed`: what may stand there, after "it must be". */
  #fault({ kind, text, at }: Token, allowed: string): RefusalError {
    // Columns count characters, as editors do.
    const column = [...this.#text.slice(0, at)].length + 1;
    const found = kind === "end" ? "the end of the filter" : shown(text);
    const must = kind === "other" && text.startsWith('"') ? QUOTED_FORM : allowed;
    return invalidField(this.#field, `column ${column}: ${found} is not allowed; it must be ${must}`);
  }
}

function isMark({ kind, text }: Token, mark: string): boolean {
  return kind === "mark" && text === mark;
}

const INSTANT = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/i;

/** Returns an RFC 3339 instant in milliseconds since the epoch, rounded up; `undefined`: it is none. */
function parseTime(text: string): number | undefined {
  const [, seconds = "", fraction = "", zone = ""] = INSTANT.exec(text) ?? [];
  const local = Date.parse(`${seconds}Z`);
  // Date.parse takes 31 February for a day in March.
  if (!Number.isFinite(local) || new Date(local).toISOString().slice(0, seconds.length) !== seconds.toUpperCase()) {
    return undefined;
  }
  const whole = Date.parse(`${seconds}${zone}`.toUpperCase());
  const time = whole + Math.ceil(Number(fraction.padEnd(9, "0")) / 1_000_000);
  return time >= 0 && time <= LATEST_TIME ? time : undefined;
}
