/** The body of a request as an iterable: a reader may stop without losing the connection, and its wait can be ended. */
import type { ConnectError } from "@connectrpc/connect";
import { bodyTooLarge } from "../../transcoding/rest-error.ts";
import { callerGone } from "../call/call-error.ts";
import { LARGE_BODY_BYTES_MIN, type LargeBodies } from "./large-bodies.ts";

/** The number of bytes held before the sender has to wait. */
const HELD_BYTES_MAX = 64 * 1024;
/** Smaller pieces are passed on together at the end of the turn: a body may arrive one byte at a time. */
const PIECE_BYTES_MIN = 4 * 1024;

interface Waiter {
  resolve(result: IteratorResult<Uint8Array, undefined>): void;
  reject(reason: unknown): void;
}

/** Follows a body as it arrives and takes nothing of it. */
export interface BodyWatcher {
  /** Called when bytes have arrived, when the body is whole, and when it fails. */
  look(): void;
}

const NOTHING = Buffer.alloc(0);
const done: IteratorResult<Uint8Array, undefined> = { done: true, value: undefined };

/** What the headers of a request say about its body. */
export interface BodyHead {
  /** The value of `Content-Length`. */
  readonly contentLength: string | undefined;
  /** Whether there is no body, so that there is nothing to wait for. */
  readonly isAbsent: boolean;
}

/**
 * Reading starts with the first `next`. A reader that stops early (`return`) discards the rest as it arrives: Node's
 * own iterator would destroy the stream, and with it the answer. `fail` ends the wait of a reader. Each HTTP version
 * delivers the bytes in its own way.
 */
export abstract class RequestBody implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #head: BodyHead;
  #isStarted: boolean = false;
  #isListening: boolean = false;
  #ended: boolean = false;
  #discarding: boolean = false;
  #error: unknown;
  #chunks: Buffer[] = [];
  #heldBytes = 0;
  /** The bytes that have arrived, and those that they were decompressed to. */
  #takenBytes = 0;
  /** The bytes that `largeBodies` counts for this body. */
  #countedBytes = 0;
  /** How many work with the bytes or with what was made of them: the exchange, and those that `retain` them. */
  #users = 1;
  #waiter: Waiter | undefined;
  #watcher: BodyWatcher | undefined;
  #isHandingSoon: boolean = false;
  /** The time of the last bytes, by `performance.now()`; 0 before the first. */
  lastByteTime = 0;
  /** Bounds the bytes of all large bodies. Absent: those of this one are not kept, as in a client's stream. */
  largeBodies: LargeBodies | undefined;
  /** Called when the body is first read (`Expect: 100-continue` is answered then). */
  onStart: (() => void) | undefined;
  /** Called when nothing more will arrive. */
  onEnd: (() => void) | undefined;

  constructor(head: BodyHead) {
    this.#head = head;
  }

  /** Begins to deliver what arrives by `take`, `finish` and `leave`. Called once. */
  protected abstract listen(): void;
  /** Lets the sender go on. */
  protected abstract resume(): void;
  /** Whether all bytes have arrived, though they may not have been delivered yet. */
  protected abstract readonly isComplete: boolean;

  /** Whether the whole body has arrived. */
  get ended(): boolean {
    return this.#ended || this.isComplete;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#start();
    if (this.#chunks.length > 0) return Promise.resolve({ done: false, value: this.#takeHeld() });
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#ended || this.#discarding) return Promise.resolve(done);
    this.resume();
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
    });
  }

  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.discard();
    return Promise.resolve(done);
  }

  /** Lets a watcher look now if there is anything to see, and then at each change, until `unwatch`. */
  watch(watcher: BodyWatcher): void {
    this.#watcher = watcher;
    this.#start();
    if (this.#ended || this.#error !== undefined || this.#heldBytes > 0) this.#watcher?.look();
  }

  unwatch(): void {
    this.#watcher = undefined;
  }

  /** Whether the whole body is held. */
  get isWhole(): boolean {
    return this.#ended;
  }

  /** Whether the wait for the body was ended by an error. */
  get isFailed(): boolean {
    return this.#error !== undefined;
  }

  /** The number of bytes that are held. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** What is held, in one piece. It stays held. */
  get held(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks, this.#heldBytes)];
    return this.#chunks[0] ?? NOTHING;
  }

  /**
   * Returns the whole body if nothing has to be waited for; else `undefined`, and it must be read in another way. Throws
   * if it is larger than `bodyBytesMax`.
   */
  takeWhole(bodyBytesMax: number): Buffer | undefined {
    if (this.#head.isAbsent) return NOTHING;
    if (Number(this.#head.contentLength ?? 0) > bodyBytesMax) this.#refuse(bodyBytesMax);
    if (this.#discarding || this.#error !== undefined || !this.ended) return undefined;
    if (this.onStart !== undefined && !this.#isStarted) return undefined;
    this.#start();
    if (!this.#ended) return undefined;
    const whole = this.held;
    if (whole.byteLength > bodyBytesMax) this.#refuse(bodyBytesMax);
    return whole;
  }

  /** Reads the whole body in one piece. Rejects if it is larger than `bodyBytesMax`. */
  async readAll(bodyBytesMax: number): Promise<Buffer> {
    // The parser calls with the head; a body that came with it is there as soon as the parser has returned.
    const whole = this.takeWhole(bodyBytesMax) ?? (await undefined) ?? this.takeWhole(bodyBytesMax);
    if (whole !== undefined) return whole;
    const chunks: Uint8Array[] = [];
    let size = 0;
    for (;;) {
      const result = await this.next();
      if (result.done) break;
      size += result.value.byteLength;
      if (size > bodyBytesMax) this.#refuse(bodyBytesMax);
      chunks.push(result.value);
    }
    return chunks.length === 1 && Buffer.isBuffer(chunks[0]) ? chunks[0] : Buffer.concat(chunks, size);
  }

  #refuse(bodyBytesMax: number): never {
    this.discard();
    throw bodyTooLarge(bodyBytesMax);
  }

  /** Makes every present and later read reject with this error. */
  fail(error: unknown): void {
    if (this.#ended || this.#error !== undefined) return;
    this.#error = error;
    this.#waiter?.reject(error);
    this.#waiter = undefined;
    this.#watcher?.look();
  }

  /** Ends the body for readers: no more input is accepted. */
  endInput(): void {
    this.discard();
    this.#waiter?.resolve(done);
    this.#waiter = undefined;
  }

  /** Discards what has arrived and what still arrives. */
  discard(): void {
    this.#discarding = true;
    this.#chunks = [];
    this.#heldBytes = 0;
    this.#listen();
    if (!this.#ended) this.resume();
  }

  #start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.onStart?.();
    this.#listen();
  }

  #listen(): void {
    if (this.#isListening) return;
    this.#isListening = true;
    this.listen();
  }

  /** Takes bytes that have arrived. Returns whether the sender may go on. */
  protected take(chunk: Buffer): boolean {
    this.lastByteTime = performance.now();
    if (this.#discarding || this.#error !== undefined || chunk.byteLength === 0) return true;
    const refusal = this.#count(chunk.byteLength);
    if (refusal !== undefined) {
      this.#chunks = [];
      this.#heldBytes = 0;
      this.fail(refusal);
      return true;
    }
    this.#chunks.push(chunk);
    this.#heldBytes += chunk.byteLength;
    if (this.#waiter !== undefined) this.#handSoon();
    else this.#watcher?.look();
    return this.#heldBytes <= HELD_BYTES_MAX;
  }

  #count(bytes: number): ConnectError | undefined {
    this.#takenBytes += bytes;
    if (this.#takenBytes <= LARGE_BODY_BYTES_MIN) return undefined;
    const refusal = this.largeBodies?.take(this.#takenBytes - this.#countedBytes);
    if (refusal === undefined) this.#countedBytes = this.#takenBytes;
    return refusal;
  }

  /** Counts bytes that were decompressed from the body. Returns the error if there is no room for them. */
  countInflated(bytes: number): ConnectError | undefined {
    return this.#count(bytes);
  }

  /** Called when decompressed bytes are dropped, those that were refused included. */
  dropInflated(bytes: number): void {
    this.#takenBytes -= bytes;
    const countedBytes = this.#takenBytes > LARGE_BODY_BYTES_MIN ? this.#takenBytes : 0;
    if (countedBytes >= this.#countedBytes) return;
    this.largeBodies?.release(this.#countedBytes - countedBytes);
    this.#countedBytes = countedBytes;
  }

  /** Keeps the bytes counted until one more `release`: what was made of them may outlive the request. */
  retain(): void {
    this.#users++;
  }

  /** Called by each user of the bytes at its end. They are counted until the last one. */
  release(): void {
    if (--this.#users === 0) this.stopCounting();
  }

  /** As `retain`, with a `release` when the work has settled. */
  retainUntil(work: Promise<unknown>): void {
    // Small bodies are not counted, and nearly all are small.
    if (this.#countedBytes === 0) return;
    this.retain();
    const release = (): void => this.release();
    work.then(release, release);
  }

  /** Counts neither what has arrived nor what still arrives. */
  stopCounting(): void {
    this.largeBodies?.release(this.#countedBytes);
    this.largeBodies = undefined;
    this.#countedBytes = 0;
  }

  /** The whole body has been taken. */
  protected finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#hand();
    this.#waiter?.resolve(done);
    this.#waiter = undefined;
    this.#watcher?.look();
    this.onEnd?.();
  }

  /** The client is gone. Errors are expensive to make: every stream closes, few of them before their end. */
  leave(): void {
    if (!this.#ended) this.fail(callerGone());
    this.onEnd?.();
  }

  #handSoon(): void {
    if (this.#heldBytes >= PIECE_BYTES_MIN) {
      this.#hand();
    } else if (!this.#isHandingSoon) {
      this.#isHandingSoon = true;
      setImmediate(() => {
        this.#isHandingSoon = false;
        this.#hand();
      });
    }
  }

  /** Passes the held bytes to the waiting reader. */
  #hand(): void {
    const waiter = this.#waiter;
    if (waiter === undefined || this.#chunks.length === 0) return;
    this.#waiter = undefined;
    waiter.resolve({ done: false, value: this.#takeHeld() });
  }

  /** Returns the held bytes in one piece. */
  #takeHeld(): Buffer {
    const held = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#heldBytes = 0;
    if (!this.#ended) this.resume();
    return held;
  }
}
