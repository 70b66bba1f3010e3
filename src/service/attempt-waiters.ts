/** Attempts that wait for a place, in order: who meets only attempts under way is not refused but waits briefly. */
import type { AttemptAnswer } from "../domain/attempt.ts";
import { type Refusal, RefusalError, refuse } from "../domain/refusal.ts";

/** The longest wait, whatever the caller's deadline. */
const WAIT_MS_MAX = 10_000;
/** Calls that may wait for one counter. */
const WAITERS_MAX = 1_000;
/** Another process may complete an attempt: nobody tells of that. */
const POLL_MS = 250;
/** How many at the head of the queue try at once: several places may have become free. */
const HEAD_LENGTH = 16;
const RETRY_AFTER_MS = 1_000;

interface Waiter {
  wake: () => void;
}

export interface WaitOptions {
  /** Tries now; WAITING: there is no place. */
  readonly attempt: () => Promise<AttemptAnswer>;
  /** When the caller stops waiting, in milliseconds since the epoch; absent: never. */
  readonly deadlineTime: number | undefined;
}

export class AttemptWaiters {
  readonly #queues = new Map<string, Waiter[]>();

  /** Rejects with ATTEMPTS_OUTSTANDING, nothing counted, when no place becomes free in time. */
  async admit({ attempt, deadlineTime = Number.POSITIVE_INFINITY }: WaitOptions): Promise<AttemptAnswer> {
    const endBy = Math.min(Date.now() + WAIT_MS_MAX, deadlineTime);
    const first = await attempt();
    if (first.result !== "WAITING") return first;
    const queue = this.#queueOf(first.counterId);
    if (queue.length >= WAITERS_MAX) throw new RefusalError(outstanding(`${queue.length} calls wait already`));
    const waiter: Waiter = { wake: () => undefined };
    queue.push(waiter);
    try {
      return await this.#wait(queue, waiter, attempt, endBy, first);
    } finally {
      queue.splice(queue.indexOf(waiter), 1);
      if (queue.length === 0) this.#queues.delete(first.counterId);
      else wakeHead(queue);
    }
  }

  /** An attempt was settled: there may be a place. */
  settled({ counterId }: AttemptAnswer): void {
    wakeHead(this.#queues.get(counterId) ?? []);
  }

  async #wait(
    queue: readonly Waiter[],
    waiter: Waiter,
    attempt: WaitOptions["attempt"],
    endBy: number,
    first: AttemptAnswer,
  ): Promise<AttemptAnswer> {
    for (let last = first; ; ) {
      const remainingMs = endBy - Date.now();
      if (remainingMs <= 0) throw new RefusalError(outstanding("no attempt was completed in time"));
      const isHead = queue.indexOf(waiter) < HEAD_LENGTH;
      const dueMs = (last.nextEndTime ?? Number.POSITIVE_INFINITY) - last.now;
      const pollMs = isHead ? Math.min(POLL_MS, Math.max(dueMs, 1)) : remainingMs;
      await woken(waiter, Math.min(pollMs, remainingMs));
      if (queue.indexOf(waiter) >= HEAD_LENGTH) continue;
      last = await attempt();
      if (last.result !== "WAITING") return last;
    }
  }

  #queueOf(id: string): Waiter[] {
    const queue = this.#queues.get(id) ?? [];
    this.#queues.set(id, queue);
    return queue;
  }
}

function wakeHead(queue: readonly Waiter[]): void {
  for (const { wake } of queue.slice(0, HEAD_LENGTH)) wake();
}

function woken(waiter: Waiter, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    waiter.wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}

function outstanding(what: string): Refusal {
  return refuse("ATTEMPTS_OUTSTANDING", `attempts under way fill the limit and ${what}; nothing was counted`, {
    metadata: { outcome: "NOT_APPLIED" },
    retryAfterMs: RETRY_AFTER_MS,
  });
}
