/** When a call was last admitted on each connection, in memory that all threads share: a message for each call would cost more than the call. */
import { monotonicTime } from "../../store/upkeep/steady-clock.ts";

export class ConnectionTimes {
  readonly memory: SharedArrayBuffer;
  /** By `monotonicTime`; 0: no call was admitted yet. */
  readonly #times: Float64Array;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#times = new Float64Array(memory);
  }

  /** Creates the memory for a number of connections. */
  static create(slots: number): ConnectionTimes {
    return new ConnectionTimes(new SharedArrayBuffer(slots * Float64Array.BYTES_PER_ELEMENT));
  }

  /** Notes that a call is admitted now. */
  mark(slot: number): void {
    this.#times[slot] = monotonicTime();
  }

  clear(slot: number): void {
    this.#times[slot] = 0;
  }

  of(slot: number): number {
    return this.#times[slot] as number;
  }
}
