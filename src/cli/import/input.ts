/** The bytes to import: a file that can be read from any offset, or standard input. */
import { createHash } from "node:crypto";
import { createReadStream, fstatSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { extname } from "node:path";
import type { Readable } from "node:stream";
import { fileFault } from "../../file-fault.ts";
import { usageFailure } from "../frame/failure.ts";
import { FORMATS, type Format, type Source, shown } from "./row.ts";

/** The beginning that is read before the first row: for the format, the header, and to recognize the file of an earlier import. */
const HEAD_BYTES = 64 * 1024;
const CHUNK_BYTES = 256 * 1024;

/** The identity of a file, under any name. */
export interface FileIdentity {
  readonly dev: number;
  readonly ino: number;
}

export interface Input {
  /** `undefined` for standard input, which cannot be resumed. */
  readonly path: string | undefined;
  /** The identity of the file, or of standard input; `undefined` if it is not a file. */
  readonly identity: FileIdentity | undefined;
  /** In bytes; `undefined` if unknown. */
  readonly size: number | undefined;
  /** The first bytes, without a byte order mark. */
  readonly head: Buffer;
  /** The bytes of the byte order mark. */
  readonly markBytes: number;
  /** SHA-256 of the first bytes, in hexadecimal. */
  readonly headDigest: string;
  /** Reads from an offset; standard input can be read only once, from its start. */
  readonly read: (offset: number) => AsyncIterable<Buffer>;
}

const MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** Opens a file, or standard input for `-`. Throws a usage Failure if there is no such file, or it cannot be read. */
export async function openInput(word: string, stdin: Readable, signal: AbortSignal): Promise<Input> {
  return word === "-" ? await openPipe(stdin, signal) : await openFile(word);
}

async function openFile(path: string): Promise<Input> {
  let file: FileHandle;
  try {
    file = await open(path);
  } catch (error) {
    throw usageFailure(`${shown(path)} cannot be read: ${fileFault(error)}`);
  }
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw usageFailure(`${shown(path)} is not a file; "-" stands for standard input`);
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(HEAD_BYTES), position: 0 });
    return {
      path,
      identity: stats,
      size: stats.size,
      ...headOf(buffer.subarray(0, bytesRead), path),
      read: (offset) => createReadStream(path, { start: offset, highWaterMark: CHUNK_BYTES }),
    };
  } finally {
    await file.close();
  }
}

async function openPipe(stdin: Readable, signal: AbortSignal): Promise<Input> {
  // An interrupt does not wait for standard input.
  signal.addEventListener("abort", () => stdin.destroy());
  const chunks = stdin[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const first: Buffer[] = [];
  let bytes = 0;
  while (bytes < HEAD_BYTES) {
    const next = await chunks.next();
    if (next.done === true) break;
    first.push(next.value);
    bytes += next.value.length;
  }
  const begin = Buffer.concat(first);
  async function* read(offset: number): AsyncGenerator<Buffer> {
    yield begin.subarray(offset);
    yield* { [Symbol.asyncIterator]: () => chunks };
  }
  const identity = identityOfStdin();
  return { path: undefined, identity, size: undefined, ...headOf(begin.subarray(0, HEAD_BYTES), "-"), read };
}

function identityOfStdin(): FileIdentity | undefined {
  try {
    return fstatSync(0);
  } catch {
    return undefined;
  }
}

function headOf(bytes: Buffer, word: string): Pick<Input, "head" | "markBytes" | "headDigest"> {
  const name = word === "-" ? "standard input" : shown(word);
  const isUtf16 =
    bytes.length >= 2 && ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff));
  if (isUtf16) throw usageFailure(`${name} is UTF-16; save it as UTF-8`);
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    throw usageFailure(
      `${name} is compressed; unpack it first, or pipe it: gunzip -c FILE | lockkeeper users import -`,
    );
  }
  const markBytes = bytes.subarray(0, MARK.length).equals(MARK) ? MARK.length : 0;
  if (bytes.length === markBytes) throw usageFailure(`${name} is empty`);
  return { head: bytes.subarray(markBytes), markBytes, headDigest: createHash("sha256").update(bytes).digest("hex") };
}

const BY_EXTENSION: Readonly<Record<string, Format>> = {
  ".csv": "csv",
  ".ndjson": "ndjson",
  ".jsonl": "ndjson",
  ".json": "json",
};

/** The members that may come first in a document with a list: those before or next to the list. */
const BESIDE_LISTS = ["orgs", "details", "sortingColumn", "start", "limit", "length", "total", "total_count"];

/** Returns the format: as given, or by the file name; the beginning tells a JSON document from NDJSON. */
export function findFormat(input: Input, asked: Format | undefined, source: Source): Format {
  const named = asked ?? BY_EXTENSION[extname(input.path ?? "").toLowerCase()];
  if (named === undefined) {
    const name =
      input.path === undefined
        ? "standard input has no file name"
        : `the name ${shown(input.path)} does not tell the format`;
    throw usageFailure(`${name}; give --format ${FORMATS.join("|")}`);
  }
  if (!source.formats.includes(named)) {
    throw usageFailure(
      `--format: ${shown(named)} is not what this system exports; it must be ${source.formats.join(" or ")}`,
    );
  }
  if (named === "csv") return "csv";
  const begin = input.head.toString("latin1").trimStart();
  const firstName = /^\{\s*"([^"]*)"/.exec(begin)?.[1];
  const isDocument =
    begin.startsWith("[") ||
    (firstName !== undefined && [...BESIDE_LISTS, ...source.lists].includes(firstName)) ||
    listsOf(begin).some((name) => source.lists.includes(name)) ||
    // An object of NDJSON does not end its line there.
    /^\{[ \t\r]*\n/.test(begin);
  return isDocument ? "json" : "ndjson";
}

/** Returns the members that are lists in the first object of a text, as far as the text goes. */
function listsOf(begin: string): readonly string[] {
  const names: string[] = [];
  let depth = 0;
  for (const { 0: token, 1: name } of begin.matchAll(/"((?:[^"\\]|\\.)*)"(\s*:\s*\[)?|[[\]{}]/gs)) {
    if (token.startsWith('"')) {
      if (!token.endsWith("[")) continue;
      if (depth === 1 && name !== undefined) names.push(name);
      depth++;
    } else depth += token === "{" || token === "[" ? 1 : -1;
    if (depth === 0) break;
  }
  return names;
}
