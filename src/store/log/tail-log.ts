/** The log as readers of the store see it: places as cursors, and the tail with the cursor of each event. */
import type { ListedEvent, OpenedPlace, RecordedEvent } from "../queries.ts";
import { assertInLog, parseCursor, toCursor } from "../search/cursor.ts";
import type { TokenSeal } from "../search/token-seal.ts";
import type { LogReader } from "../store.ts";
import type { Tail } from "./tail.ts";

/** The cursor before the first event, for callers that have none. */
const FIRST_CURSOR = "0";

export class TailLog implements LogReader {
  readonly #tail: Pick<Tail, "read">;
  readonly #seal: TokenSeal;
  readonly #head: () => number | Promise<number>;
  /** Each event gets its cursor once, however many readers there are. */
  readonly #listed = new WeakMap<RecordedEvent, ListedEvent>();

  /** `head`: returns the position of the newest event of any process. */
  constructor(tail: Pick<Tail, "read">, seal: TokenSeal, head: () => number | Promise<number>) {
    this.#tail = tail;
    this.#seal = seal;
    this.#head = head;
  }

  async open(cursor?: string): Promise<OpenedPlace> {
    const given = cursor === undefined || cursor === FIRST_CURSOR ? undefined : parseCursor(this.#seal, cursor);
    // Of the database and not of the tail, which may know less than the replica that made the cursor.
    const head = await this.#head();
    if (given !== undefined) assertInLog(given, head);
    const position = given ?? (cursor === undefined ? head : 0);
    return { position, cursor: toCursor(this.#seal, position), head };
  }

  async *read(after: number, signal: AbortSignal): AsyncGenerator<readonly ListedEvent[], never, undefined> {
    const reading = this.#tail.read(after, signal);
    try {
      for (;;) yield (await reading.next()).value.map((event) => this.#toListed(event));
    } finally {
      await reading.return(undefined as never);
    }
  }

  #toListed(event: RecordedEvent): ListedEvent {
    const known = this.#listed.get(event);
    if (known !== undefined) return known;
    const listed = { ...event, cursor: toCursor(this.#seal, event.position) };
    this.#listed.set(event, listed);
    return listed;
  }
}
