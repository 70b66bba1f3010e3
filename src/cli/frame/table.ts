/** Text for a terminal: what may drive it is escaped, rows are laid out in columns and cut to its width. */
import { styleText } from "node:util";

const SPACE_BETWEEN_COLUMNS = 2;
/** A column that is cut keeps so many characters, or is left out. */
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
  /** Its cells are words for states, which have colours; they are what is looked for, and cut last. */
  readonly toned?: boolean;
  /** Is cut last, as words for states are. */
  readonly whole?: boolean;
}

export interface TableLook {
  /** How many characters a line has; absent: as many as it takes. */
  readonly columns?: number | undefined;
  readonly wide?: boolean;
  readonly colours?: boolean;
}

type Placed = Column & { readonly index: number };

/** Lays out rows in columns. Widths are those of the first batch; wider cells that come later move their row. */
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

  /** The lines of some rows; the first time with the header. */
  lines(rows: readonly (readonly string[])[]): string {
    const isFirst = this.#widths === undefined;
    if (isFirst) this.#fit(rows);
    const cells = rows.map((row) => this.#columns.map(({ index }) => cellOf(row, index)));
    const titles = this.#columns.map(({ title }) => title);
    const all = isFirst ? [titles, ...cells] : cells;
    return all.map((row) => `${this.#line(row, row === titles)}\n`).join("");
  }

  /**
   * Chooses columns and widths so that the line fits. The last columns are left out where others would be cut beyond
   * recognition; what is looked for, and the name of the row, are cut where nothing else is left.
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

/** Takes from the widest of the loose columns until the line fits; then from the name, and in the end from all. */
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
