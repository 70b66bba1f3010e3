/** The events of one signed-in tab, as they happen; the visible tabs of one caller in one browser share one watch. */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import type { Event } from "../../../gen/lockkeeper/event/v1/event_pb.ts";
import {
  type EventService,
  type WatchEventsResponse,
  WatchEventsResponseSchema,
} from "../../../gen/lockkeeper/event/v1/event_service_pb.ts";
import { filterOfAll, type Interest, isOf } from "./interest.ts";
import type { TabMessage, Want } from "./tab-message.ts";
import { type Place, Watch, type WatchStatus } from "./watch.ts";

/** What a place of the page does with events. */
export interface FeedListener {
  /** Called with what is of interest, in order, at least one event. */
  readonly onEvents: (events: readonly Event[]) => void;
  /** Called when something may have been missed: read again. */
  readonly onGap: () => void;
}

/** A page that gives way to another changes its interests twice within a moment. */
const SETTLE_MS = 30;

const NOTHING: Want = { interests: [], version: 0 };

/**
 * The feed of one tab. The tab that holds a lock has the watch and passes the events on to the others. Hidden tabs have none:
 * over HTTP/1.1 a browser has six connections to a service.
 */
export class LiveFeed {
  readonly #client: Client<typeof EventService>;
  readonly #name: string;
  /** Without locks (outside of a secure context) each visible tab watches for itself. */
  readonly #locks: LockManager | undefined = navigator.locks;
  readonly #channel: BroadcastChannel | undefined;
  readonly #tab: string = Array.from(crypto.getRandomValues(new Uint32Array(4))).join("-");
  readonly #listeners = new Map<FeedListener, Interest>();
  readonly #statusListeners = new Set<() => void>();
  #status: WatchStatus = "starting";
  #want = NOTHING;
  /** Whether the present want is in a stream. */
  #isCovered = false;
  #place: Place | undefined;
  #settling: ReturnType<typeof setTimeout> | undefined;
  /** Gives the lock back, or stops waiting for it; undefined while this tab does neither. */
  #stepDown: (() => void) | undefined;
  /** While this tab watches for all. */
  #watch: Watch | undefined;
  /** What each tab shows, while this tab watches for all. */
  readonly #wants = new Map<string, Want>();

  /** `name`: of the channel and the lock, see `channelOf`. The feed ends when the signal aborts. */
  constructor(client: Client<typeof EventService>, name: string, signal: AbortSignal) {
    this.#client = client;
    this.#name = name;
    if (this.#locks !== undefined) this.#channel = new BroadcastChannel(name);
    this.#channel?.addEventListener("message", ({ data }: MessageEvent<TabMessage>) => this.#receive(data));
    const change = (): void => this.#settle();
    const leave = (): void => this.#setWant([]);
    document.addEventListener("visibilitychange", change);
    window.addEventListener("pagehide", leave);
    window.addEventListener("pageshow", change);
    signal.addEventListener("abort", () => {
      document.removeEventListener("visibilitychange", change);
      window.removeEventListener("pagehide", leave);
      window.removeEventListener("pageshow", change);
      this.#listeners.clear();
      this.#setWant([]);
      this.#channel?.close();
    });
  }

  get status(): WatchStatus {
    return this.#status;
  }

  /** Calls back at each change of the status. Returns how to stop it. */
  onStatus(listener: () => void): () => void {
    this.#statusListeners.add(listener);
    return () => this.#statusListeners.delete(listener);
  }

  /** Listens from a moment on that `onGap` names. Returns how to stop it. */
  listen(interest: Interest, listener: FeedListener): () => void {
    this.#listeners.set(listener, interest);
    this.#settle();
    return () => {
      this.#listeners.delete(listener);
      this.#settle();
    };
  }

  #settle(): void {
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => {
      const interests = new Map([...this.#listeners.values()].map((each) => [JSON.stringify(each), each]));
      this.#setWant(document.visibilityState === "visible" ? [...interests.values()] : []);
    }, SETTLE_MS);
  }

  #setWant(interests: readonly Interest[]): void {
    clearTimeout(this.#settling);
    if (JSON.stringify(interests) === JSON.stringify(this.#want.interests)) return;
    this.#want = { interests, version: this.#want.version + 1 };
    this.#isCovered = false;
    const message: TabMessage = { kind: "want", tab: this.#tab, want: this.#want };
    this.#channel?.postMessage(message);
    if (interests.length === 0) {
      this.#stepDown?.();
      return;
    }
    if (this.#stepDown === undefined) this.#standForLock();
    this.#receive(message);
  }

  /** Waits for the lock and watches for all while this tab has it. */
  #standForLock(): void {
    const end = new AbortController();
    this.#stepDown = () => {
      this.#stepDown = undefined;
      end.abort();
    };
    const lead = async (): Promise<void> => {
      if (end.signal.aborted) return;
      this.#begin();
      await new Promise((resolve) => end.signal.addEventListener("abort", resolve));
      this.#watch?.end();
      this.#watch = undefined;
      this.#wants.clear();
    };
    if (this.#locks === undefined) void lead();
    // Rejects when the wait for it is given up.
    else this.#locks.request(this.#name, { signal: end.signal }, lead).catch(() => undefined);
  }

  #begin(): void {
    this.#wants.set(this.#tab, this.#want);
    this.#watch = new Watch(this.#client, this.#place, {
      onBegin: (isFresh) => this.#announce(isFresh),
      onStatus: (status) => this.#tell({ kind: "status", status }),
      onMessage: (message) => this.#passOn(message),
    });
    this.#channel?.postMessage({ kind: "ask" } satisfies TabMessage);
    this.#followAll();
  }

  #followAll(): void {
    if (this.#watch === undefined || this.#wants.size === 0) return;
    const filter = filterOfAll([...this.#wants.values()].flatMap(({ interests }) => interests));
    if (filter !== this.#watch.filter) this.#watch.follow(filter);
    else if (this.#status === "live") this.#announce(false);
  }

  #announce(isFresh: boolean): void {
    const versions = new Map([...this.#wants].map(([tab, { version }]) => [tab, version]));
    this.#tell({ kind: "status", status: "live" });
    this.#tell({ kind: "begun", versions, isFresh });
  }

  #passOn(message: WatchEventsResponse): void {
    const place = { cursor: message.cursor, time: Date.now() };
    const bytes = toBinary(WatchEventsResponseSchema, message);
    this.#channel?.postMessage({ kind: "events", bytes, place } satisfies TabMessage);
    this.#take(message.events, place);
  }

  /** To all tabs and this one. */
  #tell(message: TabMessage): void {
    this.#channel?.postMessage(message);
    this.#receive(message);
  }

  #receive(message: TabMessage): void {
    if (message.kind === "ask") {
      this.#channel?.postMessage({ kind: "want", tab: this.#tab, want: this.#want } satisfies TabMessage);
    } else if (message.kind === "status") {
      this.#status = message.status;
      for (const listener of this.#statusListeners) listener();
    } else if (message.kind === "events") {
      this.#take(fromBinary(WatchEventsResponseSchema, message.bytes).events, message.place);
    } else if (message.kind === "begun") {
      this.#cover(message.versions.get(this.#tab) === this.#want.version, message.isFresh);
    } else if (this.#watch !== undefined) {
      if (message.want.interests.length === 0) this.#wants.delete(message.tab);
      else this.#wants.set(message.tab, message.want);
      this.#channel?.postMessage({ kind: "status", status: this.#status } satisfies TabMessage);
      this.#followAll();
    }
  }

  #cover(isCovered: boolean, isFresh: boolean): void {
    const isNews = isFresh || (isCovered && !this.#isCovered);
    // A tab that begins to watch for all may not know yet what this one shows: its stream passes over that.
    this.#isCovered = isCovered;
    if (!isNews) return;
    for (const { onGap } of [...this.#listeners.keys()]) onGap();
  }

  #take(events: readonly Event[], place: Place): void {
    this.#place = place;
    for (const [{ onEvents }, interest] of [...this.#listeners]) {
      const own = events.filter((event) => isOf(interest, event));
      if (own.length > 0) onEvents(own);
    }
  }
}
