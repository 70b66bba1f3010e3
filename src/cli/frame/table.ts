/** Text for a terminal: control characters are escaped, rows are laid out in columns and cut to its width. */
import { styleText } from "node:util";

const SPACE_BETWEEN_COLUMNS = 2;
/** The fewest characters of a column that is cut; a narrower one is left out. */
const CUT_WIDTH_MIN = 8;

/** Control characters, and format characters that change the direction of text or hide it. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** Returns text that is safe for a terminal: characters that can control it are shown as `\u{…}`. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\uff01-\uff60]/u;

/** Returns the cells of a terminal that a character takes, as far as that is known. */
function cellsOf(character: string): number {
  return /\p{M}/u.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
}

/** Returns the cells of a terminal that a text takes. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += cellsOf(character);
  return width;
}

/** Returns the beginning of a text that fits, with a mark that there is more. */
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

/** The colours of words for states. */
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

/** Returns a word for a state in its colour; any other word as it is. */
export function toned(word: string): string {
  const tone = TONES[word.trim().toUpperCase()];
  return tone === undefined ? word : styleText(tone, word, { validateStream: false });
}

export interface Column {
  readonly title: string;
  /** Whether only `--output wide` shows it. */
  readonly wide?: boolean;
  /** Whether its cells are words for states: they are coloured, and cut last, because readers look for them. */
  readonly toned?: boolean;
  /** Whether it is cut last, as words for states are. */
  readonly whole?: boolean;
}

export interface TableLook {
  /** The characters of a line; absent: unlimited. */
  readonly columns?: number | undefined;
  readonly wide?: boolean;
  readonly colours?: boolean;
}

type Placed = Column & { readonly index: number };

/** Lays out rows in columns. The first batch sets the widths; wider cells in later rows shift their row. */
export class Table {
  readonly #look: TableLook;
  #columns: readonly Placed[];
  #widths: readonly number[] | undefined;
  #isNameCut: boolean = false;

  constructor(columns: readonly (string | Column)[], look: TableLook = {}) {
    this.#look = look;
    this.#columns = columns
      .map((column, index) => ({ ...(typeof column === "string" ? { title: column } : column), index }))
      .filter(({ wide }) => wide !== true || look.wide === true);
  }

  /** Returns the lines of some rows; the first time with the header. */
  lines(rows: readonly (readonly string[])[]): string {
    const isFirst = this.#widths === undefined;
    if (isFirst) this.#fit(rows);
    const cells = rows.map((row) => this.#columns.map(({ index }) => cellOf(row, index)));
    const titles = this.#columns.map(({ title }) => title);
    const all = isFirst ? [titles, ...cells] : cells;
    return all.map((row) => `${this.#line(row, row === titles)}\n`).join("");
  }

  /**
   * Chooses columns and widths so that a line fits. The last columns are left out if others would be cut too short;
   * states, whole columns and the name of the row are cut only if nothing else is left.
   */
  #fit(rows: readonly (readonly string[])[]): void {
    const { columns: room } = this.#look;
    const widthIn = ({ title, index }: Placed): number =>
      Math.max(widthOf(title), ...rows.map((row) => widthOf(cellOf(row, index))));
    const widths = new Map(this.#columns.map((column) => [column, widthIn(column)]));
    const widthsOf = (columns: readonly Placed[]): number[] => columns.map((column) => widths.get(column) ?? 0);
    if (room !== undefined) {
      const isLoose = ({ index, toned, whole }: Placed): boolean => index > 0 && toned !== true && whole !== true;
      const least = (columns: readonly Placed[]): number =>
        lineWidth(columns.map((each) => Math.min(widths.get(each) ?? 0, isLoose(each) ? CUT_WIDTH_MIN : room)));
      while (least(this.#columns) > room) {
        const last = this.#columns.findLast(isLoose);
        if (last === undefined) break;
        this.#columns = this.#columns.filter((column) => column !== last);
      }
      const loose = this.#columns.flatMap((column, at) => (isLoose(column) ? [at] : []));
      const all = widthsOf(this.#columns);
      this.#widths = cutWidths(all, loose, room);
      this.#isNameCut = this.#widths[0] !== all[0];
    } else this.#widths = widthsOf(this.#columns);
  }

  #line(row: readonly string[], isTitle: boolean): string {
    const { columns, colours } = this.#look;
    const padded = row.map((cell, index) => {
      const width = this.#widths?.[index] ?? 0;
      const isWhole = columns === undefined || (index === 0 && !this.#isNameCut);
      const shown = isWhole ? cell : cutTo(cell, width);
      const spaces = index === row.length - 1 ? 0 : Math.max(0, width - widthOf(shown)) + SPACE_BETWEEN_COLUMNS;
      const isToned = colours === true && !isTitle && this.#columns[index]?.toned === true;
      return (isToned ? toned(shown) : shown) + " ".repeat(spaces);
    });
    return padded.join("").trimEnd();
  }
}

function cellOf(row: readonly string[], index: number): string {
  return printable(row[index] ?? "") || "-";
}

function lineWidth(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, SPACE_BETWEEN_COLUMNS * (widths.length - 1));
}

/** Narrows the widest of the loose columns until the line fits; then the name, and finally all columns. */
function cutWidths(widths: readonly number[], loose: readonly number[], room: number): readonly number[] {
  const fitting = [...widths];
  let excess = lineWidth(widths) - room;
  const stages = [
    [loose, CUT_WIDTH_MIN],
    [[0], CUT_WIDTH_MIN],
    [[...fitting.keys()], 1],
  ] as const;
  for (const [from, least] of stages) {
    while (excess > 0) {
      const width = Math.max(0, ...from.map((at) => fitting[at] ?? 0));
      if (width <= least) break;
      fitting[from.find((at) => fitting[at] === width) ?? 0] = width - 1;
      excess--;
    }
  }
  return fitting;
}
