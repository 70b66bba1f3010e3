/** Prints results: tables and lines for people, JSON, YAML and ids for scripts. Control sequences are always escaped. */
import type { DescFile, DescMessage, Message, Registry } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { EXIT, Failure } from "./failure.ts";
import { type Column, printable, Table, type TableLook } from "./table.ts";
import { hasColours, PROGRAM, type Terminal } from "./terminal.ts";
import { instantText, relativeText } from "./text.ts";

export const OUTPUT_FORMS = { table: "table", wide: "wide", json: "json", yaml: "yaml", name: "name" } as const;
export type OutputForm = keyof typeof OUTPUT_FORMS;

/** Shows an instant as text. */
export type TimeText = (instant: Timestamp | undefined) => string;

/** The table of a list. */
export interface View<T> {
  readonly columns: readonly (string | Column)[];
  /** One cell for each column. */
  readonly row: (item: T, time: TimeText) => readonly string[];
  /** The text for `--output name`. */
  readonly name: (item: T) => string;
}

/** A result for readers of text. */
export interface Shown {
  readonly lines: () => string;
  /** The ids, for `--output name`; absent: the lines are printed. */
  readonly name?: () => string;
}

/** Characters that JSON.stringify leaves as they are although they can control a terminal. */
const UNSAFE_IN_JSON = /[\u007f-\u009f\p{Cf}\u2028\u2029]/gu;

/** Returns JSON on one line; characters that can control a terminal are JSON escapes. */
export function jsonLine(json: unknown): string {
  const units = (character: string): string =>
    [...Array(character.length).keys()]
      .map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`)
      .join("");
  return `${JSON.stringify(json).replace(UNSAFE_IN_JSON, units)}\n`;
}

/** Returns a YAML document; characters that can control a terminal are YAML escapes. */
export async function yamlDocument(json: unknown): Promise<string> {
  const { Document, Scalar, visit } = await import("yaml");
  const document = new Document(json);
  visit(document, {
    Scalar(_, node) {
      // Only a text in double quotes can contain escapes.
      if (typeof node.value === "string" && printable(node.value) !== node.value) node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  const escaped = (character: string): string => `\\U${(character.codePointAt(0) ?? 0).toString(16).padStart(8, "0")}`;
  return `---\n${document.toString({ lineWidth: 0 }).replace(UNSAFE_IN_JSON, escaped)}`;
}

/** The reader of a list closed it, as `head` does: the rest is not fetched. */
export class ReaderGone extends Error {
  override readonly name = "ReaderGone";
}

export class Output {
  readonly form: OutputForm;
  readonly #terminal: Terminal;
  #isReaderGone: boolean = false;
  #registry: Registry | undefined;
  readonly #files = new Set<DescFile>();

  constructor(form: OutputForm, terminal: Terminal) {
    this.form = form;
    this.#terminal = terminal;
    // The callback of each write reports its errors.
    terminal.stdout.on("error", () => undefined);
    terminal.stderr.on("error", () => undefined);
  }

  /** Whether standard output is JSON for a program. */
  get json(): boolean {
    return this.form === "json";
  }

  /** Whether a person reads a terminal: then times are relative and lines are cut. */
  get #isForEyes(): boolean {
    return this.form === "table" && this.#terminal.stdout.isTTY === true;
  }

  /** Returns an instant for a person: `2h ago` on a terminal, ISO 8601 elsewhere; empty if absent. */
  readonly time: TimeText = (instant) =>
    this.#isForEyes ? relativeText(instant, this.#terminal.now()) : instantText(instant);

  table(columns: readonly (string | Column)[]): Table {
    const { stdout, environment } = this.#terminal;
    const look: TableLook = {
      columns: this.#isForEyes ? stdout.columns || undefined : undefined,
      wide: this.form === "wide",
      colours: hasColours(stdout, environment),
    };
    return new Table(columns, look);
  }

  /** Learns the messages of a file and its dependencies, so that they can be printed as JSON. */
  learn(file: DescFile): void {
    if (this.#files.has(file)) return;
    this.#files.add(file);
    this.#registry = undefined;
    for (const each of file.dependencies) this.learn(each);
  }

  /** Prints one result: as proto3 JSON, as YAML, its id, or lines for a person. */
  async result(message: Message, shown: Shown | (() => string)): Promise<void> {
    const isData = this.form === "json" || this.form === "yaml";
    await this.object(isData ? await this.toJson(message) : undefined, shown);
  }

  /** Prints a result that is JSON already. */
  async object(json: unknown, shown: Shown | (() => string)): Promise<void> {
    const { lines, name = lines } = typeof shown === "function" ? { lines: shown } : shown;
    if (this.form === "json") await this.write(jsonLine(json));
    else if (this.form === "yaml") await this.write(await yamlDocument(json));
    else await this.write(this.form === "name" && name !== lines ? `${printable(name())}\n` : lines());
  }

  /**
   * Prints items as they arrive, in batches: a table, one JSON object or id per line, or YAML documents. Returns their
   * number. Throws ReaderGone when nobody reads any more.
   */
  async items<T extends Message>(batches: AsyncIterable<readonly T[]>, view: View<T>): Promise<number> {
    const table = this.table(view.columns);
    let count = 0;
    for await (const batch of batches) {
      count += batch.length;
      await this.write(await this.#batchText(batch, view, table));
      if (this.#isReaderGone) throw new ReaderGone();
    }
    return count;
  }

  async #batchText<T extends Message>(batch: readonly T[], { name, row }: View<T>, table: Table): Promise<string> {
    if (batch.length === 0) return "";
    if (this.form === "name") return batch.map((item) => `${printable(name(item))}\n`).join("");
    if (this.form === "table" || this.form === "wide") return table.lines(batch.map((item) => row(item, this.time)));
    const text = this.json ? jsonLine : yamlDocument;
    return (await Promise.all(batch.map(async (item) => text(await this.toJson(item))))).join("");
  }

  /** Returns the proto3 JSON of a message whose file was learnt. */
  async toJson(message: Message): Promise<unknown> {
    const { createRegistry, toJson } = await import("@bufbuild/protobuf");
    this.#registry ??= createRegistry(...this.#files);
    const schema: DescMessage | undefined = this.#registry.getMessage(message.$typeName);
    if (schema === undefined) throw new Error(`the contract of ${message.$typeName} was not learnt`);
    return toJson(schema, message, { registry: this.#registry });
  }

  /**
   * Writes a text, and waits while the reader is slow, so that memory stays bounded. Without a reader the text is lost but
   * the command goes on: its exit code says what it did. Throws a Failure for any other error, such as a full disk.
   */
  async write(text: string): Promise<void> {
    const { stdout } = this.#terminal;
    if (text === "" || this.#isReaderGone) return;
    const error = await new Promise<NodeJS.ErrnoException | null | undefined>((done) => stdout.write(text, done));
    if (error === null || error === undefined) return;
    this.#isReaderGone = true;
    if (error.code === "EPIPE" || error.code === "ERR_STREAM_DESTROYED") return;
    throw new Failure(EXIT.UNFORESEEN, `the output cannot be written: ${error.message}`, { cause: error });
  }

  /** Prints a remark for a person on standard error; scripts do not get it. */
  note(text: string): void {
    if (this.form === "table" || this.form === "wide") this.remark(text);
  }

  /** Prints a remark that must not be missed on standard error, in every output format. */
  remark(text: string): void {
    this.#terminal.stderr.write(`${printable(text)}\n`);
  }

  /** Prints a failure on standard error: a sentence, or google.rpc.Status with `--output json`. */
  failure({ message, lines, status }: Failure): void {
    const text = [`${PROGRAM}: ${message}`, ...lines.map((line) => `  ${line}`)];
    const { stderr } = this.#terminal;
    stderr.write(this.json ? jsonLine(status) : text.map((line) => `${printable(line)}\n`).join(""));
  }
}
