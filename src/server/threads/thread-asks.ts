/** The parts of the process that a serving thread asks the main thread for. */
import type { MessagePort } from "node:worker_threads";
import type { CallerCounts } from "../../auth/caller-counts.ts";
import type { AttemptAnswer } from "../../domain/attempt.ts";
import { NumberTable } from "../../number-table.ts";
import type { Exposition } from "../../observability/metrics-listener.ts";
import type { Lister, ListPlaces, Place } from "../../service/list-lanes.ts";
import type { AttemptQueue } from "../../service/operations/attempt-waiters.ts";
import type { StreamKind, StreamPlacesByKind } from "../../service/stream-places.ts";
import { fromErrorData } from "../../store/error-data.ts";
import type { Answer, AskName, Asks, FromThread, Lane } from "./messages.ts";

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export class ThreadAsks {
  readonly #port: Pick<MessagePort, "postMessage">;
  readonly #pending = new NumberTable<Pending>();
  #lastId = 0;

  constructor(port: Pick<MessagePort, "postMessage">) {
    this.#port = port;
  }

  /** Takes the answer to a question. */
  settle(id: number, answer: Answer): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (answer.ok) pending?.resolve(answer.value);
    else pending?.reject(fromErrorData(answer.error, "main thread"));
  }

  /** Counts and rates by address and by caller. */
  get counts(): CallerCounts {
    return {
      countAddress: (...parameters) => this.#ask("countAddress", parameters),
      countCaller: (...parameters) => this.#ask("countCaller", parameters),
      countRefusal: (...parameters) => this.#ask("countRefusal", parameters),
      charge: (...parameters) => this.#ask("charge", parameters),
    };
  }

  get attempts(): AttemptQueue {
    return {
      begin: (attempt, { deadlineTime, signal }) => {
        const id = ++this.#lastId;
        const answer = this.#ask("beginAttempt", [attempt, deadlineTime], id);
        // The main thread ends the wait with a refusal: a place must not be taken and forgotten.
        const cancel = (): void => this.#post({ kind: "cancel", id });
        if (signal.aborted) cancel();
        else signal.addEventListener("abort", cancel, { once: true });
        return answer.finally(() => signal.removeEventListener("abort", cancel));
      },
      settled: (answer: AttemptAnswer) => this.#post({ kind: "settled", answer }),
    };
  }

  get lists(): ListPlaces {
    return { run: (lister, list) => this.#runList("lists", lister, list) };
  }

  get streams(): StreamPlacesByKind {
    const placesOf = (kind: StreamKind): ListPlaces => ({
      run: (lister, stream) => this.#runList(kind, lister, stream),
    });
    return { watch: placesOf("watch"), export: placesOf("export"), verify: placesOf("verify") };
  }

  get exposition(): Pick<Exposition, "text"> {
    return { text: () => this.#ask("metrics", []) };
  }

  async #runList<T>(lane: Lane, { actor, signal }: Lister, list: (place: Place) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const id = ++this.#lastId;
    const end = (): void => this.#post({ kind: "end list", id });
    const { promise: gone, reject } = Promise.withResolvers<never>();
    const leave = (): void => reject(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    // Handled here too: nobody waits for it while the list runs.
    gone.catch(() => undefined);
    try {
      await Promise.race([this.#ask("beginList", [lane, actor.id, actor.scope], id), gone]);
      const pass = async (): Promise<void> => {
        await Promise.race([this.#ask("passList", [id]), gone]);
      };
      return await list({ pass });
    } finally {
      signal.removeEventListener("abort", leave);
      end();
    }
  }

  #ask<N extends AskName>(name: N, parameters: Asks[N]["parameters"], id = ++this.#lastId): Promise<Asks[N]["answer"]> {
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#post({ kind: "ask", id, name, parameters });
    });
  }

  #post(message: FromThread): void {
    this.#port.postMessage(message);
  }
}
