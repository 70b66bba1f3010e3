/** How many watches there may be: each keeps a stream open, and what it has not read yet in memory. */
import { RefusalError, refuse } from "../../domain/refusal.ts";
import type { Lister, ListPlaces, Place } from "../list-lanes.ts";

export interface WatchLimits {
  /** The most streams of the process, and of one caller. */
  readonly streamsMax: number;
  readonly streamsOfCallerMax: number;
}

/** A watch is long: it never lets others pass. */
const PLACE: Place = { pass: () => undefined };

const RETRY_MS = 1_000;

/** The places of the process. As for lists, the credentials of one organization count as one caller. */
export class WatchPlaces implements ListPlaces {
  readonly #limits: WatchLimits;
  readonly #byCaller = new Map<string, number>();
  #taken = 0;

  constructor(limits: WatchLimits) {
    this.#limits = limits;
  }

  /** Rejects with WATCH_TOO_MANY; nobody waits for a place. */
  async run<T>({ actor: { id, scope }, signal }: Lister, watch: (place: Place) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const caller = scope === null ? `actor ${id}` : `organization ${scope}`;
    const own = this.#byCaller.get(caller) ?? 0;
    const { streamsMax, streamsOfCallerMax } = this.#limits;
    if (own >= streamsOfCallerMax) throw tooMany(`this caller has ${own} streams of WatchEvents open`);
    if (this.#taken >= streamsMax) throw tooMany(`${this.#taken} streams of WatchEvents are open`);
    this.#taken++;
    this.#byCaller.set(caller, own + 1);
    try {
      return await watch(PLACE);
    } finally {
      this.#taken--;
      const left = (this.#byCaller.get(caller) ?? 1) - 1;
      if (left === 0) this.#byCaller.delete(caller);
      else this.#byCaller.set(caller, left);
    }
  }
}

function tooMany(said: string): RefusalError {
  return new RefusalError(
    refuse("WATCH_TOO_MANY", `${said}, and no more may be; end one first`, { retryAfterMs: RETRY_MS }),
  );
}

/** Resolves when a watch has its place, to the function that gives it back. Rejects like `run`. */
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
