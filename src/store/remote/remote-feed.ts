/** Passes changes of the configuration to other threads, each before it relies on what it knows. */
import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import { Followers } from "../log/followers.ts";
import type { RecordedEvent } from "../queries.ts";
import type { Follower } from "../store.ts";

/** A thread's end of the feed. */
export interface FeedData {
  readonly port: MessagePort;
  /** One 32-bit number: grows with every message that was put into the port. */
  readonly count: SharedArrayBuffer;
}

/** Events in commit order, or that events may have been missed. */
type FeedMessage = readonly RecordedEvent[] | "reload";

const CATCH_UP_MS = 1_000;

/** The end of the feed in the thread of the store: a follower that puts what it gets into a port. */
export class FeedSender implements Follower {
  readonly #port: MessagePort;
  readonly #count: Int32Array;

  constructor(port: MessagePort, count: SharedArrayBuffer) {
    this.#port = port;
    this.#count = new Int32Array(count);
  }

  apply(events: readonly RecordedEvent[]): void {
    this.#send(events);
  }

  reload(): void {
    this.#send("reload");
  }

  /** The message is in the other thread's queue before the number says so. */
  #send(message: FeedMessage): void {
    this.#port.postMessage(message);
    Atomics.add(this.#count, 0, 1);
  }
}

/** The end of the feed in another thread. */
export class RemoteFeed {
  readonly #port: MessagePort;
  readonly #count: Int32Array;
  readonly #followers: Followers;
  readonly #timer: NodeJS.Timeout;
  /** The number of messages that were looked for. */
  #seen = 0;

  constructor({ port, count }: FeedData, onTrouble: (error: unknown) => void) {
    this.#port = port;
    this.#count = new Int32Array(count);
    this.#followers = new Followers(onTrouble);
    // A thread that decides nothing would let the queue grow.
    this.#timer = setInterval(() => this.catchUp(), CATCH_UP_MS).unref();
  }

  follow(follower: Follower): () => void {
    return this.#followers.add(follower);
  }

  /** Takes what is in the queue, in this turn: no event of the loop could come between a decision and its reasons. */
  catchUp(): void {
    const count = Atomics.load(this.#count, 0);
    if (count === this.#seen) return;
    this.#seen = count;
    for (;;) {
      const received = receiveMessageOnPort(this.#port) as { readonly message: FeedMessage } | undefined;
      if (received === undefined) return;
      if (received.message === "reload") this.#followers.reload();
      else this.#followers.pass(received.message);
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#port.close();
  }
}
