/** Sends several batches at a time and settles them in the order of the file, so that the settled rows are a prefix of it. */

interface Entry {
  readonly names: readonly string[];
  /** Resolves once the batch is answered or has failed; never rejects. */
  readonly answered: Promise<void>;
  readonly isAnswered: () => boolean;
  readonly settle: () => void;
}

export interface PipelineOptions<B, R> {
  readonly inFlightMax: number;
  readonly send: (batch: B) => Promise<R>;
  /** Called in the order in which batches were pushed. May throw to stop. */
  readonly settle: (batch: B, result: R) => void;
  /** Names that must not be in flight twice: a later row of a user is sent after the earlier one is settled. */
  readonly namesOf: (batch: B) => readonly string[];
}

export class Pipeline<B, R> {
  readonly #options: PipelineOptions<B, R>;
  readonly #entries: Entry[] = [];
  readonly #names = new Map<string, number>();
  #failure: { readonly error: unknown } | undefined;

  constructor(options: PipelineOptions<B, R>) {
    this.#options = options;
  }

  /** Resolves when the batch is in flight. Rejects with the error that stopped an earlier one. */
  async push(batch: B): Promise<void> {
    const { inFlightMax, send, settle, namesOf } = this.#options;
    const names = namesOf(batch);
    while (this.#entries[0]?.isAnswered()) await this.#settleFirst();
    while (this.#entries.length >= inFlightMax || names.some((name) => this.#names.has(name))) {
      await this.#settleFirst();
    }
    this.#throwFailure();
    for (const name of names) this.#names.set(name, (this.#names.get(name) ?? 0) + 1);
    let outcome: { readonly result: R } | { readonly error: unknown } | undefined;
    const answered = send(batch).then(
      (result) => {
        outcome = { result };
      },
      (error: unknown) => {
        outcome = { error };
      },
    );
    this.#entries.push({
      names,
      answered,
      isAnswered: () => outcome !== undefined,
      settle: () => {
        if (outcome === undefined) return;
        if ("error" in outcome) throw outcome.error;
        settle(batch, outcome.result);
      },
    });
  }

  /** Waits for all batches and settles them in order; stops at the first that failed and throws its error. */
  async drain(): Promise<void> {
    while (this.#entries.length > 0) await this.#settleFirst();
    this.#throwFailure();
  }

  async #settleFirst(): Promise<void> {
    const [first] = this.#entries;
    if (first === undefined) return;
    await first.answered;
    this.#entries.shift();
    for (const name of first.names) {
      const left = (this.#names.get(name) ?? 1) - 1;
      if (left === 0) this.#names.delete(name);
      else this.#names.set(name, left);
    }
    // Nothing is settled after a failure, because that would leave a gap.
    if (this.#failure !== undefined) return;
    try {
      first.settle();
    } catch (error) {
      this.#failure = { error };
    }
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
