/** The requests being served: checked against their time limits, and waited for when the service stops. */
import { setImmediate } from "node:timers/promises";
import type { TransportLimits } from "../limits.ts";
import type { Exchange } from "./exchange.ts";

/** Sockets that were destroyed say so within a few turns of the event loop. */
const OVER_MS_MAX = 1_000;

export class LiveExchanges {
  readonly #exchanges = new Set<Exchange>();
  readonly #timer: NodeJS.Timeout;
  #onEnd: (() => void) | undefined;

  constructor(limits: TransportLimits) {
    const shortest = Math.min(limits.requestTimeoutMs, limits.idleTimeoutMs);
    this.#timer = setInterval(() => this.#checkTime(), Math.max(20, Math.min(1_000, shortest / 4)));
    this.#timer.unref();
  }

  add(exchange: Exchange): void {
    this.#exchanges.add(exchange);
    exchange.onOver(() => {
      this.#exchanges.delete(exchange);
      this.#onEnd?.();
    });
  }

  get count(): number {
    return this.#exchanges.size;
  }

  /** No more keep-alive: each answer is the last of its connection. */
  closeAllAfterwards(): void {
    for (const exchange of this.#exchanges) exchange.closeAfterwards();
  }

  /** No more input; `onEnd` is told of each exchange that ends from now on. */
  drain(onEnd: () => void): void {
    this.#onEnd = onEnd;
    for (const exchange of this.#exchanges) {
      if (exchange.clientStreams) exchange.body.endInput();
    }
  }

  /** Resolves when every exchange is over, and so recorded. Connections have been closed or cut before. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    const endTime = performance.now() + OVER_MS_MAX;
    while (this.#exchanges.size > 0 && performance.now() < endTime) await setImmediate();
  }

  #checkTime(): void {
    const now = performance.now();
    for (const exchange of this.#exchanges) exchange.checkTime(now);
  }
}
