/** What a command prints: tables and lines for people, JSON for scripts, and nothing that drives a terminal. */
import type { DescFile, DescMessage, Message, Registry } from "@bufbuild/protobuf";
import { EXIT, type Failure } from "./failure.ts";

/** How items of a list are shown to a person. */
export interface View<T> {
  readonly columns: readonly string[];
  readonly row: (item: T) => readonly string[];
}

const SPACE_BETWEEN_COLUMNS = 2;

/** Control characters, and format characters that turn the direction of text or hide it. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;
/** The same, without what JSON escapes by itself. */
const UNSAFE_IN_JSON = /[\u007f-\u009f\p{Cf}\u2028\u2029]/gu;

/** Text from outside, fit for a terminal: what could drive it is shown as `\u{…}`. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/** JSON on one line; what could drive a terminal is escaped as JSON escapes. */
export function jsonLine(json: unknown): string {
  const units = (character: string): string =>
    [...Array(character.length).keys()]
      .map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`)
      .join("");
  return `${JSON.stringify(json).replace(UNSAFE_IN_JSON, units)}\n`;
}

const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\uff01-\uff60]/u;

/** How many cells of a terminal a text takes, as far as that can be told. */
function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += /\p{M}/u.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
}

/** Lays out rows in columns. Widths are those of the first batch; wider cells that come later move their row. */
export class Table {
  readonly #columns: readonly string[];
  #widths: readonly number[] | undefined;

  constructor(columns: readonly string[]) {
    this.#columns = columns;
  }

  /** The lines of some rows; the first time with the header. */
  lines(rows: readonly (readonly string[])[]): string {
    const cells = rows.map((row) => row.map((cell) => (cell === "" ? "-" : printable(cell))));
    const isFirst = this.#widths === undefined;
    const shown = isFirst ? [this.#columns, ...cells] : cells;
    this.#widths ??= this.#columns.map((_, index) => Math.max(...shown.map((row) => widthOf(row[index] ?? ""))));
    return shown.map((row) => `${this.#line(row, this.#widths ?? [])}\n`).join("");
  }

  #line(row: readonly string[], widths: readonly number[]): string {
    const padded = row.map((cell, index) => {
      const spaces = Math.max(0, (widths[index] ?? 0) - widthOf(cell)) + SPACE_BETWEEN_COLUMNS;
      return cell + " ".repeat(spaces);
    });
    return padded.join("").trimEnd();
  }
}

/** Whoever read a list has seen enough, as `head` has: what would follow is not fetched. */
export class ReaderGone extends Error {
  override readonly name = "ReaderGone";
}

export class Output {
  readonly json: boolean;
  #isReaderGone: boolean = false;
  #registry: Registry | undefined;
  readonly #files = new Set<DescFile>();

  constructor(json: boolean) {
    this.json = json;
    process.stdout.on("error", (error) => this.#lost(error));
    process.stderr.on("error", () => undefined);
  }

  /** Lets messages of a contract, and of those it is made of, be printed as JSON. */
  learn(file: DescFile): void {
    if (this.#files.has(file)) return;
    this.#files.add(file);
    this.#registry = undefined;
    for (const each of file.dependencies) this.learn(each);
  }

  /** One result: its JSON, or the lines that say it to a person. */
  async result(message: Message, lines: () => string): Promise<void> {
    await this.write(this.json ? jsonLine(await this.toJson(message)) : lines());
  }

  /**
   * Items as they come, in batches: a table, or one JSON object a line. Answers how many there were. Throws ReaderGone
   * when nobody reads any more.
   */
  async items<T extends Message>(batches: AsyncIterable<readonly T[]>, { columns, row }: View<T>): Promise<number> {
    const table = new Table(columns);
    let count = 0;
    for await (const batch of batches) {
      count += batch.length;
      if (this.json) {
        const lines = await Promise.all(batch.map(async (item) => jsonLine(await this.toJson(item))));
        await this.write(lines.join(""));
      } else if (batch.length > 0) {
        await this.write(table.lines(batch.map(row)));
      }
      if (this.#isReaderGone) throw new ReaderGone();
    }
    return count;
  }

  /** The proto3 JSON of a message whose contract was learnt. */
  async toJson(message: Message): Promise<unknown> {
    const { createRegistry, toJson } = await import("@bufbuild/protobuf");
    this.#registry ??= createRegistry(...this.#files);
    const schema: DescMessage | undefined = this.#registry.getMessage(message.$typeName);
    if (schema === undefined) throw new Error(`the contract of ${message.$typeName} was not learnt`);
    return toJson(schema, message, { registry: this.#registry });
  }

  /** Waits while the reader is slow, so that memory stays bounded. Without a reader the text is lost, the command is not. */
  async write(text: string): Promise<void> {
    if (text === "" || this.#isReaderGone) return;
    const error = await new Promise<Error | null | undefined>((resolve) => process.stdout.write(text, resolve));
    if (error !== null && error !== undefined) this.#lost(error);
  }

  /** The exit code tells what the command did, whether or not anybody read what it said. */
  #lost(error: NodeJS.ErrnoException): void {
    if (error.code !== "EPIPE" && !this.#isReaderGone) {
      process.stderr.write(`lockkeeper: the output cannot be written: ${error.message}\n`);
      process.exit(EXIT.UNFORESEEN);
    }
    this.#isReaderGone = true;
  }

  /** A remark for a person, beside the result; a script is not told. */
  note(text: string): void {
    if (!this.json) process.stderr.write(`${printable(text)}\n`);
  }

  failure({ message, lines, status }: Failure): void {
    const text = [`lockkeeper: ${message}`, ...lines.map((line) => `  ${line}`)];
    process.stderr.write(this.json ? jsonLine(status) : text.map((line) => `${printable(line)}\n`).join(""));
  }
}
