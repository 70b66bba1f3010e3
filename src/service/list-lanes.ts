/** Few lists run at a time, and callers take turns: all answers together would not fit into memory. */
import type { Actor } from "../auth/actor.ts";
import { callerRate } from "../auth/caller-counts.ts";
import { RefusalError } from "../domain/refusal.ts";

/** How many lists run at once; one caller gets fewer, so that another finds a place. */
const PLACES = 3;
const PLACES_OF_CALLER = 2;

/** The most lists that may wait: of one caller, and in total. */
export interface WaitingLists {
  readonly ofCallerMax: number;
  readonly max: number;
}

const WAITING_LISTS: WaitingLists = { ofCallerMax: 128, max: 1000 };
const RETRY_MS = 1000;

/** The most lists that pause in the middle of their work; others keep their places until they are done. */
const PAUSED_MAX = 16;

/** The caller of a list. */
export interface Lister {
  readonly actor: Pick<Actor, "id" | "scope">;
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/** The place of a running list. */
export interface Place {
  /**
   * Lets the lists of others run first; call it between two pages of a long list. `undefined`: continue at once.
   * Rejects when nobody waits for the answer any more.
   */
  pass(): Promise<void> | undefined;
}

/** The places of the process. In a serving thread they are those of the main thread. */
export interface ListPlaces {
  /**
   * Runs `list` when it has a place. Rejects with CALLER_RATE if too many wait, and with the signal's reason if nobody
   * waits for the answer before it begins.
   */
  run<T>(lister: Lister, list: (place: Place) => Promise<T>): Promise<T>;
}

/** The lists of one caller. */
interface Line {
  readonly key: string;
  running: number;
  /** The first one begins next. */
  readonly waiting: (() => void)[];
}

/** Returns whether an RPC of this name is a list: its answer is long, whatever it lists. */
export function isList(name: string): boolean {
  return name.startsWith("List");
}

export class ListLanes implements ListPlaces {
  /** Callers with running or waiting lists, ordered by their last turn. */
  readonly #lines = new Map<string, Line>();
  readonly #limits: WaitingLists;
  #running = 0;
  #waiting = 0;
  #paused = 0;

  constructor(limits: WaitingLists = WAITING_LISTS) {
    this.#limits = limits;
  }

  async run<T>({ actor, signal }: Lister, list: (place: Place) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const line = this.#lineOf(actor);
    let isHeld = true;
    const pass = async (): Promise<void> => {
      signal.throwIfAborted();
      isHeld = false;
      this.#paused++;
      try {
        const turn = this.#wait(line, signal, true);
        this.#leave(line);
        await turn;
        isHeld = true;
      } finally {
        this.#paused--;
      }
    };
    const isPassable = (): boolean => this.#waiting > line.waiting.length && this.#paused < PAUSED_MAX;
    if (this.#hasPlace(line)) this.#enter(line);
    else {
      this.#assertRoom(line);
      await this.#wait(line, signal, false);
    }
    try {
      return await list({ pass: () => (isPassable() ? pass() : undefined) });
    } finally {
      if (isHeld) this.#leave(line);
    }
  }

  /** The credentials of one organization count as one caller; every other credential is a caller of its own. */
  #lineOf({ id, scope }: Lister["actor"]): Line {
    const key = scope === null ? `actor ${id}` : `organization ${scope}`;
    return this.#lines.get(key) ?? { key, running: 0, waiting: [] };
  }

  #hasPlace(line: Line): boolean {
    return this.#running < PLACES && line.running < PLACES_OF_CALLER;
  }

  /** Throws CALLER_RATE. If all waiting places are taken, a caller that has none of them may still wait. */
  #assertRoom({ waiting: { length } }: Line): void {
    const { ofCallerMax, max } = this.#limits;
    const isFull = this.#waiting >= max && length > 0;
    if (length < ofCallerMax && !isFull) return;
    const what = isFull ? `${max} lists of all callers wait` : `${ofCallerMax} lists of this caller wait`;
    const said = `${what}, and no more may; ask for fewer at once`;
    throw new RefusalError(callerRate(said, RETRY_MS));
  }

  /** `isFirst`: ahead of lists that have not begun. */
  #wait(line: Line, signal: AbortSignal, isFirst: boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const begin = (): void => {
      signal.removeEventListener("abort", leave);
      resolve();
    };
    const leave = (): void => {
      line.waiting.splice(line.waiting.indexOf(begin), 1);
      this.#waiting--;
      this.#forget(line);
      reject(signal.reason);
    };
    signal.addEventListener("abort", leave, { once: true });
    if (isFirst) line.waiting.unshift(begin);
    else line.waiting.push(begin);
    this.#waiting++;
    if (!this.#lines.has(line.key)) this.#lines.set(line.key, line);
    return promise;
  }

  #enter(line: Line): void {
    this.#running++;
    line.running++;
    this.#lines.delete(line.key);
    this.#lines.set(line.key, line);
  }

  #leave(line: Line): void {
    this.#running--;
    line.running--;
    this.#serve();
    this.#forget(line);
  }

  /** Gives free places to the callers whose turn is next. */
  #serve(): void {
    for (;;) {
      const line = this.#next();
      const begin = line?.waiting.shift();
      if (line === undefined || begin === undefined) return;
      this.#waiting--;
      this.#enter(line);
      begin();
    }
  }

  /** Returns the waiting caller with the fewest places; among equals the one whose last turn is longest ago. */
  #next(): Line | undefined {
    let next: Line | undefined;
    for (const line of this.#lines.values()) {
      if (line.waiting.length === 0 || !this.#hasPlace(line)) continue;
      if (next === undefined || line.running < next.running) next = line;
    }
    return next;
  }

  #forget(line: Line): void {
    if (line.running === 0 && line.waiting.length === 0) this.#lines.delete(line.key);
  }
}
