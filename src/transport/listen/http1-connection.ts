/** The requests of one HTTP/1.1 connection: one is served at a time; a client that pipelines waits for its answers. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import type { ConnectError } from "@connectrpc/connect";
import type { Expectation, Served, ServeHttp1 } from "./request-sink.ts";

/** The number of bytes the parser gets at once: a few hundred requests at most. */
const SLICE_BYTES = 8 * 1024;
/** The number of bytes it gets in one turn of the event loop: a body may come in chunks of one byte. */
const TURN_BYTES = 16 * 1024;

/** A request as Node passes it on, with what its `Expect` asks for. */
type Arrival = readonly [IncomingMessage, ServerResponse, Expectation];

/** A fault that the parser found, and the function that answers it if no request does. */
interface Fault {
  readonly error: ConnectError;
  readonly answer: () => void;
}

/**
 * Feeds Node's parser. Left alone it parses all that has arrived in one turn, however many answers are outstanding.
 * Here it gets a small piece at a time, and none while a request waits; the rest stays in the socket, which is paused.
 */
export class Http1Connection {
  readonly #socket: Socket;
  readonly #serve: ServeHttp1;
  readonly #parse: (chunk: Buffer) => void;
  readonly #waiting: Arrival[] = [];
  #current: { readonly request: IncomingMessage; readonly served: Served | undefined } | undefined;
  /** Whether this class paused the socket. */
  #isHeld: boolean = false;
  #fault: Fault | undefined;
  /** Called after all answers. */
  #last: (() => void) | undefined;
  /** The request that was answered last. */
  #answered: IncomingMessage | undefined;
  #isRead: boolean = true;
  /** Whether bytes have come since the last answer. */
  #isBegun: boolean = false;
  /** The number of bytes parsed in the present turn. */
  #turnBytes = 0;
  #isCounting: boolean = false;

  /** Takes the reading over from the http server, which owns the socket but has read nothing yet. */
  constructor(socket: Socket, serve: ServeHttp1) {
    const [parse] = socket.listeners("data") as ((chunk: Buffer) => void)[];
    if (parse === undefined) {
      throw new Error("transport: this version of Node does not read the sockets of its http server by their data");
    }
    this.#socket = socket;
    this.#serve = serve;
    this.#parse = parse;
    socket.off("data", parse);
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    // Node calls it after the last answer.
    socket.destroySoon = () => this.#close();
  }

  /** Adds a request whose headers are complete. */
  add(...arrival: Arrival): void {
    if (this.#current === undefined) {
      this.#begin(arrival);
    } else {
      this.#waiting.push(arrival);
    }
  }

  /**
   * Ends the reading: the input is malformed. If it is the body of a request, that request ends with `error`; otherwise
   * the earlier requests are served, and `answer` is called after them.
   */
  fail(error: ConnectError, answer: () => void): void {
    if (!this.#isRead) return;
    this.#isRead = false;
    this.#fault = { error, answer };
    if (this.#current !== undefined) {
      this.#breakOff();
    } else if (this.#answered?.complete === false) {
      // It is the body of a request that was answered: a second answer would seem to belong to the next request.
      this.#socket.destroy();
    } else {
      this.#answerFault();
    }
  }

  /** Ends the reading and passes the socket to `last` once the earlier requests have their answers. */
  detach(last: () => void): void {
    this.#isRead = false;
    this.#last = last;
    if (this.#current === undefined) last();
  }

  /**
   * Closes the connection, after the answer that says so. If its request is still being sent, only our side ends, and what
   * comes is dropped until the exchange no longer waits for it: the reset that Node would send could make the client lose
   * the answer (RFC 9112, section 9.6).
   */
  #close(): void {
    const request = this.#current?.request ?? this.#answered;
    if (request?.complete !== false) {
      Socket.prototype.destroySoon.call(this.#socket);
      return;
    }
    this.#isRead = false;
    this.#socket.end();
    this.#socket.resume();
  }

  #take(chunk: Buffer): void {
    for (let at = 0; at < chunk.byteLength; at += SLICE_BYTES) {
      if (this.#socket.destroyed || !this.#isRead) return;
      if (this.#mustWait()) this.#hold();
      if (this.#socket.isPaused()) {
        this.#socket.unshift(chunk.subarray(at));
        return;
      }
      const slice = chunk.subarray(at, at + SLICE_BYTES);
      this.#isBegun = true;
      this.#count(slice.byteLength);
      this.#parse(slice);
    }
    if (this.#mustWait()) this.#hold();
  }

  #mustWait(): boolean {
    return this.#waiting.length > 0 || this.#turnBytes >= TURN_BYTES;
  }

  #count(bytes: number): void {
    this.#turnBytes += bytes;
    // Small amounts are not counted: most turns see one request.
    if (this.#turnBytes < SLICE_BYTES || this.#isCounting) return;
    this.#isCounting = true;
    setImmediate(() => {
      this.#isCounting = false;
      this.#turnBytes = 0;
      this.#release();
    });
  }

  #hold(): void {
    if (this.#socket.isPaused()) return;
    this.#isHeld = true;
    this.#socket.pause();
  }

  #begin(arrival: Arrival): void {
    const [request, response, expectation] = arrival;
    this.#current = { request, served: undefined };
    const served = this.#serve(request, response, expectation);
    this.#current = { request, served };
    served.onOver(() => this.#finishRequest());
    // It may be over already.
    if (this.#current?.request !== request) return;
    if (this.#fault !== undefined) this.#breakOff();
  }

  /** Passes the fault to the present request if its body is the malformed input. */
  #breakOff(): void {
    if (this.#fault === undefined || this.#current?.served === undefined || this.#current.request.complete) return;
    this.#current.served.breakOff(this.#fault.error);
    this.#fault = undefined;
  }

  #answerFault(): void {
    this.#fault?.answer();
    this.#fault = undefined;
  }

  /** Whether no part of a request has arrived and no part of an answer is unsent, so that closing loses nothing. */
  get isIdle(): boolean {
    const { readableLength, writableLength } = this.#socket;
    return this.#current === undefined && !this.#isBegun && readableLength === 0 && writableLength === 0;
  }

  #finishRequest(): void {
    this.#answered = this.#current?.request;
    this.#current = undefined;
    this.#isBegun = this.#waiting.length > 0;
    const next = this.#waiting.shift();
    if (!this.#socket.writable) return;
    if (next === undefined) {
      this.#answerFault();
      this.#last?.();
      this.#release();
      return;
    }
    this.#begin(next);
  }

  #release(): void {
    if (!this.#isHeld || this.#mustWait()) return;
    this.#isHeld = false;
    this.#socket.resume();
  }
}
