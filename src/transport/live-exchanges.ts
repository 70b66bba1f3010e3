/** The requests being served: checked against their time limits, and waited for when the service stops. */
import type { Exchange } from "./exchange.ts";
import type { TransportLimits } from "./limits.ts";

export class LiveExchanges {
  readonly #exchanges = new Set<Exchange>();
  readonly #timer: NodeJS.Timeout;
  #onLeave: (() => void) | undefined;

  constructor(limits: TransportLimits) {
    const shortest = Math.min(limits.requestTimeoutMs, limits.idleTimeoutMs);
    this.#timer = setInterval(() => this.#checkTime(), Math.max(20, Math.min(1_000, shortest / 4)));
    this.#timer.unref();
  }

  add(exchange: Exchange): void {
    this.#exchanges.add(exchange);
    exchange.onOver(() => {
      this.#exchanges.delete(exchange);
      this.#onLeave?.();
    });
  }

  /** No more keep-alive and no more input; `onLeave` is told of each exchange that ends from now on. */
  drain(onLeave: () => void): void {
    this.#onLeave = onLeave;
    for (const exchange of this.#exchanges) {
      exchange.closeAfterwards();
      if (exchange.clientStreams) {
        exchange.body.end();
      }
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #checkTime(): void {
    const now = performance.now();
    for (const exchange of this.#exchanges) {
      exchange.checkTime(now);
    }
  }
}
