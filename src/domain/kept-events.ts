/** The newest events of the log in memory, for readers that are a little behind. */
import { eventChars } from "./event.ts";

/** An event and its place in the log. */
interface PlacedEvent {
  readonly position: number;
  readonly event: Parameters<typeof eventChars>[0];
}

/** As `eventsMax` of the constructor. */
const CHARS_MAX = 4 * 1024 * 1024;

export class KeptEvents<E extends PlacedEvent> {
  /** Without gaps. */
  #events: E[] = [];
  #chars = 0;
  readonly #eventsMax: number;

  /** `eventsMax`: so many are kept at least, if there are so many and they are not too large; twice as many at most. */
  constructor(eventsMax: number) {
    this.#eventsMax = eventsMax;
  }

  /** Adds the events after those that are kept. */
  add(events: readonly E[]): void {
    for (const { event } of events) this.#chars += eventChars(event);
    this.#events.push(...events);
    if (this.#events.length > 2 * this.#eventsMax || this.#chars > 2 * CHARS_MAX) this.#trim();
  }

  clear(): void {
    this.#events = [];
    this.#chars = 0;
  }

  /** Lets go of the events up to a position, as soon as they are more than half of what is kept. */
  release(position: number): void {
    const count = position + 1 - (this.#events[0]?.position ?? Infinity);
    if (count * 2 <= this.#events.length) return;
    this.#events = this.#events.slice(count);
    this.#chars = this.#events.reduce((sum, { event }) => sum + eventChars(event), 0);
  }

  /** Returns the oldest `limit` events after a position; `undefined`: some after it are no longer kept. */
  after(position: number, limit: number): readonly E[] | undefined {
    const first = this.#events[0]?.position;
    if (first === undefined || position < first - 1) return undefined;
    const begin = position - first + 1;
    return this.#events.slice(begin, begin + limit);
  }

  #trim(): void {
    let [first, chars] = [this.#events.length, 0];
    while (first > 0 && this.#events.length - first < this.#eventsMax) {
      const older = this.#events[first - 1];
      if (older === undefined || chars + eventChars(older.event) > CHARS_MAX) break;
      chars += eventChars(older.event);
      first--;
    }
    this.#events = this.#events.slice(first);
    this.#chars = chars;
  }
}
