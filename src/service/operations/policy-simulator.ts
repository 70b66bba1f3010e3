/** Simulates a policy on recorded attempts, in short slices on the main thread. */
import { setImmediate } from "node:timers/promises";
import { AttemptReplay, type Simulation } from "../../domain/attempt-replay.ts";
import type { Policy } from "../../domain/policy.ts";
import { RefusalError, searchTooBroad } from "../../domain/refusal.ts";
import type { AttemptQuery } from "../../store/queries.ts";
import type { Store } from "../../store/store.ts";

/** The most attempts that one simulation replays. */
const ATTEMPTS_MAX = 200_000;
const PAGE_SIZE = 1_000;
/** How long a simulation may take, including the wait for its turn. */
const SIMULATION_MS_MAX = 20_000;
/** The longest slice of work before other calls run. */
const SLICE_MS = 4;

export interface SimulationOptions {
  readonly query: Omit<AttemptQuery, "pageSize" | "after">;
  /** Called once for each organization. */
  readonly policyOf: (organizationId: string) => Promise<Policy>;
  /** Aborts when nobody waits for the answer any more. */
  readonly signal?: AbortSignal | undefined;
  /** How long it may take, including the wait for its turn, in milliseconds; absent: 20 s. */
  readonly maxMs?: number;
}

/** Runs one simulation at a time, in the order of the requests. */
export class PolicySimulator {
  readonly #store: Pick<Store, "now" | "listAttempts">;
  /** Resolves when the last requested simulation ends. */
  #lastEnd: Promise<void> = Promise.resolve();

  constructor(store: Pick<Store, "now" | "listAttempts">) {
    this.#store = store;
  }

  /** Rejects with SEARCH_TOO_BROAD if the period has too many attempts or takes too long. */
  async simulate(options: SimulationOptions): Promise<Simulation> {
    const endTime = performance.now() + (options.maxMs ?? SIMULATION_MS_MAX);
    const before = this.#lastEnd;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#lastEnd = promise;
    try {
      await before;
      return await this.#run(options, new TimeSlice(options.signal, endTime));
    } finally {
      resolve();
    }
  }

  async #run({ query, policyOf, signal }: SimulationOptions, slice: TimeSlice): Promise<Simulation> {
    slice.assertWanted();
    const replay = new AttemptReplay(await this.#store.now());
    const policies = new Map<string, Policy>();
    for (let after: string | undefined; ; ) {
      const part = { ...query, pageSize: PAGE_SIZE, ...(after === undefined ? {} : { after }) };
      const page = await this.#store.listAttempts(part, signal === undefined ? {} : { signal });
      slice.assertWanted();
      for (const attempt of page.items) {
        const policy = policies.get(attempt.organizationId) ?? (await policyOf(attempt.organizationId));
        policies.set(attempt.organizationId, policy);
        await settleUntil(replay, attempt.beginTime, slice);
        replay.begin(attempt, policy);
      }
      if (replay.attemptCount > ATTEMPTS_MAX) {
        throw new RefusalError(searchTooBroad(`the period has more than ${ATTEMPTS_MAX} attempts; shorten it`));
      }
      after = page.next;
      if (after === undefined) break;
    }
    await settleUntil(replay, Number.POSITIVE_INFINITY, slice);
    return replay;
  }
}

/** Settles all attempts that end by `time`. There may be many, so it pauses between slices. */
async function settleUntil(replay: AttemptReplay, time: number, slice: TimeSlice): Promise<void> {
  do if (slice.isOver) await slice.pause();
  while (replay.settleNext(time));
}

/** A slice of work on the main thread, short enough not to delay calls. */
class TimeSlice {
  readonly #signal: AbortSignal | undefined;
  readonly #lastTime: number;
  #endTime = performance.now() + SLICE_MS;

  /** `lastTime`: when all slices must have ended, in milliseconds of `performance.now()`. */
  constructor(signal: AbortSignal | undefined, lastTime: number) {
    this.#signal = signal;
    this.#lastTime = lastTime;
  }

  get isOver(): boolean {
    return performance.now() >= this.#endTime;
  }

  /** Throws if nobody waits for the answer any more, or if it takes too long. */
  assertWanted(): void {
    this.#signal?.throwIfAborted();
    if (performance.now() < this.#lastTime) return;
    throw new RefusalError(searchTooBroad("the simulation took too long; shorten the period or ask again later"));
  }

  async pause(): Promise<void> {
    await setImmediate();
    this.assertWanted();
    this.#endTime = performance.now() + SLICE_MS;
  }
}
