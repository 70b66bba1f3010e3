/** The checkpoint next to a file that is being imported: an interrupted import resumes from it. */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { fileFault } from "../../file-fault.ts";
import { EXIT, Failure, usageFailure } from "../frame/failure.ts";
import { isObject, shown } from "./row.ts";

const VERSION = 1;
const SUFFIX = ".lockkeeper-import.json";
/** How often it is written at the most. */
const SAVE_EVERY_MS = 250;

/** What came of the rows so far. */
export interface Counts {
  readonly created: number;
  readonly updated: number;
  readonly skipped: number;
  readonly failed: number;
  /** Rows that are no users to bring over. */
  readonly passedOver: number;
  /** Rows that had passwords or second factors, which stay behind. */
  readonly withSecrets: number;
}

export const NO_COUNTS: Counts = { created: 0, updated: 0, skipped: 0, failed: 0, passedOver: 0, withSecrets: 0 };

/** Everything up to here is settled. */
export interface Progress {
  /** So many bytes of the file, and the line after them. */
  readonly offset: number;
  readonly line: number;
  readonly counts: Counts;
  /** Bytes of the file of errors that belong to it. */
  readonly errorBytes: number;
  /** The organization in the source system; empty if no row names one. */
  readonly foreignOrganization: string;
}

/** What decides which rows are sent and how: going on with another would lose or double some. */
export type Terms = Readonly<Record<string, string | number>>;

interface Stored {
  readonly version: number;
  /** Made when the import began; the request ids begin with it. */
  readonly importId: string;
  readonly terms: Terms;
  readonly progress: Progress;
}

export interface CheckpointOptions {
  /** The file that is imported. */
  readonly path: string;
  readonly terms: Terms;
  /** Start over whatever is there. */
  readonly restart: boolean;
  readonly newId: () => string;
  /** Milliseconds that only go forward. */
  readonly clock: () => number;
  readonly start: Progress;
}

/** The path of the checkpoint of a file. */
export class Checkpoint {
  readonly path: string;
  readonly importId: string;
  /** Where to go on. */
  readonly begin: Progress;
  /** An earlier import broke off. */
  readonly isResumed: boolean;
  readonly #options: CheckpointOptions;
  #latest: Progress;
  #savedAt = Number.NEGATIVE_INFINITY;

  /** Throws a Failure when what is there is of another file or of other terms. */
  constructor(options: CheckpointOptions) {
    this.#options = options;
    this.path = `${options.path}${SUFFIX}`;
    const stored = options.restart ? undefined : readStored(this.path);
    if (stored !== undefined) assertSame(this.path, stored.terms, options.terms);
    this.isResumed = stored !== undefined;
    this.importId = stored?.importId ?? options.newId();
    this.begin = stored?.progress ?? options.start;
    this.#latest = this.begin;
  }

  /** Before anything is sent: what is sent carries the id. */
  open(): void {
    if (this.#savedAt === Number.NEGATIVE_INFINITY) this.save();
  }

  /** Notes how far the import is; written now and then. */
  note(progress: Progress): void {
    this.#latest = progress;
    if (this.#options.clock() - this.#savedAt >= SAVE_EVERY_MS) this.save();
  }

  /** Written whole or not at all: a new file takes the place of the old one. */
  save(): void {
    const { importId, path } = this;
    const stored: Stored = { version: VERSION, importId, terms: this.#options.terms, progress: this.#latest };
    try {
      const draft = `${path}.new`;
      const file = openSync(draft, "w", 0o600);
      try {
        writeSync(file, `${JSON.stringify(stored)}\n`);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(draft, path);
    } catch (error) {
      throw unwritable(path, this.#options.path, error);
    }
    this.#savedAt = this.#options.clock();
  }

  /** Nothing came of the import: what an earlier one left stays, so that it can still go on. */
  discard(): void {
    if (this.#savedAt !== Number.NEGATIVE_INFINITY) this.remove();
  }

  /** The import is complete. */
  remove(): void {
    rmSync(this.path, { force: true });
  }
}

/** What is kept beside the imported file cannot be: a folder that may only be read, for example. */
export function unwritable(path: string, imported: string, cause: unknown): Failure {
  return new Failure(
    EXIT.USAGE,
    `${path}, which records the progress of the import, cannot be written: ${fileFault(cause)}`,
    {
      lines: [
        `copy ${imported} to a folder that can be written, or pipe it in, which cannot be resumed: users import - --format csv|ndjson|json < FILE`,
      ],
      cause,
    },
  );
}

function readStored(path: string): Stored | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw usageFailure(`the checkpoint ${path} cannot be read: ${fileFault(error)}`);
  }
  const stored = parseStored(text);
  if (stored !== undefined) return stored;
  throw usageFailure(`${path} is not a checkpoint of this version; --restart starts over without it`);
}

function parseStored(text: string): Stored | undefined {
  try {
    const stored: unknown = JSON.parse(text);
    const isOurs =
      isObject(stored) && stored.version === VERSION && isObject(stored.progress) && isObject(stored.terms);
    return isOurs ? (stored as unknown as Stored) : undefined;
  } catch {
    return undefined;
  }
}

function assertSame(path: string, stored: Terms, given: Terms): void {
  const other = Object.keys({ ...stored, ...given }).filter((name) => stored[name] !== given[name]);
  if (other.length === 0) return;
  const differences = other.map((name) => `${name} (${shown(String(stored[name] ?? ""))})`);
  throw usageFailure(
    `${path} belongs to an interrupted import with another ${differences.join(", another ")}; repeat that command to resume it, or start over with --restart`,
  );
}
