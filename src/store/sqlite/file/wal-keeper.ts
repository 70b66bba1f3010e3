/** Keeps the write-ahead log within its bound: checkpoints on a worker, and lets the writer wait only at the end. */
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
  /** Of the database file, for syncing it. */
  readonly descriptor: number;
  readonly walBytesMax: number;
  readonly onTrouble: (error: unknown) => void;
}

/** Parts of the bound at which a checkpoint begins, at which the writer waits for the rest, and at which it must. */
const BEGIN_PART = 3 / 8;
const REST_PART = 1 / 64;
const FULL_PART = 7 / 8;
/** Each pass finds what was written during the one before; where that does not shrink, the writer has to wait. */
const PASSES_MAX = 8;
const FRAME_HEADER_BYTES = 24;
/** A checkpoint of the whole log takes a second or two; one without an answer for so long hangs. */
const CALL_MS = 60_000;
/** How long the writer waits for readers to let go of the log before its commands are refused. */
const WAIT_MS_MAX = 5_000;
/** After a failed checkpoint: not again at once. */
const RETRY_MS = 1_000;
/** Between two syncs of the database while a long log is moved. */
const SYNC_PAUSE_MS = 20;
/** How often a moment to hold is looked for. */
const HOLDS_MAX = 20;

const syncFile = promisify(fdatasync);

/** A moment at which the database file alone is the whole database, and that lasts. */
export interface HoldOptions {
  /** Begins a read transaction; runs in one turn, while the writer stands still. */
  readonly begin: () => void;
  /** How long the log may grow meanwhile. */
  readonly bytesMax: number;
  /** Told when it has. Must end the transaction and release. */
  readonly exceeded: () => void;
}

export class WalKeeper {
  /** Milliseconds that the writer has waited for the log to begin anew. */
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
  /** The bound of now: higher while what grew during a hold is moved, beside the writer. */
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
    // NOOP only tells how long the log is.
    const noop = database.prepare<[], CheckpointResult>("PRAGMA wal_checkpoint(NOOP)");
    this.#probe = () => noop.get();
    this.#frameBytes = Number(database.pragma("page_size", { simple: true })) + FRAME_HEADER_BYTES;
  }

  /**
   * Asked before each transaction; `undefined`: go on. The log is bounded by what one batch adds beyond FULL_PART: a
   * batch is far smaller than the rest.
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
    if (isFull || this.#isRestSmall) {
      const begin = performance.now();
      this.#restart = this.#runRestart(isFull).finally(() => {
        this.#restart = undefined;
        this.waitedMs += performance.now() - begin;
      });
      return this.#restart;
    }
    if (bytes >= walBytesMax * BEGIN_PART && this.#passive === undefined && performance.now() >= this.#failedUntil) {
      this.#passive = this.#runPassive().finally(() => {
        this.#passive = undefined;
      });
    }
    return undefined;
  }

  /**
   * Moves the whole log, then runs `begin` before the writer goes on. No checkpoint is tried until the answer is called.
   * Rejects with StoreUnavailableError when readers do not let go of the log.
   */
  async hold(options: HoldOptions): Promise<() => void> {
    for (let attempt = 0; attempt < HOLDS_MAX && !this.#isClosed; attempt++) {
      // Most of it beside the writer, so that the rest takes little.
      this.#passive ??= this.#runPassive().finally(() => {
        this.#passive = undefined;
      });
      await this.#passive;
      await this.#restart?.catch(() => undefined);
      if (this.#restart === undefined && (await this.#tryHold(options))) return () => this.#letGo(options);
      await sleep(RETRY_MS / HOLDS_MAX);
    }
    throw new StoreUnavailableError("the write-ahead log cannot be moved into the database", undefined);
  }

  /** The writer stands still for one checkpoint of the rest; false: a reader of older pages is in the way. */
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
    // The writer only waits: that there is no backup is no trouble of its own.
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

  /** Bytes of the log that a checkpoint has still to move, or that stand before them. */
  usedBytes(): number {
    const state = this.#readState();
    // A log whose frames have all been moved is begun anew by the next write.
    return state.checkpointed >= state.log ? 0 : state.log * this.#frameBytes;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
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
        // SQLite syncs the database only when it has moved the whole log, that is in RESTART, while the writer waits.
        // Done here before, beside the writer, it leaves RESTART next to nothing to sync.
        await syncFile(this.#options.descriptor);
        // Asked anew: the worker's answer says how long the log was when it began.
        const { log, checkpointed } = this.#readState();
        this.#isRestSmall = (log - checkpointed) * this.#frameBytes <= this.#options.walBytesMax * REST_PART;
      }
      this.#isRestSmall = true;
    } catch (error) {
      this.#failedUntil = performance.now() + RETRY_MS;
      this.#options.onTrouble(error);
    }
  }

  /** After a hold there is more to move than the disk should be given at once: commits would wait behind it. */
  async #movePages(): Promise<void> {
    let isMoving = this.#bytesMax > this.#options.walBytesMax;
    const moved = this.#checkpoint("PASSIVE").finally(() => {
      isMoving = false;
    });
    // Its failure is told below; a failed sync must not leave it without a listener.
    moved.catch(() => undefined);
    while (isMoving) {
      await sleep(SYNC_PAUSE_MS);
      await syncFile(this.#options.descriptor);
    }
    await moved;
  }

  /** The writer stands still meanwhile; the event loop does not. */
  async #runRestart(isFull: boolean): Promise<void> {
    const endTime = performance.now() + WAIT_MS_MAX;
    this.#isRestSmall = false;
    let cause: unknown;
    do {
      try {
        const { busy } = await this.#checkpoint("RESTART");
        if (busy === 0) {
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

  async #checkpoint(mode: CheckpointMode): Promise<CheckpointResult> {
    return (await this.#link.call(mode)) as CheckpointResult;
  }
}

function notApplied(error: unknown): unknown {
  if (!(error instanceof StoreUnavailableError)) return error;
  return new StoreUnavailableError(error.message, "NOT_APPLIED", { cause: error.cause });
}
