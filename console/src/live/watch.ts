/** One stream of WatchEvents that is kept up: it resumes where it broke off, and waits longer after each failure. */
import { durationMs } from "@bufbuild/protobuf/wkt";
import { type Client, Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema, RetryInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import type { EventService, WatchEventsResponse } from "../../../gen/lockkeeper/event/v1/event_service_pb.ts";
import { NO_TIMEOUT } from "../wire/transport.ts";

/**
 * `away`: the service does not answer; `full`: it has as many streams as it may; `busy`: it is asked too often; after these
 * it is asked again. `refused`: it does not let this caller watch.
 */
export type WatchStatus = "starting" | "live" | "away" | "full" | "busy" | "refused";

/** Up to where a watch looked, and when it learned that. */
export interface Place {
  readonly cursor: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
}

export interface WatchListener {
  /** A stream began. `isFresh`: nothing is known of what happened before. */
  readonly onBegin: (isFresh: boolean) => void;
  readonly onMessage: (message: WatchEventsResponse) => void;
  readonly onStatus: (status: WatchStatus) => void;
}

const RETRY_MS = 500;
const RETRY_MS_MAX = 30_000;
/** The service sends something every 15 s. */
const SILENCE_MS_MAX = 40_000;
/** What happened since an older place is read again instead of being replayed. */
const PLACE_MS_MAX = 5 * 60_000;

/** Why a stream was broken off here. */
const CHANGED = "the filter changed";
const SILENT = "the service was silent";

/** Why nothing is live until it is tried again, and the least that the service wants between. */
interface Why {
  readonly status: WatchStatus;
  readonly waitMs: number;
}

const AWAY: Why = { status: "away", waitMs: 0 };

function whyOf(error: unknown): Why {
  const known = ConnectError.from(error);
  if (known.code !== Code.ResourceExhausted) return AWAY;
  const [info] = known.findDetails(ErrorInfoSchema);
  const [retry] = known.findDetails(RetryInfoSchema);
  const waitMs = retry?.retryDelay === undefined ? 0 : durationMs(retry.retryDelay);
  return { status: info?.reason === "WATCH_TOO_MANY" ? "full" : "busy", waitMs };
}

/** A watch. It begins with `follow` and ends with `end`. */
export class Watch {
  readonly #client: Client<typeof EventService>;
  readonly #listener: WatchListener;
  #place: Place | undefined;
  #filter: string | undefined;
  #round = new AbortController();
  readonly #end = new AbortController();
  #wake: () => void = () => undefined;

  /** `place`: from where to go on; absent: from now. */
  constructor(client: Client<typeof EventService>, place: Place | undefined, listener: WatchListener) {
    this.#client = client;
    this.#place = place;
    this.#listener = listener;
  }

  /** The filter that is followed now; undefined before the first. */
  get filter(): string | undefined {
    return this.#filter;
  }

  /** Follows a filter from now on. What the stream before looked at is not repeated, and nothing is missed. */
  follow(filter: string): void {
    const isFirst = this.#filter === undefined;
    if (filter === this.#filter) return;
    this.#filter = filter;
    if (isFirst) void this.#run();
    else this.#round.abort(CHANGED);
    this.#wake();
  }

  end(): void {
    this.#end.abort();
    this.#round.abort();
    this.#wake();
  }

  async #run(): Promise<void> {
    const wakeUp = (): void => this.#wake();
    window.addEventListener("online", wakeUp);
    let failures = 0;
    this.#listener.onStatus("starting");
    while (!this.#end.signal.aborted) {
      this.#round = new AbortController();
      let why = AWAY;
      try {
        await this.#read(this.#round, () => {
          failures = 0;
        });
      } catch (error) {
        if (this.#end.signal.aborted) break;
        if (this.#round.signal.reason === CHANGED) continue;
        if (this.#isFinal(error)) break;
        why = whyOf(error);
      }
      if (this.#end.signal.aborted) break;
      this.#listener.onStatus(why.status);
      const wait = Math.min(RETRY_MS * 2 ** failures++, RETRY_MS_MAX) * (0.5 + Math.random() / 2);
      await this.#sleep(Math.max(wait, why.waitMs));
    }
    window.removeEventListener("online", wakeUp);
  }

  async #read(round: AbortController, onBegin: () => void): Promise<void> {
    const { time = 0, cursor = "" } = this.#place ?? {};
    const isFresh = cursor === "" || Date.now() - time > PLACE_MS_MAX;
    const request = { filter: this.#filter ?? "", cursor: isFresh ? "" : cursor };
    let silence = setTimeout(() => round.abort(SILENT), SILENCE_MS_MAX);
    let hasBegun = false;
    try {
      for await (const message of this.#client.watchEvents(request, { signal: round.signal, timeoutMs: NO_TIMEOUT })) {
        clearTimeout(silence);
        silence = setTimeout(() => round.abort(SILENT), SILENCE_MS_MAX);
        if (round.signal.aborted) return;
        this.#place = { cursor: message.cursor, time: Date.now() };
        if (!hasBegun) {
          hasBegun = true;
          onBegin();
          this.#listener.onStatus("live");
          this.#listener.onBegin(isFresh);
        }
        this.#listener.onMessage(message);
      }
    } finally {
      clearTimeout(silence);
    }
  }

  /** Returns whether trying again is of no use. Forgets a place that the service does not take. */
  #isFinal(error: unknown): boolean {
    const known = ConnectError.from(error);
    const [info] = known.findDetails(ErrorInfoSchema);
    // After a restore, or if the service has another database now.
    if (info?.reason === "HISTORY_CHANGED" || known.code === Code.InvalidArgument) this.#place = undefined;
    // The session ends by itself: its transport sees the same error.
    if (known.code === Code.Unauthenticated) return true;
    if (known.code !== Code.PermissionDenied && known.code !== Code.Unimplemented) return false;
    this.#listener.onStatus("refused");
    return true;
  }

  async #sleep(milliseconds: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => undefined;
  }
}
