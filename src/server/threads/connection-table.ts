/** The connections of all serving threads: at the limit, the one that was longest without an admitted call is closed for a new one. */
import { ConnectionTimes } from "./connection-times.ts";

/** Places for connections that are being closed while others take theirs. */
const SPARE_SLOTS = 1_024;

/** `T`: what serves a connection. */
export class ConnectionTable<T> {
  readonly times: ConnectionTimes;
  readonly #connectionsMax: number;
  readonly #free: number[];
  /** By slot, oldest first. */
  readonly #owners = new Map<number, T>();

  constructor(connectionsMax: number) {
    this.#connectionsMax = connectionsMax;
    const slots = connectionsMax + SPARE_SLOTS;
    this.times = ConnectionTimes.create(slots);
    this.#free = Array.from({ length: slots }, (_, slot) => slots - 1 - slot);
  }

  get size(): number {
    return this.#owners.size;
  }

  /** Returns the slot of a new connection; `undefined` if too many are still being closed. */
  add(owner: T): number | undefined {
    const slot = this.#free.pop();
    if (slot === undefined) return undefined;
    this.times.clear(slot);
    this.#owners.set(slot, owner);
    return slot;
  }

  /**
   * Returns the connection to close before another one is added: the oldest without an admitted call, else the one whose
   * last admitted call is longest ago; `undefined`: there is room. Its slot is in use until `free`.
   */
  evict(): { readonly slot: number; readonly owner: T } | undefined {
    if (this.#owners.size < this.#connectionsMax) return undefined;
    let [found, earliest] = [-1, Number.POSITIVE_INFINITY];
    for (const slot of this.#owners.keys()) {
      const time = this.times.of(slot);
      if (time >= earliest) continue;
      [found, earliest] = [slot, time];
      if (time === 0) break;
    }
    const owner = this.#owners.get(found);
    if (owner === undefined) return undefined;
    this.#owners.delete(found);
    return { slot: found, owner };
  }

  /** The connection is closed, and its slot can be used again. */
  free(slot: number): void {
    this.#owners.delete(slot);
    this.#free.push(slot);
  }
}
