/** The open requests: enforces their time limits, and waits for them when the service stops. */
import { setImmediate } from "node:timers/promises";
import type { TransportLimits } from "../limits.ts";
import type { Exchange } from "./exchange.ts";
import { takeTurn } from "./turns.ts";

/** Destroyed sockets emit `close` within a few turns of the event loop. */
const OVER_MS_MAX = 1_000;

/**
 * All exchanges that are not over. Not in a Set: a Set to which items come and go makes a new table from time to time, and
 * V8 lets the one before refer to it. As soon as one of these is old, each holds what was open with the next, and all
 * requests survive until the whole heap is collected.
 */
export class LiveExchanges {
  readonly #exchanges: Exchange[] = [];
  readonly #timer: NodeJS.Timeout;
  #isChecking: boolean = false;
  #onEnd: (() => void) | undefined;

  constructor(limits: TransportLimits) {
    const shortest = Math.min(limits.requestTimeoutMs, limits.idleTimeoutMs);
    this.#timer = setInterval(() => void this.#checkTime(), Math.max(20, Math.min(1_000, shortest / 4)));
    this.#timer.unref();
  }

  add(exchange: Exchange): void {
    exchange.liveIndex = this.#exchanges.push(exchange) - 1;
  }

  /** Called with an exchange that is over. */
  remove(exchange: Exchange): void {
    const { liveIndex } = exchange;
    const last = this.#exchanges.at(-1);
    if (liveIndex < 0 || last === undefined) return;
    this.#exchanges[liveIndex] = last;
    last.liveIndex = liveIndex;
    exchange.liveIndex = -1;
    this.#exchanges.pop();
    this.#onEnd?.();
  }

  get count(): number {
    return this.#exchanges.length;
  }

  /** Ends keep-alive: each HTTP/1.1 answer is the last of its connection. */
  closeAllAfterwards(): void {
    for (const exchange of this.#exchanges) exchange.closeAfterwards();
  }

  /** Ends the input of client streams; `onEnd` is called for each exchange that ends from now on. */
  drain(onEnd: () => void): void {
    this.#onEnd = onEnd;
    for (const exchange of this.#exchanges) {
      if (exchange.clientStreams) exchange.body.endInput();
    }
  }

  /** Resolves when every exchange is over and recorded. Connections must be closed or destroyed before. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    const endTime = performance.now() + OVER_MS_MAX;
    while (this.#exchanges.length > 0 && performance.now() < endTime) await setImmediate();
  }

  /** Many requests may be overdue at once, and each makes an error and an answer: each waits for its turn. */
  async #checkTime(): Promise<void> {
    if (this.#isChecking) return;
    this.#isChecking = true;
    try {
      const now = performance.now();
      const overdue = this.#exchanges.filter((exchange) => exchange.findOverdue(now) !== undefined);
      for (const exchange of overdue) {
        await takeTurn();
        if (!exchange.over) exchange.findOverdue(now)?.();
      }
    } finally {
      // Else one fault would end all time limits.
      this.#isChecking = false;
    }
  }
}
