/** The feed of events: each watcher first reads the log from its cursor on, and then follows the hub of its thread. */
import { Code, ConnectError } from "@connectrpc/connect";
import type { Admission } from "../../auth/admission.ts";
import { EVENTS_WEIGHT_MAX, sentTogether } from "../../domain/page-weight.ts";
import { RefusalError, refuse } from "../../domain/refusal.ts";
import type { LogPage, LogPlace, LogQuery, OpenedPlace } from "../../store/queries.ts";
import type { Store } from "../../store/store.ts";
import { mapError } from "../errors.ts";
import { ListLanes, type ListPlaces } from "../list-lanes.ts";
import { serviceStopping } from "../stopping.ts";
import { enter } from "../stream-places.ts";
import { Hub, type HubOptions, type Portion, type ToMessage } from "./hub.ts";
import type { View } from "./view.ts";
import { Watcher } from "./watcher.ts";

/** A watcher that gets no events gets a message with the cursor alone after this time, in milliseconds. */
const HEARTBEAT_MS = 15_000;
/** How often credentials and heartbeats are looked at. A revoked credential watches no longer than a second. */
const TICK_MS = 250;
/** How long a stream may take to send why it ends; one that nobody reads is broken off then. */
const END_MS = 500;

/** The most events that a watcher that is behind reads at once; and if those before were large. */
const READ_MAX = 256;
const READ_MIN = 32;
/** How long it searches for them, in milliseconds: others wait for its place. */
const SEARCH_MS = 100;

/** `places` bounds how many wait. */
const EVERY_WATCH = { ofCallerMax: Infinity, max: Infinity } as const;

export interface FeedOptions<M> {
  readonly store: Pick<Store, "listEvents" | "log">;
  readonly places: ListPlaces;
  /** Throws CREDENTIAL_INVALID when the credential of a call is no longer valid. */
  readonly recheck: (admission: Admission) => void;
  readonly createMessages: HubOptions<M>["createMessages"];
  /** Absent: 15 s. It is looked at every 250 ms. */
  readonly heartbeatMs?: number;
}

/** A call that watches. */
export interface WatchCall<M = unknown> {
  readonly admission: Admission;
  /** Aborts when nobody reads any more, and when the service begins to stop. */
  readonly signal: AbortSignal;
  takeTurn(): Promise<void> | undefined;
  /** Ends the stream although its caller reads nothing. */
  breakOff(): void;
  /** Names the error of a stream whose caller reads nothing, so that none can be sent. */
  noteEnd(error: unknown): void;
  /** Sends a message while the generator of the stream waits. Returns false if that is not possible now: then yield it. */
  sendNow(message: M): boolean;
  /** Whether the next message would not wait behind others that the connection has not taken. */
  readonly isWritable: boolean;
  /** Resolves when `isWritable`; rejects when the client is gone. `undefined`: it is now. */
  untilWritable(): Promise<void> | undefined;
}

export class Feed<M> {
  readonly #options: FeedOptions<M>;
  readonly #hub: Hub<M>;
  readonly #toMessage: ToMessage<M>;
  /** Watchers that read the log take turns: lists read it too. */
  readonly #replays = new ListLanes(EVERY_WATCH);
  readonly #watchers = new Map<Watcher<M>, WatchCall<M>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: FeedOptions<M>) {
    this.#options = options;
    this.#toMessage = options.createMessages();
    this.#hub = new Hub({ log: options.store.log, createMessages: options.createMessages });
  }

  /**
   * Yields the events after a cursor that a view contains, and then those to come. The first message has no events: it
   * says at once where the stream begins. `cursor`: absent: from now on; `0`: from the first event.
   */
  async *watch(view: View, cursor: string | undefined, call: WatchCall<M>): AsyncGenerator<M, void, undefined> {
    const { admission, signal } = call;
    const leave = await enter(this.#options.places, { actor: admission.actor, signal });
    const watcher = new Watcher<M>(view);
    const wake = (): void => watcher.wake();
    signal.addEventListener("abort", wake);
    this.#add(watcher, call);
    try {
      const place = await this.#options.store.log.open(cursor);
      const options = { ...this.#options, replays: this.#replays, toMessage: this.#toMessage };
      yield* new Watch(options, this.#hub, watcher, call).run(place);
    } finally {
      signal.removeEventListener("abort", wake);
      this.#hub.leave(watcher);
      this.#remove(watcher);
      leave();
    }
  }

  #add(watcher: Watcher<M>, call: WatchCall<M>): void {
    this.#watchers.set(watcher, call);
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref();
  }

  #remove(watcher: Watcher<M>): void {
    this.#watchers.delete(watcher);
  }

  #tick(): void {
    const now = performance.now();
    for (const [watcher, call] of this.#watchers) {
      try {
        this.#options.recheck(call.admission);
      } catch (error) {
        watcher.fail(error);
      }
      if (watcher.end !== undefined && now - watcher.end.time >= END_MS) {
        call.noteEnd(mapError(watcher.end.error));
        call.breakOff();
      }
      // It may be broken off before it has read enough to get the error.
      if (watcher.isTooSlow) call.noteEnd(TOO_SLOW_UNSENT);
      if (isQuiet(watcher, now, this.#options)) watcher.wake();
    }
    if (this.#watchers.size > 0) return;
    // Not before a tick has passed: many watchers only reconnect.
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#hub.stop();
  }
}

type Heartbeat = Pick<FeedOptions<unknown>, "heartbeatMs">;

function isQuiet(
  { sentTime }: { readonly sentTime: number },
  now: number,
  { heartbeatMs = HEARTBEAT_MS }: Heartbeat,
): boolean {
  return now - sentTime >= heartbeatMs;
}

interface WatchOptions<M> extends FeedOptions<M> {
  readonly replays: ListPlaces;
  readonly toMessage: ToMessage<M>;
}

/** One stream. */
class Watch<M> {
  readonly #options: WatchOptions<M>;
  readonly #hub: Hub<M>;
  readonly #watcher: Watcher<M>;
  readonly #call: WatchCall<M>;
  #place: LogPlace = { position: 0, cursor: "" };

  constructor(options: WatchOptions<M>, hub: Hub<M>, watcher: Watcher<M>, call: WatchCall<M>) {
    this.#options = options;
    this.#hub = hub;
    this.#watcher = watcher;
    this.#call = call;
  }

  async *run(place: OpenedPlace): AsyncGenerator<M, void, undefined> {
    yield this.#quietMessage(place);
    try {
      yield* this.#goOn(place.head);
    } catch (error) {
      // A reading of the log that ends with the stream knows no cursor.
      this.#assertGoingOn();
      throw error;
    }
  }

  async *#goOn(head: number): AsyncGenerator<M, void, undefined> {
    await this.#hub.start();
    for (;;) {
      const joined = this.#hub.join(this.#watcher, this.#place.position, head);
      if (joined === "joined") yield* this.#follow();
      else if (joined === "behind") yield* this.#replay();
      else yield* this.#untilRead();
      this.#assertGoingOn();
    }
  }

  /** Reads the log itself until the hub has what follows. */
  async *#replay(): AsyncGenerator<M, void, undefined> {
    let pageSize = READ_MAX;
    do {
      // Events wait for nothing once they are read: an erasure would not find them.
      await this.#call.takeTurn();
      const page = yield* this.#beatUntil(this.#readPage(pageSize));
      // Before the place moves: a stream that ends here names the cursor before these events, which were not sent.
      this.#assertGoingOn();
      const events = sentTogether(page.items);
      const last = (events.length < page.items.length ? events.at(-1) : undefined) ?? page;
      pageSize = Math.min(READ_MAX, Math.max(READ_MIN, 2 * events.length));
      this.#place = { position: last.position, cursor: last.cursor };
      if (events.length > 0) yield this.#sent(last, this.#options.toMessage(events, last.cursor, this.#watcher.view));
      else if (isQuiet(this.#watcher, performance.now(), this.#options)) yield this.#quietMessage(last);
    } while (!this.#hub.isNear(this.#place.position));
  }

  /** The hub is ahead, so there is something to read: no place is held while nothing comes. */
  async #readPage(pageSize: number): Promise<LogPage> {
    const { store, replays } = this.#options;
    const { admission, signal } = this.#call;
    const { filter } = this.#watcher.view;
    const query: LogQuery = {
      ...{ scope: null, filter, order: "oldest_first", afterPosition: this.#place.position },
      ...{ pageSize, pageWeight: EVENTS_WEIGHT_MAX, searchMs: SEARCH_MS },
    };
    try {
      return await replays.run({ actor: admission.actor, signal }, () => store.listEvents(query, { signal }));
    } catch (error) {
      // A stop ends the wait, too: it says where to go on.
      this.#assertGoingOn();
      throw error;
    }
  }

  /** Sends what the hub gives, until the hub has dropped something that was not sent yet. */
  async *#follow(): AsyncGenerator<M, void, undefined> {
    for (;;) {
      // What cannot be sent yet stays where an erasure finds it. Many watchers get the same at once, so they take turns.
      await this.#call.untilWritable();
      await this.#call.takeTurn();
      if (this.#watcher.wasDropped()) return;
      this.#assertGoingOn();
      const portion = this.#watcher.next();
      if (portion !== undefined) {
        this.#options.recheck(this.#call.admission);
        yield this.#sent(portion.place, portion.message);
      } else if (isQuiet(this.#watcher, performance.now(), this.#options)) {
        yield this.#quietMessage(this.#seenPlace());
      } else {
        await this.#watcher.sleep((next) => this.#sendNow(next));
      }
    }
  }

  /** Sends what the hub gives while this stream sleeps: waking it would cost several times as much as the writing. */
  #sendNow({ place, message }: Portion<M>): boolean {
    const { signal, admission } = this.#call;
    if (signal.aborted) return false;
    this.#options.recheck(admission);
    if (!this.#call.sendNow(message)) return false;
    this.#sent(place, message);
    return true;
  }

  /** The hub may be about to give what it has read. */
  #seenPlace(): LogPlace {
    const { place } = this.#hub;
    return place === undefined || place.position < this.#place.position ? this.#place : place;
  }

  async *#untilRead(): AsyncGenerator<M, void, undefined> {
    yield* this.#beatUntil(this.#hub.whenRead());
    await this.#hub.start();
  }

  /**
   * Sends heartbeats while something takes long: a turn among many, or a replica that lags behind. None waits for the client:
   * what is read meanwhile could be erased before it is sent.
   */
  async *#beatUntil<T>(waited: Promise<T>): AsyncGenerator<M, T, undefined> {
    let isDone: boolean = false;
    const done = (): void => {
      isDone = true;
      this.#watcher.wake();
    };
    waited.then(done, done);
    while (!isDone) {
      await this.#watcher.sleep();
      this.#assertGoingOn();
      const isDue = !isDone && isQuiet(this.#watcher, performance.now(), this.#options);
      if (isDue && this.#call.isWritable) yield this.#quietMessage(this.#place);
    }
    return await waited;
  }

  /** Throws why the stream ends. */
  #assertGoingOn(): void {
    const { signal } = this.#call;
    const { end, isTooSlow } = this.#watcher;
    const metadata = { cursor: this.#place.cursor };
    if (signal.aborted && isStop(signal.reason)) throw new RefusalError(serviceStopping(STOPPING, metadata));
    signal.throwIfAborted();
    if (end !== undefined) throw end.error;
    if (isTooSlow) throw tooSlow(metadata);
  }

  #quietMessage(place: LogPlace): M {
    return this.#sent(place, this.#options.toMessage([], place.cursor, this.#watcher.view));
  }

  #sent({ position, cursor }: LogPlace, message: M): M {
    this.#watcher.sentTime = performance.now();
    this.#place = { position, cursor };
    return message;
  }
}

const TOO_SLOW =
  "this stream is read more slowly than events come, and more than 1 MiB of them wait; go on from the cursor";

function tooSlow(metadata: Readonly<Record<string, string>>): RefusalError {
  return new RefusalError(refuse("WATCH_TOO_SLOW", TOO_SLOW, { metadata }));
}

/** What is recorded where it cannot be sent: one for all. */
const TOO_SLOW_UNSENT = mapError(tooSlow({}));

const STOPPING = "the service is stopping; go on from the cursor, at another replica or after the next start";

/** Whether a call ends because the service stops, and not because its caller left or its deadline passed. */
function isStop(reason: unknown): boolean {
  return reason instanceof ConnectError && reason.code === Code.Unavailable;
}
