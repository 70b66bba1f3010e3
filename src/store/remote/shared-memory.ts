/** What the store's thread shares with the others at any moment: its newest record time, and whether its files are lost. */

/** In units of 64 bits. */
const RECORD_TIME = 0;
const IS_LOST = 1;
const NUMBERS = 2;

export class SharedMemory {
  readonly buffer: SharedArrayBuffer;
  readonly #numbers: BigInt64Array;

  /** `buffer`: of the thread that writes; absent: this one does. */
  constructor(buffer = new SharedArrayBuffer(NUMBERS * BigInt64Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer;
    this.#numbers = new BigInt64Array(buffer);
  }

  /** The newest record time that is on disk, in milliseconds since the epoch: no clock of a thread runs below it. */
  get recordTime(): number {
    return Number(Atomics.load(this.#numbers, RECORD_TIME));
  }

  set recordTime(time: number) {
    Atomics.store(this.#numbers, RECORD_TIME, BigInt(time));
  }

  /** Whether the database's files are not the ones that were opened: then only the store's own thread may answer. */
  get isLost(): boolean {
    return Atomics.load(this.#numbers, IS_LOST) !== 0n;
  }

  set isLost(isLost: boolean) {
    Atomics.store(this.#numbers, IS_LOST, isLost ? 1n : 0n);
  }
}
