/** One watcher: what it has not read yet, and why it ends. */
import type { Member, Portion } from "./hub.ts";
import type { View } from "./view.ts";

/** How many characters may wait for a watcher that reads slowly. */
const WAITING_CHARS_MAX = 1024 * 1024;

interface WatcherEnd {
  readonly error: unknown;
  /** By `performance.now()`. */
  readonly time: number;
}

export class Watcher<M> implements Member<M> {
  readonly view: View;
  /** By `performance.now()`: when it was sent something last. */
  sentTime = performance.now();
  #waiting: Portion<M>[] = [];
  #chars = 0;
  #end: WatcherEnd | undefined;
  #isTooSlow: boolean = false;
  #isDropped: boolean = false;
  #wake: (() => void) | undefined;
  #passOn: ((portion: Portion<M>) => boolean) | undefined;

  constructor(view: View) {
    this.view = view;
  }

  /** Whether more was to be sent than may wait; the rest was dropped. */
  get isTooSlow(): boolean {
    return this.#isTooSlow;
  }

  /** Why it must end; `undefined`: it goes on. */
  get end(): WatcherEnd | undefined {
    return this.#end;
  }

  /** What is waiting is shared with other watchers, so it is counted even if it takes no memory of its own. */
  take(portion: Portion<M>): void {
    if (this.#isTooSlow || this.#end !== undefined || this.#isPassedOn(portion)) return;
    this.#chars += portion.chars;
    if (this.#chars > WAITING_CHARS_MAX && this.#waiting.length > 0) {
      this.#isTooSlow = true;
      this.#waiting = [];
    } else {
      this.#waiting.push(portion);
    }
    this.wake();
  }

  #isPassedOn(portion: Portion<M>): boolean {
    try {
      return this.#passOn?.(portion) === true;
    } catch (error) {
      this.fail(error);
      return true;
    }
  }

  /** Nothing that waits is sent any more. */
  fail(error: unknown): void {
    this.#end ??= { error, time: performance.now() };
    this.#waiting = [];
    this.wake();
  }

  drop(): boolean {
    if (this.#waiting.length === 0) return false;
    this.#waiting = [];
    this.#chars = 0;
    this.#isDropped = true;
    this.wake();
    return true;
  }

  /** Returns whether something was dropped since the last call: it must go on from the place of what it has sent. */
  wasDropped(): boolean {
    const is = this.#isDropped;
    this.#isDropped = false;
    return is;
  }

  /** Returns what must be sent next. */
  next(): Portion<M> | undefined {
    const portion = this.#waiting.shift();
    if (portion !== undefined) this.#chars -= portion.chars;
    return portion;
  }

  wake(): void {
    this.#wake?.();
    this.#wake = undefined;
    this.#passOn = undefined;
  }

  /** Resolves at the next `wake`. `passOn`: takes what comes meanwhile; returns false if the sleeper must take it itself. */
  sleep(passOn?: (portion: Portion<M>) => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#passOn = passOn;
    });
  }
}
