/** Finds the objects in certain lists of a JSON document one by one, so that documents may have any size. */
import { JsonGrammar } from "./json-grammar.ts";
import type { RawRecord } from "./raw-records.ts";

export interface ElementOptions {
  /** Names of the lists whose objects are wanted, at any depth; a list that is the whole document always counts. */
  readonly lists: readonly string[];
  /** The member that names the organization of the objects around it; absent: none does. */
  readonly organizationName?: string | undefined;
  /** A larger object is a fault. */
  readonly bytesMax: number;
  /** The offset of the first chunk in the file. */
  readonly begin: number;
  /** Objects that end at or before this offset are skipped. */
  readonly offset: number;
}

/** An open `{` or `[`. */
interface Open {
  readonly isList: boolean;
  /** Whether the objects directly within are wanted. */
  readonly isWanted: boolean;
  /** The name from a member of it, or from an enclosing object. */
  organization: string | undefined;
}

/** A wanted object that is not complete yet. */
interface Element {
  readonly depth: number;
  readonly line: number;
  /** Its bytes so far; none if there are too many. */
  parts: Buffer[];
  bytes: number;
}

/** The document is not valid JSON; the message says where. */
export class DocumentFault extends Error {
  override readonly name = "DocumentFault";
}

const NEWLINE = 10;
/** Strings must not contain bytes below this one. */
const CONTROLS_END = 32;
const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const OPEN_LIST = 91;
const BACKSLASH = 92;
const CLOSE_LIST = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;
/** Longer than every name that matters. */
const NAME_BYTES_MAX = 256;
const DEPTH_MAX = 64;

/** Yields the objects found in each chunk. Throws DocumentFault if the document around them is not valid JSON. */
export async function* findElements(
  chunks: AsyncIterable<Buffer>,
  options: ElementOptions,
): AsyncGenerator<readonly RawRecord[]> {
  const finder = new ElementFinder(options);
  for await (const chunk of chunks) {
    const found = finder.read(chunk);
    if (found.length > 0) yield found;
  }
  finder.end();
}

class ElementFinder {
  readonly #options: ElementOptions;
  readonly #stack: Open[] = [];
  /** Called with everything outside the wanted objects, which are parsed one by one. */
  readonly #grammar = new JsonGrammar();
  #offset: number;
  #line = 1;
  /** Whether a string is open; its bytes so far while it may be a name or an organization. */
  #inString: boolean = false;
  #escaped: boolean = false;
  #text: number[] = [];
  /** The last string, and the name of the member whose value comes next. */
  #lastText = "";
  #name = "";
  #element: Element | undefined;
  #found: RawRecord[] = [];

  constructor(options: ElementOptions) {
    this.#options = options;
    this.#offset = options.begin;
  }

  read(chunk: Buffer): readonly RawRecord[] {
    this.#found = [];
    let from = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] ?? 0;
      if (byte === NEWLINE) this.#line++;
      if (this.#inString) {
        this.#readString(byte);
        continue;
      }
      if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
        if (this.#open(byte === OPEN_LIST)) from = at;
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
        this.#close(byte === CLOSE_LIST, chunk.subarray(from, at + 1), this.#offset + at + 1);
      } else this.#readBetween(byte);
    }
    if (this.#element !== undefined) this.#collect(this.#element, chunk.subarray(from));
    this.#offset += chunk.length;
    return this.#found;
  }

  end(): void {
    if (this.#stack.length > 0 || this.#inString) throw new DocumentFault("the document ends before it is complete");
    if (!this.#grammar.end()) throw new DocumentFault("the end of the document is not valid JSON");
  }

  #readBetween(byte: number): void {
    if (this.#element === undefined) this.#check(this.#mayStand(byte));
    if (byte === QUOTE) {
      this.#inString = true;
      this.#text = [];
    } else if (byte === COLON) {
      this.#name = this.#lastText;
    } else if (byte === COMMA) {
      this.#name = "";
    }
  }

  #mayStand(byte: number): boolean {
    if (byte === QUOTE) return this.#grammar.string();
    if (byte === COLON) return this.#grammar.colon();
    return byte === COMMA ? this.#grammar.comma() : this.#grammar.other(byte);
  }

  #check(mayStand: boolean): void {
    if (!mayStand) throw new DocumentFault(`line ${this.#line} is not valid JSON`);
  }

  #readString(byte: number): void {
    if (this.#element === undefined) this.#check(byte >= CONTROLS_END);
    if (this.#escaped) this.#escaped = false;
    else if (byte === BACKSLASH) this.#escaped = true;
    else if (byte === QUOTE) {
      this.#inString = false;
      if (this.#element === undefined) this.#endString();
      return;
    }
    if (this.#element === undefined && this.#text.length < NAME_BYTES_MAX) this.#text.push(byte);
  }

  #endString(): void {
    this.#lastText = Buffer.from(this.#text).toString();
    const open = this.#stack.at(-1);
    if (open !== undefined && this.#name !== "" && this.#name === this.#options.organizationName) {
      open.organization = this.#lastText;
    }
  }

  /** Whether a wanted object begins. */
  #open(isList: boolean): boolean {
    const parent = this.#stack.at(-1);
    if (this.#stack.length >= DEPTH_MAX) {
      throw new DocumentFault(`line ${this.#line} nests deeper than ${DEPTH_MAX} levels`);
    }
    if (this.#element === undefined) this.#check(this.#grammar.open(isList));
    const isWanted = isList && (parent === undefined || (!parent.isList && this.#options.lists.includes(this.#name)));
    this.#stack.push({ isList, isWanted, organization: parent?.organization });
    this.#name = "";
    if (this.#element !== undefined || isList || parent?.isWanted !== true) return false;
    this.#element = { depth: this.#stack.length, line: this.#line, parts: [], bytes: 0 };
    return true;
  }

  #close(isList: boolean, bytes: Buffer, end: number): void {
    const open = this.#stack.pop();
    if (open === undefined || open.isList !== isList) {
      throw new DocumentFault(`line ${this.#line} closes a bracket that is not open`);
    }
    this.#name = "";
    const element = this.#element;
    if (element === undefined || element.depth === this.#stack.length + 1) this.#check(this.#grammar.close(isList));
    if (element === undefined || element.depth !== this.#stack.length + 1) return;
    this.#element = undefined;
    this.#collect(element, bytes);
    if (end <= this.#options.offset) return;
    const { organization } = open;
    const isTooLong = element.bytes > this.#options.bytesMax;
    this.#found.push({
      line: element.line,
      nextLine: this.#line,
      end,
      bytes: isTooLong ? Buffer.alloc(0) : Buffer.concat(element.parts),
      ...(isTooLong ? { fault: `is longer than ${this.#options.bytesMax} bytes` } : {}),
      ...(organization === undefined ? {} : { organization }),
    });
  }

  /** Keeps the bytes of an element unless there are too many. */
  #collect(element: Element, bytes: Buffer): void {
    element.bytes += bytes.length;
    if (element.bytes > this.#options.bytesMax) element.parts = [];
    else element.parts.push(bytes);
  }
}
