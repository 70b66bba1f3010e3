/** The checkpoint next to a file that is being imported: an interrupted import resumes from it. */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { fileFault } from "../../file-fault.ts";
import { EXIT, Failure, usageFailure } from "../frame/failure.ts";
import { isObject, shown } from "./row.ts";

const VERSION = 1;
const SUFFIX = ".lockkeeper-import.json";
/** The shortest time between two writes. */
const SAVE_EVERY_MS = 250;

/** The outcomes of the rows so far. */
export interface Counts {
  readonly created: number;
  readonly updated: number;
  readonly skipped: number;
  readonly failed: number;
  /** Rows that are passed over, as those of deleted users. */
  readonly passedOver: number;
  /** Rows with passwords or second factors, which are not imported. */
  readonly withSecrets: number;
}

export const NO_COUNTS: Counts = { created: 0, updated: 0, skipped: 0, failed: 0, passedOver: 0, withSecrets: 0 };

/** The point up to which every row is settled. */
export interface Progress {
  /** The bytes of the file up to that point, and the line after them. */
  readonly offset: number;
  readonly line: number;
  readonly counts: Counts;
  /** Bytes of the file of errors that belong to it. */
  readonly errorBytes: number;
  /** The organization in the source system; empty if no row names one. */
  readonly foreignOrganization: string;
}

/** The flags that decide which rows are sent and how: resuming with others would lose or repeat rows. */
export type Terms = Readonly<Record<string, string | number>>;

interface Stored {
  readonly version: number;
  /** Created when the import began; the request ids begin with it. */
  readonly importId: string;
  readonly terms: Terms;
  readonly progress: Progress;
}

export interface CheckpointOptions {
  /** The file that is imported. */
  readonly path: string;
  readonly terms: Terms;
  /** Whether to start over, even if there is a checkpoint. */
  readonly restart: boolean;
  readonly newId: () => string;
  /** Monotonic milliseconds. */
  readonly clock: () => number;
  readonly start: Progress;
}

/** The checkpoint of one import. */
export class Checkpoint {
  readonly path: string;
  readonly importId: string;
  /** Where to begin. */
  readonly begin: Progress;
  /** Whether an earlier import was interrupted. */
  readonly isResumed: boolean;
  readonly #options: CheckpointOptions;
  #latest: Progress;
  #savedAt = Number.NEGATIVE_INFINITY;

  /** Throws a Failure if there is a checkpoint of another file or of other terms. */
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

  /** Writes the checkpoint before anything is sent, because requests carry its id. */
  open(): void {
    if (this.#savedAt === Number.NEGATIVE_INFINITY) this.save();
  }

  /** Notes the progress; writes it from time to time. */
  note(progress: Progress): void {
    this.#latest = progress;
    if (this.#options.clock() - this.#savedAt >= SAVE_EVERY_MS) this.save();
  }

  /** Writes the checkpoint whole or not at all: a new file replaces the old one. */
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

  /** Ends an import without effect. A checkpoint of an earlier import stays, so that it can be resumed. */
  discard(): void {
    if (this.#savedAt !== Number.NEGATIVE_INFINITY) this.remove();
  }

  /** Deletes the checkpoint of a complete import. */
  remove(): void {
    rmSync(this.path, { force: true });
  }
}

/** Returns the Failure for a file that cannot be written next to the imported one, as in a read-only folder. */
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
