/** The log as readers of the store see it: places as cursors, and the tail with the cursor of each event. */
import type { ListedEvent, OpenedPlace, RecordedEvent } from "../queries.ts";
import { assertInLog, assertSameHistory, type EventMark, parseCursor, toCursor } from "../search/cursor.ts";
import type { TokenSeal } from "../search/token-seal.ts";
import type { LogReader } from "../store.ts";
import type { Tail } from "./tail.ts";

/** The cursor before the first event, for callers that have none. */
const FIRST_CURSOR = "0";

/** The newest event, and the hash of the event at a place that was asked about. */
export interface MarkedHead {
  readonly head: EventMark;
  readonly hash: Uint8Array | undefined;
}

/** Reads the newest event of any process, and the hash of the one at a position; 0: of none. */
export type ReadMarkedHead = (position: number) => MarkedHead | Promise<MarkedHead>;

/**
 * Each event gets its cursor once, however many readers there are, and keeps it: a WeakMap lives for long and events do not,
 * so each of its entries would cost the garbage collector more than the cursor costs.
 */
const LISTED: unique symbol = Symbol("listed");

type ReadEvent = RecordedEvent & { [LISTED]?: ListedEvent };

export class TailLog implements LogReader {
  readonly #tail: Pick<Tail, "read">;
  readonly #seal: TokenSeal;
  readonly #readHead: ReadMarkedHead;

  constructor(tail: Pick<Tail, "read">, seal: TokenSeal, readHead: ReadMarkedHead) {
    this.#tail = tail;
    this.#seal = seal;
    this.#readHead = readHead;
  }

  async open(cursor?: string): Promise<OpenedPlace> {
    const given = cursor === undefined || cursor === FIRST_CURSOR ? undefined : parseCursor(this.#seal, cursor);
    // Of the database and not of the tail, which may know less than the replica that made the cursor.
    const { head, hash } = await this.#readHead(given?.position ?? 0);
    if (given !== undefined) {
      assertInLog(given.position, head.position);
      assertSameHistory(given, hash);
    }
    const place = cursor === undefined ? head : { position: given?.position ?? 0, hash };
    return { position: place.position, cursor: toCursor(this.#seal, place), head: head.position };
  }

  async *read(after: number, signal: AbortSignal): AsyncGenerator<readonly ListedEvent[], never, undefined> {
    const reading = this.#tail.read(after, signal);
    try {
      for (;;) yield (await reading.next()).value.map((event) => this.#toListed(event));
    } finally {
      await reading.return(undefined as never);
    }
  }

  #toListed(event: ReadEvent): ListedEvent {
    event[LISTED] ??= { ...event, cursor: toCursor(this.#seal, event) };
    return event[LISTED];
  }
}
