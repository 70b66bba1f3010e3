/** Answers what one serving thread asks: counts, waiting attempts and places of lists are those of the process. */
import type { CallerCounts } from "../../auth/caller-counts.ts";
import { NumberTable } from "../../number-table.ts";
import type { ListPlaces, Place } from "../../service/list-lanes.ts";
import type { AttemptQueue } from "../../service/operations/attempt-waiters.ts";
import type { StreamPlacesByKind } from "../../service/stream-places.ts";
import { toErrorData } from "../../store/error-data.ts";
import type { Answer, Ask, AskName, Asks, FromThread, Lane } from "./messages.ts";

/** What there is once for the process. */
export interface ProcessWide {
  readonly counts: CallerCounts;
  readonly attempts: AttemptQueue;
  readonly lists: ListPlaces;
  readonly streams: StreamPlacesByKind;
  /** Returns the exposition of the metrics. */
  readonly metrics: () => Promise<string>;
}

interface RunningList {
  readonly place: Place;
  readonly end: () => void;
}

export class MainAsks {
  readonly #parts: ProcessWide;
  readonly #send: (id: number, answer: Answer) => void;
  /** Cancels what waits, by the number of its question. */
  readonly #open = new NumberTable<AbortController>();
  readonly #lists = new Map<number, RunningList>();

  /** `send`: sends an answer to the thread. */
  constructor(parts: ProcessWide, send: (id: number, answer: Answer) => void) {
    this.#parts = parts;
    this.#send = send;
  }

  /** Takes a message of the thread, if it is one for this class. */
  take(message: FromThread): void {
    switch (message.kind) {
      case "ask":
        this.#ask(message);
        return;
      case "cancel":
        this.#end(message.id);
        return;
      case "end list":
        this.#end(message.id);
        return;
      case "settled":
        this.#parts.attempts.settled(message.answer);
        return;
      default:
    }
  }

  /** The thread has ended: nobody waits for its answers, and its places are free. */
  close(): void {
    this.#open.forEach((_, id) => {
      this.#end(id);
    });
  }

  #ask<N extends AskName>({ id, name, parameters }: Ask<N>): void {
    const answer = ANSWERS[name] as unknown as (
      asks: MainAsks,
      id: number,
      parameters: Asks[N]["parameters"],
    ) => unknown;
    const fail = (error: unknown): void => this.#send(id, { ok: false, error: toErrorData(error) });
    try {
      Promise.resolve(answer(this, id, parameters)).then((value) => this.#send(id, { ok: true, value }), fail);
    } catch (error) {
      fail(error);
    }
  }

  get parts(): ProcessWide {
    return this.#parts;
  }

  /** Runs `work` with a signal that the thread can abort. */
  async cancellable<T>(id: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    this.#open.set(id, controller);
    try {
      return await work(controller.signal);
    } finally {
      this.#open.delete(id);
    }
  }

  /** Resolves when a list has its place, and rejects if it gets none. */
  beginList(id: number, lane: Lane, actor: { readonly id: string; readonly scope: string | null }): Promise<undefined> {
    const { lists, streams } = this.#parts;
    const places = lane === "lists" ? lists : streams[lane];
    return new Promise((resolve, reject) => {
      this.cancellable(id, (signal) =>
        places.run({ actor, signal }, (place) => {
          const { promise, resolve: end } = Promise.withResolvers<void>();
          this.#lists.set(id, { place, end });
          resolve(undefined);
          return promise;
        }),
      )
        .catch(reject)
        .finally(() => this.#lists.delete(id));
    });
  }

  passList(list: number): Promise<void> | undefined {
    return this.#lists.get(list)?.place.pass();
  }

  /** Cancels what waits under this number; a list that runs gives its place back. */
  #end(id: number): void {
    this.#open.get(id)?.abort();
    this.#lists.get(id)?.end();
  }
}

type Answers = {
  readonly [N in AskName]: (
    asks: MainAsks,
    id: number,
    parameters: Asks[N]["parameters"],
  ) => Promise<unknown> | Asks[N]["answer"];
};

const ANSWERS: Answers = {
  countAddress: ({ parts }, _, parameters) => parts.counts.countAddress(...parameters),
  countCaller: ({ parts }, _, parameters) => parts.counts.countCaller(...parameters),
  countRefusal: ({ parts }, _, parameters) => parts.counts.countRefusal(...parameters),
  charge: ({ parts }, _, parameters) => parts.counts.charge(...parameters),
  beginAttempt: (asks, id, [attempt, deadlineTime]) =>
    asks.cancellable(id, (signal) => asks.parts.attempts.begin(attempt, { deadlineTime, signal })),
  beginList: (asks, id, [lane, actorId, scope]) => asks.beginList(id, lane, { id: actorId, scope }),
  passList: (asks, _, [list]) => asks.passList(list),
  metrics: ({ parts }) => parts.metrics(),
};
