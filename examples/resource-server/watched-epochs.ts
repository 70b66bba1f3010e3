/**
 * Revocation epochs that a resource server keeps as long as nothing happens to their users: it watches the events instead of
 * asking for each request. While it cannot watch, it asks. Its key needs session.read and events.read.
 */
import { setTimeout } from "node:timers/promises";
import type { LockkeeperClient } from "../../clients/typescript/src/node.ts"; // @lockkeeper/client

const USERS_MAX = 100_000;
/** The service sends something every 15 s. After this time without a message nothing is believed, in milliseconds. */
const SILENCE_MS_MAX = 30_000;
const RETRY_MS = 1_000;

export class WatchedEpochs {
  readonly #client: Pick<LockkeeperClient, "signIns" | "events">;
  readonly #epochs = new Map<string, number>();
  /** When the service sent something last, by the monotonic clock; `undefined`: nothing is watched. */
  #heardTime: number | undefined;
  /** Grows with each message and each break: an epoch that was read before one of them may be an old one. */
  #changes = 0;

  /** Watches until the signal aborts. */
  constructor(client: Pick<LockkeeperClient, "signIns" | "events">, signal: AbortSignal) {
    this.#client = client;
    void this.#watch(signal);
  }

  /** Returns the epoch of a user's valid tokens. Rejects when it cannot be known. */
  async epochOf(userId: string): Promise<number> {
    const isWatched = this.#isWatched();
    const known = isWatched ? this.#epochs.get(userId) : undefined;
    if (known !== undefined) return known;
    const before = this.#changes;
    const { decision } = await this.#client.signIns.checkSignIn({ userId }, { timeoutMs: 2_000 });
    const epoch = Number(decision?.revocationEpoch);
    if (this.#epochs.size >= USERS_MAX) this.#epochs.clear();
    if (isWatched && before === this.#changes) this.#epochs.set(userId, epoch);
    return epoch;
  }

  #isWatched(): boolean {
    return this.#heardTime !== undefined && performance.now() - this.#heardTime < SILENCE_MS_MAX;
  }

  async #watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        // From now on: nothing is kept of before.
        for await (const { events } of this.#client.events.watchEvents({}, { signal })) {
          if (!this.#isWatched()) this.#epochs.clear();
          this.#heardTime = performance.now();
          this.#changes++;
          for (const { userId } of events) this.#epochs.delete(userId);
        }
      } catch {
        // Tried again below; until then each request asks.
      }
      this.#heardTime = undefined;
      this.#changes++;
      this.#epochs.clear();
      await setTimeout(RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}
