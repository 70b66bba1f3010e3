/** The body of a request as an iterable: a reader may stop without losing the connection, and its wait can be ended. */
import type { Readable } from "node:stream";
import { bodyTooLarge } from "../../transcoding/rest-error.ts";
import { callerGone } from "../call/call-error.ts";

/** The number of bytes held before the sender has to wait. */
const HELD_BYTES_MAX = 64 * 1024;
/** Smaller pieces are passed on together at the end of the turn: a body may arrive one byte at a time. */
const PIECE_BYTES_MIN = 4 * 1024;

interface Waiter {
  resolve(result: IteratorResult<Uint8Array, undefined>): void;
  reject(reason: unknown): void;
}

const NOTHING = Buffer.alloc(0);
const done: IteratorResult<Uint8Array, undefined> = { done: true, value: undefined };

/** The source of the bytes. `complete`: all of them have arrived, though they may not have been read yet. */
export type BodyStream = Readable & { readonly complete?: boolean };

/** What the headers of a request say about its body. */
export interface BodyHead {
  /** The value of `Content-Length`. */
  readonly contentLength: string | undefined;
  /** Whether there is no body, so that there is nothing to wait for. */
  readonly isAbsent: boolean;
}

/**
 * Reading starts with the first `next`. A reader that stops early (`return`) discards the rest as it arrives: Node's
 * own iterator would destroy the stream, and with it the answer. `fail` ends the wait of a reader.
 */
export class RequestBody implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #stream: BodyStream;
  readonly #head: BodyHead;
  readonly #onStart: (() => void) | undefined;
  #started: boolean = false;
  #ended: boolean = false;
  #discarding: boolean = false;
  #error: unknown;
  #chunks: Uint8Array[] = [];
  #heldBytes = 0;
  #waiter: Waiter | undefined;
  #isHandingSoon: boolean = false;
  /** The time of the last bytes, by `performance.now()`; 0 before the first. */
  lastByteTime = 0;

  /** `onStart` is called when the body is first read (`Expect: 100-continue` is answered then). */
  constructor(stream: BodyStream, head: BodyHead, onStart: (() => void) | undefined) {
    this.#stream = stream;
    this.#head = head;
    this.#onStart = onStart;
  }

  /** Whether the whole body has arrived. */
  get ended(): boolean {
    return this.#ended || this.#stream.readableEnded || this.#stream.complete === true;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#start();
    if (this.#chunks.length > 0) return Promise.resolve({ done: false, value: this.#takeHeld() });
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#ended || this.#discarding) return Promise.resolve(done);
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
    });
  }

  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.discard();
    return Promise.resolve(done);
  }

  /**
   * Returns the whole body if nothing has to be waited for; else `undefined`, and it must be read in another way. Throws
   * if it is larger than `bodyBytesMax`.
   */
  takeWhole(bodyBytesMax: number): Buffer | undefined {
    if (this.#head.isAbsent) return NOTHING;
    if (Number(this.#head.contentLength ?? 0) > bodyBytesMax) this.#refuse(bodyBytesMax);
    if (this.#stream.complete !== true || this.#started || this.#onStart !== undefined) return undefined;
    if (this.#discarding || this.#error !== undefined) return undefined;
    const body = (this.#stream.read() as Buffer | null) ?? NOTHING;
    this.#ended = true;
    if (body.byteLength > bodyBytesMax) this.#refuse(bodyBytesMax);
    return body;
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
    this.#stream.resume();
  }

  #start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#onStart?.();
    const stream = this.#stream;
    stream.on("data", (chunk: Buffer) => this.#take(chunk));
    stream.on("end", () => this.#finish());
    stream.on("error", () => this.#leave());
    stream.on("aborted", () => this.#leave());
    stream.on("close", () => this.#leave());
    // An empty body of HTTP/2 ends as soon as it arrives, whether anybody listens or not.
    if (stream.readableEnded) this.#ended = true;
    else if (stream.destroyed) this.fail(callerGone());
  }

  /** Errors are expensive to make: every stream closes, few of them before their end. */
  #leave(): void {
    if (!this.#ended) this.fail(callerGone());
  }

  #take(chunk: Buffer): void {
    this.lastByteTime = performance.now();
    if (this.#discarding || this.#error !== undefined || chunk.byteLength === 0) return;
    this.#chunks.push(chunk);
    this.#heldBytes += chunk.byteLength;
    if (this.#heldBytes > HELD_BYTES_MAX) this.#stream.pause();
    if (this.#waiter !== undefined) this.#handSoon();
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
  #takeHeld(): Uint8Array {
    const held = this.#chunks.length === 1 ? (this.#chunks[0] as Uint8Array) : Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#heldBytes = 0;
    if (!this.#ended) this.#stream.resume();
    return held;
  }

  #finish(): void {
    this.#ended = true;
    this.#hand();
    this.#waiter?.resolve(done);
    this.#waiter = undefined;
  }
}
