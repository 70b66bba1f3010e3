/** Writes a checkpoint from time to time, when the log grew. */
import type { ChainLink, Checkpoint, CheckpointSigner } from "../history.ts";

export interface CheckpointWriterOptions {
  readonly signer: CheckpointSigner;
  /** The store's clock, in milliseconds since the epoch. */
  readonly now: () => number;
  /** Milliseconds between two checkpoints; undefined: an hour. */
  readonly everyMs: number | undefined;
  readonly readLast: () => Promise<Pick<Checkpoint, "position" | "time"> | undefined>;
  readonly readHead: () => Promise<ChainLink>;
  /** Writes a row; another process may have written the same. */
  readonly insert: (checkpoint: Checkpoint) => Promise<void>;
}

const HOUR_MS = 3_600_000;
/** How often it looks whether the log grew, at most. */
const LOOKS_PER_PERIOD = 60;

export class CheckpointWriter {
  readonly #options: CheckpointWriterOptions;
  #nextTime = 0;

  constructor(options: CheckpointWriterOptions) {
    this.#options = options;
  }

  /** Writes a checkpoint if one is due and the log grew since the last one. Rejects with StoreUnavailableError. */
  async writeIfDue(): Promise<void> {
    const { signer, now, everyMs = HOUR_MS, readLast, readHead, insert } = this.#options;
    const time = now();
    if (time < this.#nextTime) return;
    const last = await readLast();
    if (last !== undefined && time < last.time + everyMs) {
      this.#nextTime = last.time + everyMs;
      return;
    }
    this.#nextTime = time + everyMs / LOOKS_PER_PERIOD;
    const head = await readHead();
    if (head.position === (last?.position ?? 0)) return;
    await insert({ position: head.position, time, note: signer.sign(head) });
  }
}
