/** Attempts that wait for a place, in order: if only attempts under way fill the limit, a new one waits briefly. */
import type { AttemptAnswer, BeginAttempt } from "../../domain/attempt.ts";
import { type Refusal, RefusalError, refuse } from "../../domain/refusal.ts";
import type { Store } from "../../store/store.ts";
import { execute, type WaitingCaller } from "./caller.ts";

/** The longest wait, whatever the caller's deadline. */
const WAIT_MS_MAX = 10_000;
/** The most calls that may wait for one counter. */
const WAITERS_MAX = 1_000;
/** Another process may complete an attempt; no notification of that reaches us. */
const POLL_MS = 250;
/** How many waiters at the head of the queue try at once: several places may have become free. */
const HEAD_LENGTH = 16;
const RETRY_AFTER_MS = 1_000;

/** The share of the time before a deadline that is reserved for sending the answer. */
const ANSWER_SHARE = 0.2;
const ANSWER_MS_MAX = 200;

class Waiter {
  #isWoken: boolean = false;
  #wake: (() => void) | undefined;

  wake(): void {
    this.#isWoken = true;
    this.#wake?.();
  }

  /** Resolves after `ms`, or as soon as the waiter is woken, even if that happened before the call. */
  async woken(ms: number): Promise<void> {
    if (!this.#isWoken) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#isWoken = false;
    this.#wake = undefined;
  }
}

export interface WaitOptions {
  /** The key of the counter in this process. */
  readonly key: string;
  /** Tries now; WAITING: there is no place. `yields`: others wait already, so a free place is theirs. */
  readonly attempt: (yields: boolean) => Promise<AttemptAnswer>;
  readonly call: Pick<WaitingCaller, "deadlineTime" | "signal">;
}

export class AttemptWaiters {
  /** Queues by counter id. */
  readonly #queues = new Map<string, Waiter[]>();
  /** Keys of counters that somebody waits for. */
  readonly #waitedFor = new Set<string>();

  /** Rejects with ATTEMPTS_OUTSTANDING, counting nothing, if no place becomes free in time or the caller is gone. */
  async admit({ key, attempt, call }: WaitOptions): Promise<AttemptAnswer> {
    const endBy = endOf(call);
    const first = await attempt(this.#waitedFor.has(key));
    if (first.result !== "WAITING") return first;
    const queue = this.#queueOf(first.counterId);
    if (queue.length >= WAITERS_MAX) throw new RefusalError(outstanding(`${queue.length} calls wait already`));
    const waiter = new Waiter();
    const { signal } = call;
    const wake = (): void => waiter.wake();
    signal.addEventListener("abort", wake);
    queue.push(waiter);
    this.#waitedFor.add(key);
    // This attempt may have yielded to waiters that were served in the meantime.
    if (queue.length === 1) waiter.wake();
    try {
      return await this.#wait({ queue, waiter, attempt, endBy, first, signal });
    } finally {
      signal.removeEventListener("abort", wake);
      queue.splice(queue.indexOf(waiter), 1);
      if (queue.length > 0) wakeHead(queue);
      else {
        this.#queues.delete(first.counterId);
        this.#waitedFor.delete(key);
      }
    }
  }

  /** Called when an attempt was settled: there may be a place. */
  settled({ counterId }: AttemptAnswer): void {
    wakeHead(this.#queues.get(counterId) ?? []);
  }

  async #wait({ queue, waiter, attempt, endBy, first, signal }: Waiting): Promise<AttemptAnswer> {
    for (let last = first; ; ) {
      const remainingMs = endBy - performance.now();
      // A place that no caller learns of would expire and count as a failure.
      if (signal.aborted) throw new RefusalError(outstanding("the caller is gone"));
      if (remainingMs <= 0) throw new RefusalError(outstanding("no attempt was completed in time"));
      const isHead = queue.indexOf(waiter) < HEAD_LENGTH;
      const dueMs = (last.nextEndTime ?? Number.POSITIVE_INFINITY) - last.now;
      const pollMs = isHead ? Math.min(POLL_MS, Math.max(dueMs, 1)) : remainingMs;
      await waiter.woken(Math.min(pollMs, remainingMs));
      if (signal.aborted || queue.indexOf(waiter) >= HEAD_LENGTH) continue;
      last = await attempt(false);
      if (last.result !== "WAITING") return last;
    }
  }

  #queueOf(id: string): Waiter[] {
    const queue = this.#queues.get(id) ?? [];
    this.#queues.set(id, queue);
    return queue;
  }
}

/** An attempt to begin. Whether it yields to others is decided by the queue. */
export type WaitingAttempt = Omit<BeginAttempt, "yields">;

/** One order for the process. In a serving thread it is that of the main thread. */
export interface AttemptQueue {
  /**
   * Begins the attempt when there is a place. Rejects with RefusalError: ATTEMPTS_OUTSTANDING, counting nothing, if no
   * place becomes free in time or the caller is gone.
   */
  begin(attempt: WaitingAttempt, call: Pick<WaitingCaller, "deadlineTime" | "signal">): Promise<AttemptAnswer>;
  /** Called when an attempt was settled: there may be a place. */
  settled(answer: AttemptAnswer): void;
}

export class LocalAttemptQueue implements AttemptQueue {
  readonly #store: Store;
  readonly #waiters = new AttemptWaiters();

  constructor(store: Store) {
    this.#store = store;
  }

  begin(attempt: WaitingAttempt, call: Pick<WaitingCaller, "deadlineTime" | "signal">): Promise<AttemptAnswer> {
    const { subject, factor, life = 0 } = attempt;
    return this.#waiters.admit({
      key: JSON.stringify([subject, factor, life]),
      attempt: (yields) => execute<BeginAttempt>(this.#store, { ...attempt, yields }, call),
      call,
    });
  }

  settled(answer: AttemptAnswer): void {
    this.#waiters.settled(answer);
  }
}

interface Waiting {
  readonly queue: readonly Waiter[];
  readonly waiter: Waiter;
  readonly attempt: WaitOptions["attempt"];
  readonly endBy: number;
  readonly first: AttemptAnswer;
  readonly signal: AbortSignal;
}

/**
 * Returns an instant shortly before the deadline, so that the answer still reaches the caller. In `performance.now()`:
 * the wall clock may jump.
 */
function endOf({ deadlineTime }: Pick<WaitingCaller, "deadlineTime">): number {
  const begin = performance.now();
  if (deadlineTime === undefined) return begin + WAIT_MS_MAX;
  const leftMs = deadlineTime - Date.now();
  return begin + Math.min(WAIT_MS_MAX, leftMs - Math.min(leftMs * ANSWER_SHARE, ANSWER_MS_MAX));
}

function wakeHead(queue: readonly Waiter[]): void {
  for (const waiter of queue.slice(0, HEAD_LENGTH)) waiter.wake();
}

function outstanding(what: string): Refusal {
  return refuse("ATTEMPTS_OUTSTANDING", `attempts under way fill the limit and ${what}; nothing was counted`, {
    metadata: { outcome: "NOT_APPLIED" },
    retryAfterMs: RETRY_AFTER_MS,
  });
}
