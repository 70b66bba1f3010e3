/** The exchange over a stream of HTTP/2, without Node's request and response objects, which cost as much as the stream. */
import { constants, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { Http2Connection, Http2Request } from "../listen/request-sink.ts";
import { BaseExchange } from "./base-exchange.ts";
import type { AnswerHeader, ConnectionContext } from "./exchange.ts";
import { expectationOf } from "./head-refusal.ts";
import { Http2Body } from "./http2-body.ts";
import { runInTurn } from "./turns.ts";

const WITH_TRAILERS = { waitForTrailers: true };
const NO_TRAILERS: AnswerHeader = {};

function ignore(): void {}

/**
 * Closes a stream that its client reset with NO_ERROR, as `close()` of Node's client does. If a part of the answer is not
 * sent then, Node waits for it forever: `close` would not even come with the end of the connection.
 */
function closeUnsent(this: ServerHttp2Stream): void {
  if (this.closed && this.writableLength > 0) this.destroy();
}

export class Http2Exchange extends BaseExchange {
  readonly isHttp2: boolean = true;
  readonly httpVersion: string = "2.0";
  readonly #stream: ServerHttp2Stream;
  readonly #connection: Http2Connection;
  #answerHeader: AnswerHeader | undefined;
  #trailer: AnswerHeader | undefined;
  /** Whether all of the answer but its trailers was passed to the connection. */
  #isWritten: boolean = false;

  constructor({ stream, headers, rawHeaders }: Http2Request, connection: Http2Connection, context: ConnectionContext) {
    const bodyHead = { contentLength: headers["content-length"], isAbsent: stream.endAfterHeaders };
    super(
      {
        method: headers[":method"] ?? "",
        target: headers[":path"] ?? "",
        headers,
        rawHeaders,
        expectation: expectationOf(headers.expect),
        body: new Http2Body(stream, bodyHead, connection),
        writable: stream,
      },
      context,
    );
    this.#stream = stream;
    this.#connection = connection;
    stream.on("wantTrailers", () => this.#sendTrailers());
    stream.on("close", () => this.#close());
    // After a reset Node ends the readable side of a stream, too, if it has not ended.
    stream.on("end", closeUnsent);
    // A client may reset the stream at any moment; `close` reports it.
    stream.on("error", ignore);
  }

  get authority(): string | undefined {
    return (this.headers[":authority"] as string | undefined) ?? this.headers.host;
  }

  get headSent(): boolean {
    return this.#stream.headersSent;
  }

  protected get socket(): Socket | undefined {
    return this.#connection.socket;
  }

  protected get peerAddress(): string {
    return this.#connection.peerAddress;
  }

  override markAuthenticated(): void {
    this.#connection.markAdmitted();
    super.markAuthenticated();
  }

  setAnswerHeader(name: string, value: string): void {
    this.#answerHeader ??= {};
    this.#answerHeader[name.toLowerCase()] = value;
  }

  answerHeader(name: string): string | undefined {
    return this.#answerHeader?.[name.toLowerCase()]?.toString();
  }

  addTrailers(trailer: AnswerHeader): void {
    this.#trailer = this.#trailer === undefined ? trailer : { ...this.#trailer, ...trailer };
  }

  destroy(): void {
    // A reset is not sent while the connection takes no bytes: who asks again does not wait for it.
    if (this.#stream.closed) this.#stream.destroy();
    else this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  /** A connection of HTTP/2 outlives its exchanges. */
  closeAfterwards(): void {}

  protected sendContinue(): void {
    if (!this.#stream.closed) this.#stream.additionalHeaders({ ":status": constants.HTTP_STATUS_CONTINUE });
  }

  /** Without `waitForTrailers` Node closes some streams early: whether all was written would be unknown. */
  protected sendHead(status: number, header: AnswerHeader): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    // Copied once more only where there is something to add.
    const all = this.#answerHeader === undefined ? header : { ...this.#answerHeader, ...header };
    all[":status"] = `${status}`;
    stream.respond(all as Record<string, string | string[]>, WITH_TRAILERS);
  }

  /** Called when the whole answer is in frames. */
  #sendTrailers(): void {
    const stream = this.#stream;
    if (stream.closed) return;
    stream.sendTrailers((this.#trailer ?? NO_TRAILERS) as Record<string, string | string[]>);
    this.#isWritten = true;
    this.#connection.countAnswer();
    this.settle();
  }

  #close(): void {
    // A lost connection closes all of its streams at once, and thousands may be lost together.
    if (this.over) this.body.leave();
    else runInTurn(() => this.#leave());
    this.#connection.countClosed(this.#isWritten, this.#isWritten ? 0 : this.#stream.writableLength);
  }

  #leave(): void {
    this.settle();
    this.body.leave();
  }

  protected end(body: Uint8Array | string | undefined): void {
    // Node itself writes the frames of a turn together.
    if (body === undefined) this.#stream.end();
    else this.#stream.end(body);
  }

  protected isCompleted(): boolean {
    return this.#isWritten && this.#stream.rstCode === constants.NGHTTP2_NO_ERROR;
  }

  protected cutOff(): void {
    this.#stream.close(constants.NGHTTP2_NO_ERROR);
  }
}
