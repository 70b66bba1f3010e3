/** Attempts that wait for a place, in order: who meets only attempts under way is not refused but waits briefly. */
import type { AttemptAnswer } from "../../domain/attempt.ts";
import { type Refusal, RefusalError, refuse } from "../../domain/refusal.ts";
import type { WaitingCaller } from "./caller.ts";

/** The longest wait, whatever the caller's deadline. */
const WAIT_MS_MAX = 10_000;
/** Calls that may wait for one counter. */
const WAITERS_MAX = 1_000;
/** Another process may complete an attempt: nobody tells of that. */
const POLL_MS = 250;
/** How many at the head of the queue try at once: several places may have become free. */
const HEAD_LENGTH = 16;
const RETRY_AFTER_MS = 1_000;

/** How much of the time before a deadline is kept for the answer to arrive. */
const ANSWER_SHARE = 0.2;
const ANSWER_MS_MAX = 200;

class Waiter {
  #isWoken: boolean = false;
  #wake: (() => void) | undefined;

  wake(): void {
    this.#isWoken = true;
    this.#wake?.();
  }

  /** Resolves when it is woken, also where that was before it was asked, or after so long. */
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
  /** Names the counter among those of this process. */
  readonly key: string;
  /** Tries now; WAITING: there is no place. `yields`: others wait already, and a place that is free is theirs. */
  readonly attempt: (yields: boolean) => Promise<AttemptAnswer>;
  readonly call: Pick<WaitingCaller, "deadlineTime" | "signal">;
}

export class AttemptWaiters {
  /** By the counter's id. */
  readonly #queues = new Map<string, Waiter[]>();
  /** By the key: for whom somebody waits. */
  readonly #waitedFor = new Set<string>();

  /** Rejects with ATTEMPTS_OUTSTANDING, nothing counted, when no place becomes free in time or the caller is gone. */
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
    // It may have given way to those who were served meanwhile.
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

  /** An attempt was settled: there may be a place. */
  settled({ counterId }: AttemptAnswer): void {
    wakeHead(this.#queues.get(counterId) ?? []);
  }

  async #wait({ queue, waiter, attempt, endBy, first, signal }: Waiting): Promise<AttemptAnswer> {
    for (let last = first; ; ) {
      const remainingMs = endBy - performance.now();
      // A place that nobody hears of would count as a failure in the end.
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

interface Waiting {
  readonly queue: readonly Waiter[];
  readonly waiter: Waiter;
  readonly attempt: WaitOptions["attempt"];
  readonly endBy: number;
  readonly first: AttemptAnswer;
  readonly signal: AbortSignal;
}

/** A little before the deadline, so that the caller hears what it was. By `performance.now()`: the wall clock may jump. */
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
