/** How many streams of each kind there may be: each is open for long, and what is not read yet takes memory. */
import { RefusalError, refuse } from "../domain/refusal.ts";
import type { Lister, ListPlaces, Place } from "./list-lanes.ts";

export interface StreamLimits {
  /** The most streams of the process, and of one caller. */
  readonly streamsMax: number;
  readonly streamsOfCallerMax: number;
}

export type StreamKind = "watch" | "export" | "verify";

/** The places of each kind. In a serving thread they are those of the main thread. */
export type StreamPlacesByKind = Readonly<Record<StreamKind, ListPlaces>>;

/** An export or a verification reads the whole log; operators run one now and then. */
const HISTORY_LIMITS: StreamLimits = { streamsMax: 16, streamsOfCallerMax: 4 };

const RPCS = { watch: "WatchEvents", export: "ExportHistory", verify: "VerifyHistory" } as const;

/** A stream is long: it never lets others pass. */
const PLACE: Place = { pass: () => undefined };

const RETRY_MS = 1_000;

/** The places of the process for one kind. As for lists, the credentials of one organization count as one caller. */
export class StreamPlaces implements ListPlaces {
  readonly #kind: StreamKind;
  readonly #limits: StreamLimits;
  readonly #byCaller = new Map<string, number>();
  #open = 0;

  constructor(kind: StreamKind, limits: StreamLimits) {
    this.#kind = kind;
    this.#limits = limits;
  }

  /** How many streams are open. */
  get open(): number {
    return this.#open;
  }

  /** Rejects with WATCH_TOO_MANY or HISTORY_TOO_MANY; nobody waits for a place. */
  async run<T>({ actor: { id, scope }, signal }: Lister, stream: (place: Place) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const caller = scope === null ? `actor ${id}` : `organization ${scope}`;
    const own = this.#byCaller.get(caller) ?? 0;
    const { streamsMax, streamsOfCallerMax } = this.#limits;
    const what = `streams of ${RPCS[this.#kind]}`;
    if (own >= streamsOfCallerMax) throw this.#tooMany(`this caller has ${own} ${what} open`);
    if (this.#open >= streamsMax) throw this.#tooMany(`${this.#open} ${what} are open`);
    this.#open++;
    this.#byCaller.set(caller, own + 1);
    try {
      return await stream(PLACE);
    } finally {
      this.#open--;
      const left = (this.#byCaller.get(caller) ?? 1) - 1;
      if (left === 0) this.#byCaller.delete(caller);
      else this.#byCaller.set(caller, left);
    }
  }

  #tooMany(said: string): RefusalError {
    const sentence = `${said}, and no more may be; end one first`;
    if (this.#kind === "watch") return new RefusalError(refuse("WATCH_TOO_MANY", sentence, { retryAfterMs: RETRY_MS }));
    return new RefusalError(refuse("HISTORY_TOO_MANY", sentence, { retryAfterMs: RETRY_MS }));
  }
}

/** Returns the places of the process. `watch`: the limits of WatchEvents, which are settings. */
export function createStreamPlaces(watch: StreamLimits): Readonly<Record<StreamKind, StreamPlaces>> {
  return {
    watch: new StreamPlaces("watch", watch),
    export: new StreamPlaces("export", HISTORY_LIMITS),
    verify: new StreamPlaces("verify", HISTORY_LIMITS),
  };
}

/** Resolves when a stream has its place, to the function that gives it back. Rejects like `run`. */
export function enter(places: ListPlaces, lister: Lister): Promise<() => void> {
  return new Promise((resolve, reject) => {
    places
      .run(lister, () => {
        const { promise, resolve: leave } = Promise.withResolvers<void>();
        resolve(leave);
        return promise;
      })
      .catch(reject);
  });
}
