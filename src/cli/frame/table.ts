/** Text for a terminal: what may drive it is escaped, rows are laid out in columns and cut to its width. */
import { styleText } from "node:util";

const SPACE_BETWEEN_COLUMNS = 2;
/** A column that is cut keeps so many characters. */
const CUT_WIDTH_MIN = 8;

/** Control characters, and format characters that turn the direction of text or hide it. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** Text from outside, fit for a terminal: what could drive it is shown as `\u{…}`. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\uff01-\uff60]/u;

/** How many cells of a terminal a character takes, as far as that can be told. */
function cellsOf(character: string): number {
  return /\p{M}/u.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
}

/** How many cells of a terminal a text takes. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += cellsOf(character);
  return width;
}

/** The beginning of a text that fits, with a mark that there is more. */
function cutTo(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let cut = "";
  let left = width - 1;
  for (const character of text) {
    left -= cellsOf(character);
    if (left < 0) break;
    cut += character;
  }
  return `${cut}…`;
}

/** What words in columns of states mean to who looks at them. */
const TONES: Readonly<Record<string, "green" | "yellow" | "red" | "dim">> = {
  ACTIVE: "green",
  YES: "green",
  SUCCEEDED: "green",
  LOCKED: "yellow",
  INACTIVE: "yellow",
  FAILED: "yellow",
  BANNED: "red",
  NO: "red",
  REVOKED: "red",
  DELETED: "dim",
  EXPIRED: "dim",
  ENDED: "dim",
};

/** A word for a state in its colour; any other word as it is. */
export function toned(word: string): string {
  const tone = TONES[word.trim().toUpperCase()];
  return tone === undefined ? word : styleText(tone, word, { validateStream: false });
}

export interface Column {
  readonly title: string;
  /** Shown by `--output wide` alone. */
  readonly wide?: boolean;
  /** Its cells are words for states, which have colours. */
  readonly toned?: boolean;
}

export interface TableLook {
  /** How many characters a line has; absent: as many as it takes. */
  readonly columns?: number | undefined;
  readonly wide?: boolean;
  readonly colours?: boolean;
}

/** Lays out rows in columns. Widths are those of the first batch; wider cells that come later move their row. */
export class Table {
  readonly #columns: readonly (Column & { readonly index: number })[];
  readonly #look: TableLook;
  #widths: readonly number[] | undefined;

  constructor(columns: readonly (string | Column)[], look: TableLook = {}) {
    this.#look = look;
    this.#columns = columns
      .map((column, index) => ({ ...(typeof column === "string" ? { title: column } : column), index }))
      .filter(({ wide }) => wide !== true || look.wide === true);
  }

  /** The lines of some rows; the first time with the header. */
  lines(rows: readonly (readonly string[])[]): string {
    const cells = rows.map((row) => this.#columns.map(({ index }) => printable(row[index] ?? "") || "-"));
    const titles = this.#columns.map(({ title }) => title);
    const all = this.#widths === undefined ? [titles, ...cells] : cells;
    this.#widths ??= this.#fitting(titles.map((_, index) => Math.max(...all.map((row) => widthOf(row[index] ?? "")))));
    return all.map((row) => `${this.#line(row, row === titles)}\n`).join("");
  }

  /** Takes from the widest columns but the first, which names the row, until the line fits. */
  #fitting(widths: readonly number[]): readonly number[] {
    const { columns } = this.#look;
    if (columns === undefined) return widths;
    const fitting = [...widths];
    const spaces = SPACE_BETWEEN_COLUMNS * (widths.length - 1);
    let excess = fitting.reduce((sum, width) => sum + width, spaces) - columns;
    while (excess > 0) {
      const widest = fitting.indexOf(Math.max(...fitting.slice(1)), 1);
      if (widest === -1 || (fitting[widest] ?? 0) <= CUT_WIDTH_MIN) break;
      fitting[widest] = (fitting[widest] ?? 0) - 1;
      excess--;
    }
    return fitting;
  }

  #line(row: readonly string[], isTitle: boolean): string {
    const { columns, colours } = this.#look;
    const padded = row.map((cell, index) => {
      const width = this.#widths?.[index] ?? 0;
      const shown = columns === undefined || index === 0 ? cell : cutTo(cell, width);
      const spaces = index === row.length - 1 ? 0 : Math.max(0, width - widthOf(shown)) + SPACE_BETWEEN_COLUMNS;
      const isToned = colours === true && !isTitle && this.#columns[index]?.toned === true;
      return (isToned ? toned(shown) : shown) + " ".repeat(spaces);
    });
    return padded.join("").trimEnd();
  }
}
