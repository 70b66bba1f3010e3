/** Collects what one turn has to send, and sends it as one message: each message costs as much as several items. */
import type { MessagePort, Transferable } from "node:worker_threads";

export class Outbox<T> {
  readonly #port: MessagePort;
  readonly #schedule: (flush: () => void) => void;
  #items: T[] = [];
  #transfer: Transferable[] = [];
  readonly #flush = (): void => {
    const [items, transfer] = [this.#items, this.#transfer];
    this.#items = [];
    this.#transfer = [];
    this.#port.postMessage(items, transfer);
  };

  /** `schedule`: runs a function at the end of the turn. */
  constructor(port: MessagePort, schedule: (flush: () => void) => void) {
    this.#port = port;
    this.#schedule = schedule;
  }

  /** Sends an item at the end of this turn. `transfer`: a buffer in it that the other thread gets as its own. */
  push(item: T, transfer?: Transferable): void {
    if (transfer !== undefined) this.#transfer.push(transfer);
    if (this.#items.push(item) === 1) this.#schedule(this.#flush);
  }
}
