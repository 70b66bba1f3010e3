/** Group commit: collects the commands that arrive while a commit runs, and runs them as one batch. */

import { type Refusal, refuse } from "../../domain/refusal.ts";
import type { BatchMetric } from "../../observability/metrics.ts";
import type { Command, ExecuteOptions, Lane, Outcome } from "../commands.ts";
import { StoreUnavailableError } from "../errors.ts";
import { commandBytes } from "./command-bytes.ts";

export interface GroupCommitLimits {
  /** Waiting commands. Each adds at most one event of its own, so this bounds the waiting events too. */
  readonly queueCommands: number;
  readonly queueBytes: number;
  /** A batch ends at this number of commands … */
  readonly batchCommands: number;
  /** … or after it has taken commands for this long. */
  readonly batchMs: number;
}

/** Returns the next command of the batch; `undefined`: the batch is complete. */
export type Take = () => Command | undefined;

/**
 * Takes commands until there are no more, makes them durable in one transaction and returns their outcomes in order.
 * Rejects with StoreUnavailableError when storage fails; a command caused any other error. Rejects with BatchPartError
 * when the commands needed several transactions and not all of them succeeded.
 */
export type RunBatch = (take: Take) => Promise<readonly Outcome[]>;

/** Thrown when the first commands of a batch are durable and the others are not; `cause`: what the others met. */
export class BatchPartError extends Error {
  override readonly name = "BatchPartError";
  readonly outcomes: readonly Outcome[];

  constructor(outcomes: readonly Outcome[], cause: unknown) {
    super(`${outcomes.length} commands of a batch are durable, the others are not`, { cause });
    this.outcomes = outcomes;
  }
}

export interface GroupCommitOptions {
  readonly run: RunBatch;
  readonly limits: GroupCommitLimits;
  /** Returns at how many commands the next batch ends; absent: as the limits have it. */
  readonly batchCommands?: () => number;
  /** Real time in milliseconds since the epoch: deadlines are instants of the callers' clocks. */
  readonly wallClock: () => number;
  readonly onTrouble: (error: unknown) => void;
  /** Called after each committed batch. */
  readonly onBatch?: ((batch: BatchMetric) => void) | undefined;
}

export interface GroupCommitCounts {
  batches: number;
  commands: number;
  dropped: number;
  refusedFull: number;
  rerun: number;
}

interface Waiting {
  readonly command: Command;
  readonly bytes: number;
  readonly deadlineTime: number | undefined;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
}

/** While interactive commands wait, at most one of four commands is from the bulk lane. */
const BULK_SHARE = 4;
/** The part of the queue that bulk commands may fill, so that an import leaves room for interactive ones. */
const BULK_QUEUE_PART = 1 / 2;
/** Limits of the advised wait when the queue is full. */
const RETRY_MS_MIN = 10;
const RETRY_MS_MAX = 5_000;

export class GroupCommit {
  readonly counts: GroupCommitCounts = { batches: 0, commands: 0, dropped: 0, refusedFull: 0, rerun: 0 };
  readonly #options: GroupCommitOptions;
  readonly #lanes: Readonly<Record<Lane, Queue>> = { interactive: new Queue(), bulk: new Queue() };
  #running: boolean = false;
  #closed: boolean = false;
  #batchMs = 1;
  #whenIdle: (() => void)[] = [];

  constructor(options: GroupCommitOptions) {
    this.#options = options;
  }

  submit(command: Command, { lane = "interactive", deadlineTime }: ExecuteOptions = {}): Promise<Outcome> {
    if (this.#closed) return Promise.reject(new StoreUnavailableError("the store is closed", "NOT_APPLIED"));
    const bytes = commandBytes(command);
    if (!this.#hasRoom(lane, bytes)) {
      this.counts.refusedFull++;
      return Promise.resolve({ ok: false, refusal: this.#queueFull() });
    }
    return new Promise((resolve, reject) => {
      this.#lanes[lane].push({ command, bytes, deadlineTime, resolve, reject });
      this.#start();
    });
  }

  /** Refuses new commands, and resolves when all accepted ones have their outcome. */
  close(): Promise<void> {
    this.#closed = true;
    if (!this.#running) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  /** The commands that wait now. */
  get waiting(): { readonly commands: number; readonly bytes: number } {
    const { interactive, bulk } = this.#lanes;
    return { commands: interactive.length + bulk.length, bytes: interactive.bytes + bulk.bytes };
  }

  get #waiting(): number {
    return this.#lanes.interactive.length + this.#lanes.bulk.length;
  }

  #hasRoom(lane: Lane, bytes: number): boolean {
    const { queueCommands, queueBytes } = this.#options.limits;
    const { interactive, bulk } = this.#lanes;
    const bulkIsFull =
      bulk.length >= queueCommands * BULK_QUEUE_PART || bulk.bytes + bytes > queueBytes * BULK_QUEUE_PART;
    if (lane === "bulk" && bulkIsFull) return false;
    return this.#waiting < queueCommands && interactive.bytes + bulk.bytes + bytes <= queueBytes;
  }

  #queueFull(): Refusal {
    const { queueCommands, queueBytes, batchCommands } = this.#options.limits;
    const waitMs = Math.ceil((this.#waiting / batchCommands) * this.#batchMs);
    const bytes = this.#lanes.interactive.bytes + this.#lanes.bulk.bytes;
    return refuse(
      "QUEUE_FULL",
      `${this.#waiting} commands of ${bytes} bytes wait to be written; allowed are ${queueCommands} and ${queueBytes} bytes, half of it for bulk work`,
      {
        metadata: { outcome: "NOT_APPLIED" },
        retryAfterMs: Math.min(Math.max(waitMs, RETRY_MS_MIN), RETRY_MS_MAX),
      },
    );
  }

  /** Starts in the check phase of the event loop, so that all commands of one round of I/O share the batch. */
  #start(): void {
    if (this.#running) return;
    this.#running = true;
    setImmediate(() => void this.#runAll());
  }

  async #runAll(): Promise<void> {
    while (this.#waiting > 0) {
      const begin = performance.now();
      await this.#runOne();
      this.#batchMs = 0.9 * this.#batchMs + 0.1 * (performance.now() - begin);
      await yieldToEventLoop();
    }
    this.#running = false;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  async #runOne(): Promise<void> {
    const taken: Waiting[] = [];
    const { limits } = this.#options;
    const { batchMs } = limits;
    const batchCommands = this.#options.batchCommands?.() ?? limits.batchCommands;
    // The batch begins when the engine takes its first command: it may have waited for room in its log until then.
    let endBy: number | undefined;
    const take: Take = () => {
      endBy ??= performance.now() + batchMs;
      // Takes at least one: a slow start must not starve the queue.
      if (taken.length >= batchCommands || (taken.length > 0 && performance.now() >= endBy)) return undefined;
      const next = this.#next(taken.length);
      if (next !== undefined) taken.push(next);
      return next?.command;
    };
    try {
      const begin = performance.now();
      answer(taken, await this.#options.run(take));
      this.#options.onBatch?.({ commands: taken.length, durationMs: performance.now() - begin });
      this.counts.batches++;
      this.counts.commands += taken.length;
    } catch (error) {
      if (error instanceof BatchPartError) {
        const { outcomes, cause } = error;
        this.counts.commands += outcomes.length;
        this.counts.batches++;
        answer(taken.splice(0, outcomes.length), outcomes);
        await this.#fail(taken, cause);
        return;
      }
      // The engine may fail before it takes a command: then the failure is that of all that wait.
      if (taken.length === 0) for (let next = this.#next(0); next !== undefined; next = this.#next(0)) taken.push(next);
      await this.#fail(taken, error);
    }
  }

  /** Returns the next command by the shares of the lanes, and drops commands whose deadline passed. */
  #next(takenCount: number): Waiting | undefined {
    const { interactive, bulk } = this.#lanes;
    for (;;) {
      const bulkIsNext = takenCount % BULK_SHARE === BULK_SHARE - 1 && bulk.length > 0;
      const next = bulkIsNext ? bulk.shift() : (interactive.shift() ?? bulk.shift());
      if (next === undefined || !this.#drop(next)) return next;
    }
  }

  /** Refuses a command whose deadline passed before it began, and returns whether it did. */
  #drop({ deadlineTime, resolve }: Waiting): boolean {
    const now = this.#options.wallClock();
    if (deadlineTime === undefined || deadlineTime > now) return false;
    this.counts.dropped++;
    resolve({ ok: false, refusal: deadlinePassed(deadlineTime, now) });
    return true;
  }

  async #fail(taken: readonly Waiting[], error: unknown): Promise<void> {
    this.#options.onTrouble(error);
    await this.#settle(taken, error);
  }

  /** Answers commands that are not applied, or runs them again where one of them caused the error. */
  async #settle(taken: readonly Waiting[], error: unknown): Promise<void> {
    if (error instanceof StoreUnavailableError) {
      for (const waiting of taken) waiting.reject(error);
      return;
    }
    if (taken.length === 1) {
      for (const waiting of taken) waiting.resolve({ ok: false, refusal: storeRejected() });
      return;
    }
    // One command caused the error: the halves run apart until it is alone, so that only that one is refused.
    const middle = Math.ceil(taken.length / 2);
    for (const half of [taken.slice(0, middle), taken.slice(middle)]) {
      await this.#runAgain(half.filter((waiting) => !this.#drop(waiting)));
      await yieldToEventLoop();
    }
  }

  async #runAgain(some: readonly Waiting[]): Promise<void> {
    if (some.length === 0) return;
    this.counts.rerun += some.length;
    const rest = some.values();
    try {
      answer(some, await this.#options.run(() => rest.next().value?.command));
    } catch (error) {
      const isPart = error instanceof BatchPartError;
      if (isPart) answer(some.slice(0, error.outcomes.length), error.outcomes);
      await this.#settle(isPart ? some.slice(error.outcomes.length) : some, isPart ? error.cause : error);
    }
  }
}

function answer(taken: readonly Waiting[], outcomes: readonly Outcome[]): void {
  for (const [index, waiting] of taken.entries()) {
    const outcome = outcomes[index];
    if (outcome === undefined) waiting.reject(new Error("group commit: the engine answered too few outcomes"));
    else waiting.resolve(outcome);
  }
}

function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function deadlinePassed(deadlineTime: number, batchTime: number): Refusal {
  return refuse(
    "DEADLINE_PASSED",
    `the deadline passed ${batchTime - deadlineTime} ms before the command began; nothing was applied`,
    { metadata: { outcome: "NOT_APPLIED" } },
  );
}

/** The cause appears only in the log. */
function storeRejected(): Refusal {
  return refuse("STORE_REJECTED", "the database refused this command; nothing was applied", {
    metadata: { outcome: "NOT_APPLIED" },
  });
}

/** A first-in, first-out queue that does not move its items at each step. */
class Queue {
  bytes = 0;
  #items: (Waiting | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: Waiting): void {
    this.#items.push(item);
    this.bytes += item.bytes;
  }

  shift(): Waiting | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    this.#items[this.#head++] = undefined;
    this.bytes -= item.bytes;
    if (this.#head === this.#items.length || this.#head >= 1_024) {
      this.#items.splice(0, this.#head);
      this.#head = 0;
    }
    return item;
  }
}
