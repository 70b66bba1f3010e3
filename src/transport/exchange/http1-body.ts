/** The body of an HTTP/1.1 request: the stream delivers it once somebody reads it. */
import type { IncomingMessage } from "node:http";
import { callerGone } from "../call/call-error.ts";
import { type BodyHead, RequestBody } from "./request-body.ts";

const ready = Promise.resolve();

export class Http1Body extends RequestBody {
  readonly #stream: IncomingMessage;
  #isAttached: boolean = false;

  constructor(stream: IncomingMessage, head: BodyHead) {
    super(head);
    this.#stream = stream;
  }

  protected get isComplete(): boolean {
    return this.#stream.readableEnded || this.#stream.complete;
  }

  protected listen(): void {
    if (this.#stream.complete) this.#deliver();
    // The parser calls with the head; a body that came with it is there as soon as the parser has returned.
    else void ready.then(() => (this.#stream.complete ? this.#deliver() : this.#attach()));
  }

  /** Takes all of the body: it needs no events. */
  #deliver(): void {
    const whole = this.#stream.read() as Buffer | null;
    if (whole !== null) this.take(whole);
    this.finish();
  }

  #attach(): void {
    const stream = this.#stream;
    this.#isAttached = true;
    stream.on("data", (chunk: Buffer) => {
      if (!this.take(chunk)) stream.pause();
    });
    stream.on("end", () => this.finish());
    for (const event of ["error", "aborted", "close"]) stream.on(event, () => this.leave());
    if (stream.destroyed) this.fail(callerGone());
  }

  protected resume(): void {
    if (this.#isAttached) this.#stream.resume();
  }
}
