/** Keeps the write-ahead log within its limit: checkpoints run on a worker, and the writer waits only as a last step. */
import { fdatasync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { Database } from "better-sqlite3";
import { StoreUnavailableError } from "../../errors.ts";
import { toReadError } from "../trouble.ts";
import { WorkerLink } from "../worker-link.ts";
import type { CheckpointMode, CheckpointResult } from "./checkpoint-worker.ts";

export interface WalKeeperOptions {
  readonly database: Database;
  readonly path: string;
  /** The descriptor of the database file, for syncing it. */
  readonly descriptor: number;
  readonly walBytesMax: number;
  readonly onTrouble: (error: unknown) => void;
}

/**
 * Parts of the limit at which a checkpoint begins, at which the writer waits for the rest, and at which it must wait.
 */
const BEGIN_PART = 3 / 8;
const REST_PART = 1 / 64;
const FULL_PART = 7 / 8;
/** Each pass moves what was written during the one before; if that does not shrink, the writer must wait. */
const PASSES_MAX = 8;
const FRAME_HEADER_BYTES = 24;
/** A checkpoint of the whole log takes a second or two; after this time it is considered stuck. */
const CALL_MS = 60_000;
/** How long the writer waits for readers to release the log before commands are refused. */
const WAIT_MS_MAX = 5_000;
/** The pause after a failed checkpoint. */
const RETRY_MS = 1_000;
/** The pause between two syncs of the database while a long log is moved. */
const SYNC_PAUSE_MS = 20;
/** The shortest time between two times that the log is emptied of erased values: all of it is moved for that. */
const FORGET_MS = 30_000;
/** A database of at most this size is rewritten then, which takes the writer a part of a second. */
const REWRITTEN_BYTES_MAX = 32 * 1024 * 1024;
/** How often it tries to begin a hold. */
const HOLDS_MAX = 20;

const syncFile = promisify(fdatasync);

/** A hold: a period in which the database file alone is the whole database. */
export interface HoldOptions {
  /** Begins a read transaction; runs in one turn, while the writer pauses. */
  readonly begin: () => void;
  /** How large the log may grow meanwhile, in bytes. */
  readonly bytesMax: number;
  /** Called when the log has reached that size. Must end the transaction and release the hold. */
  readonly exceeded: () => void;
}

export class WalKeeper {
  /** Milliseconds that the writer has waited for the log to restart. */
  waitedMs = 0;
  readonly #options: WalKeeperOptions;
  readonly #link: WorkerLink<CheckpointMode>;
  readonly #probe: () => CheckpointResult | undefined;
  readonly #frameBytes: number;
  #isRestSmall: boolean = false;
  #isClosed: boolean = false;
  #passive: Promise<void> | undefined;
  #failedUntil = 0;
  #restart: Promise<void> | undefined;
  #held: HoldOptions | undefined;
  /** Whether the log still has values that were erased. */
  #hasErased: boolean = false;
  #isRewritten: boolean = false;
  #emptiedAt = Number.NEGATIVE_INFINITY;
  #emptying: NodeJS.Timeout | undefined;
  /** The current limit: higher while the growth of a hold is moved and the writer goes on. */
  #bytesMax: number;

  constructor(options: WalKeeperOptions) {
    const { database, path, onTrouble } = options;
    this.#options = options;
    this.#bytesMax = options.walBytesMax;
    this.#link = new WorkerLink({
      name: "checkpoint worker",
      url: new URL("./checkpoint-worker.ts", import.meta.url),
      workerData: { path },
      callMs: CALL_MS,
      onTrouble,
    });
    // NOOP only returns the length of the log.
    const noop = database.prepare<[], CheckpointResult>("PRAGMA wal_checkpoint(NOOP)");
    this.#probe = () => noop.get();
    this.#frameBytes = Number(database.pragma("page_size", { simple: true })) + FRAME_HEADER_BYTES;
  }

  /**
   * Called before each transaction; `undefined`: go on. One batch may exceed FULL_PART, but is far smaller than the
   * rest of the limit.
   */
  whenRoom(): Promise<void> | undefined {
    if (this.#restart !== undefined) return this.#restart;
    const bytes = this.usedBytes();
    const { walBytesMax } = this.#options;
    if (this.#held !== undefined) {
      if (bytes < this.#held.bytesMax) return undefined;
      this.#held.exceeded();
    }
    const isFull = bytes >= this.#bytesMax * FULL_PART;
    if (isFull || this.#isRestSmall) return this.#beginRestart(isFull);
    if (bytes >= walBytesMax * BEGIN_PART && performance.now() >= this.#failedUntil) void this.#beginPassive();
    return undefined;
  }

  /**
   * Values were erased: empties the file of the log soon, because it has the pages of before. A checkpoint alone leaves
   * them there until others are written over them. `secure_delete` writes over what is deleted, but not over the copies
   * that SQLite leaves in the unused part of a page when it moves rows to another one: only a rewritten database has none.
   */
  forget(): void {
    this.#hasErased = true;
    this.#isRewritten = false;
    this.#emptyIn(Math.max(0, this.#emptiedAt + FORGET_MS - performance.now()));
  }

  #emptyIn(ms: number): void {
    if (this.#isClosed) return;
    this.#emptying ??= setTimeout(() => {
      this.#emptying = undefined;
      void this.#empty();
    }, ms).unref();
  }

  async #empty(): Promise<void> {
    const isFree = (): boolean => this.#held === undefined && !this.#isClosed;
    if (isFree()) await this.#beginPassive();
    // Without traffic nobody else runs the rest.
    if (isFree() && this.#hasErased) await (this.#restart ?? this.#beginRestart(false)).catch(() => undefined);
    // A reader or a backup was in the way.
    if (this.#hasErased) this.#emptyIn(RETRY_MS);
  }

  #beginPassive(): Promise<void> {
    this.#passive ??= this.#runPassive().finally(() => {
      this.#passive = undefined;
    });
    return this.#passive;
  }

  #beginRestart(isFull: boolean): Promise<void> {
    const begin = performance.now();
    this.#restart = this.#runRestart(isFull).finally(() => {
      this.#restart = undefined;
      this.waitedMs += performance.now() - begin;
    });
    return this.#restart;
  }

  /**
   * Moves the whole log, then runs `begin` before the writer goes on. No checkpoint runs until the returned function is
   * called. Rejects with StoreUnavailableError when readers do not release the log.
   */
  async hold(options: HoldOptions): Promise<() => void> {
    for (let attempt = 0; attempt < HOLDS_MAX && !this.#isClosed; attempt++) {
      // Moves most of it while the writer goes on, so that the rest is quick.
      await this.#beginPassive();
      await this.#restart?.catch(() => undefined);
      if (this.#restart === undefined && (await this.#tryHold(options))) return () => this.#letGo(options);
      await sleep(RETRY_MS / HOLDS_MAX);
    }
    throw new StoreUnavailableError("the write-ahead log cannot be moved into the database", undefined);
  }

  /** Pauses the writer for one checkpoint of the rest. Returns false when a reader of older pages blocks it. */
  async #tryHold(options: HoldOptions): Promise<boolean> {
    const begin = performance.now();
    const held = this.#checkpoint("PASSIVE").then(() => {
      const { log, checkpointed } = this.#readState();
      if (checkpointed < log) return false;
      options.begin();
      this.#held = options;
      this.#isRestSmall = false;
      return true;
    });
    // The writer only waits: a backup that fails is not a storage failure.
    this.#restart = held.then(
      () => undefined,
      () => undefined,
    );
    try {
      return await held;
    } finally {
      this.#restart = undefined;
      this.waitedMs += performance.now() - begin;
    }
  }

  #letGo(options: HoldOptions): void {
    if (this.#held !== options) return;
    this.#held = undefined;
    if (!this.#isClosed) this.#bytesMax = this.usedBytes() / FULL_PART + this.#options.walBytesMax;
  }

  /** Returns the bytes of the log up to the last one that a checkpoint must still move. */
  usedBytes(): number {
    const state = this.#readState();
    // The next write restarts a log whose frames are all moved.
    return state.checkpointed >= state.log ? 0 : state.log * this.#frameBytes;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#emptying);
    await this.#restart?.catch(() => undefined);
    await this.#passive;
    await this.#link.close();
  }

  #readState(): CheckpointResult {
    try {
      return this.#probe() ?? { busy: 0, log: 0, checkpointed: 0 };
    } catch (error) {
      throw notApplied(toReadError(error));
    }
  }

  async #runPassive(): Promise<void> {
    try {
      for (let pass = 0; pass < PASSES_MAX && !this.#isRestSmall; pass++) {
        if (this.#isClosed) return;
        await this.#movePages();
        // SQLite syncs the database only after it has moved the whole log: in RESTART, while the writer waits. A sync
        // here, while the writer goes on, leaves RESTART almost nothing to sync.
        await syncFile(this.#options.descriptor);
        // Read again: the worker returns the length that the log had when it began.
        const { log, checkpointed } = this.#readState();
        this.#isRestSmall = (log - checkpointed) * this.#frameBytes <= this.#options.walBytesMax * REST_PART;
      }
      this.#isRestSmall = true;
    } catch (error) {
      this.#failedUntil = performance.now() + RETRY_MS;
      this.#options.onTrouble(error);
    }
  }

  /** Moves the growth of a hold in parts: all at once would make commits wait for the disk. */
  async #movePages(): Promise<void> {
    let isMoving = this.#bytesMax > this.#options.walBytesMax;
    const moved = this.#checkpoint("PASSIVE").finally(() => {
      isMoving = false;
    });
    // Its failure is reported below; after a failed sync it must still have a listener.
    moved.catch(() => undefined);
    while (isMoving) {
      await sleep(SYNC_PAUSE_MS);
      await syncFile(this.#options.descriptor);
    }
    await moved;
  }

  /** Pauses the writer meanwhile; the event loop goes on. */
  async #runRestart(isFull: boolean): Promise<void> {
    const endTime = performance.now() + WAIT_MS_MAX;
    this.#isRestSmall = false;
    let cause: unknown;
    do {
      try {
        const empties = this.#hasErased;
        const { busy } = empties ? await this.#checkpointErased() : await this.#checkpoint("RESTART");
        if (busy === 0) {
          // The writer waits meanwhile, so nothing was erased since.
          if (empties) this.#noteEmptied();
          this.#bytesMax = this.#options.walBytesMax;
          return;
        }
      } catch (error) {
        cause = error;
        this.#options.onTrouble(error);
        break;
      }
    } while (isFull && performance.now() < endTime);
    if (isFull) {
      throw new StoreUnavailableError(
        "the write-ahead log is full and cannot be moved into the database",
        "NOT_APPLIED",
        {
          cause,
        },
      );
    }
    this.#failedUntil = performance.now() + RETRY_MS;
  }

  /** Readers may keep the log from being emptied: the database is rewritten once, and emptying is tried again. */
  async #checkpointErased(): Promise<CheckpointResult> {
    const { database } = this.#options;
    const pages = Number(database.pragma("page_count", { simple: true }));
    const isSmall = pages * (this.#frameBytes - FRAME_HEADER_BYTES) <= REWRITTEN_BYTES_MAX;
    const result = await this.#checkpoint(isSmall && !this.#isRewritten ? "REWRITE" : "TRUNCATE");
    this.#isRewritten = isSmall;
    return result;
  }

  #noteEmptied(): void {
    this.#hasErased = false;
    this.#emptiedAt = performance.now();
  }

  async #checkpoint(mode: CheckpointMode): Promise<CheckpointResult> {
    return (await this.#link.call(mode)) as CheckpointResult;
  }
}

function notApplied(error: unknown): unknown {
  if (!(error instanceof StoreUnavailableError)) return error;
  return new StoreUnavailableError(error.message, "NOT_APPLIED", { cause: error.cause });
}
