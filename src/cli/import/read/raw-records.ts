/** Splits the bytes of a file into records with their lines and ends; a line end within quotes does not end a record. */

export interface RawRecord {
  /** The line of the file on which it begins; the first is 1. */
  readonly line: number;
  /** The line after it. */
  readonly nextLine: number;
  /** The offset of its end in the file, after its line end. */
  readonly end: number;
  /** Without the line end. */
  readonly bytes: Buffer;
  /** Why it is not a valid record; absent if it is. */
  readonly fault?: string;
  /** The organization that an enclosing object names; absent if none does. */
  readonly organization?: string;
}

export interface SplitOptions {
  /** The separator of CSV, where quotes count; absent: each line is a record. */
  readonly delimiter?: number;
  /** The offset of the first chunk in the file. */
  readonly offset: number;
  readonly line: number;
  /** A longer record is a fault. */
  readonly bytesMax: number;
}

const NEWLINE = 10;
const RETURN = 13;
const QUOTE = 34;
const EMPTY = Buffer.alloc(0);

/** Yields the records of each chunk together. Memory is bounded by a chunk and the longest record. */
export async function* splitRecords(
  chunks: AsyncIterable<Buffer>,
  options: SplitOptions,
): AsyncGenerator<readonly RawRecord[]> {
  const splitter = new RecordSplitter(options);
  for await (const chunk of chunks) {
    const records = splitter.split(chunk, false);
    if (records.length > 0) yield records;
  }
  const records = splitter.split(EMPTY, true);
  if (records.length > 0) yield records;
}

class RecordSplitter {
  readonly #options: SplitOptions;
  /** The bytes that are not yet a record, and their offset in the file. */
  #pending: Buffer = EMPTY;
  #offset: number;
  #line: number;
  /** Where in `#pending` the search continues. */
  #at = 0;
  #inQuotes: boolean = false;
  /** Line ends within the record so far. */
  #inner = 0;
  /** Whether the record is too long: the bytes up to the next line end are dropped. */
  #skipping: boolean = false;
  #records: RawRecord[] = [];

  constructor(options: SplitOptions) {
    this.#options = options;
    this.#offset = options.offset;
    this.#line = options.line;
  }

  split(chunk: Buffer, isLast: boolean): readonly RawRecord[] {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    this.#records = [];
    while (this.#pending.length > 0) {
      const end = this.#findEnd(isLast);
      if (end !== undefined) this.#take(end);
      else if (!this.#giveUp(isLast)) break;
    }
    if (isLast && this.#skipping) this.#take(0);
    return this.#records;
  }

  /**
   * Returns the end of the record, after its line end; `undefined` if it is not within the allowed bytes, or not yet. The
   * chunks must not matter: a resumed import has other ones.
   */
  #findEnd(isLast: boolean): number | undefined {
    const { delimiter } = this.#options;
    const buffer = this.#skipping ? this.#pending : this.#pending.subarray(0, this.#limit);
    if (delimiter === undefined || this.#skipping) {
      const newline = buffer.indexOf(NEWLINE, this.#at);
      this.#at = buffer.length;
      if (newline !== -1) return newline + 1;
    } else {
      const newline = this.#scanCsv(buffer, delimiter, isLast);
      if (newline !== undefined) return newline + 1;
    }
    return isLast && !this.#inQuotes && buffer.length === this.#pending.length ? buffer.length : undefined;
  }

  /** The most bytes of a record with its line end. */
  get #limit(): number {
    return this.#options.bytesMax + 2;
  }

  /** Returns the line end outside quotes. A quote opens only at the start of a field, and a doubled one does not close. */
  #scanCsv(buffer: Buffer, delimiter: number, isLast: boolean): number | undefined {
    let at = this.#at;
    for (; at < buffer.length; at++) {
      const byte = buffer[at];
      if (byte === QUOTE) {
        if (!this.#inQuotes) {
          this.#inQuotes = at === 0 || buffer[at - 1] === delimiter;
          continue;
        }
        // The next byte decides whether it closes.
        if (at + 1 === this.#pending.length && !isLast) break;
        if (this.#pending[at + 1] === QUOTE) at++;
        else this.#inQuotes = false;
      } else if (byte === NEWLINE) {
        if (!this.#inQuotes) {
          this.#at = at;
          return at;
        }
        this.#inner++;
      }
    }
    this.#at = at;
    return undefined;
  }

  /** Takes the first pending bytes as a record; a line end alone is not a record. */
  #take(end: number, quoteFault?: string): void {
    const { bytesMax } = this.#options;
    const buffer = this.#pending;
    const hasNewline = buffer[end - 1] === NEWLINE;
    let textEnd = hasNewline ? end - 1 : end;
    if (hasNewline && buffer[textEnd - 1] === RETURN) textEnd--;
    const isTooLong = this.#skipping || (quoteFault === undefined && textEnd > bytesMax);
    const fault = isTooLong ? `is longer than ${bytesMax} bytes` : quoteFault;
    const line = this.#line;
    const nextLine = line + this.#inner + (hasNewline ? 1 : 0);
    this.#advance(end, nextLine);
    this.#skipping = false;
    if (fault !== undefined) this.#records.push({ line, nextLine, end: this.#offset, bytes: EMPTY, fault });
    else if (textEnd > 0) this.#records.push({ line, nextLine, end: this.#offset, bytes: buffer.subarray(0, textEnd) });
  }

  #advance(bytes: number, nextLine: number): void {
    this.#pending = this.#pending.subarray(bytes);
    this.#offset += bytes;
    this.#line = nextLine;
    this.#at = 0;
    this.#inQuotes = false;
    this.#inner = 0;
  }

  /** Turns a record that cannot end into a fault. Returns whether the search continues after it. */
  #giveUp(isLast: boolean): boolean {
    if (this.#skipping) {
      this.#advance(this.#pending.length, this.#line);
      return false;
    }
    const isTooLong = this.#at >= this.#limit;
    if (!isTooLong && !(isLast && this.#inQuotes)) return false;
    this.#inner = 0;
    if (this.#inQuotes) {
      // Only the line that opens the quote is lost: the lines after it may be valid.
      const newline = this.#pending.subarray(0, this.#limit).indexOf(NEWLINE);
      const where = isTooLong ? `within ${this.#options.bytesMax} bytes` : "before the file ends";
      if (newline !== -1 || !isTooLong) {
        this.#take(newline === -1 ? this.#pending.length : newline + 1, `opens a quote that is not closed ${where}`);
        return true;
      }
    }
    this.#skipping = true;
    this.#at = 0;
    return true;
  }
}
