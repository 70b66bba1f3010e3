/** The exchange over a stream of HTTP/2, without Node's request and response objects, which cost as much as the stream. */
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { BaseExchange } from "./base-exchange.ts";
import type { AnswerHeader, ConnectionContext } from "./exchange.ts";
import { expectationOf } from "./head-refusal.ts";

export class Http2Exchange extends BaseExchange {
  readonly isHttp2: boolean = true;
  readonly httpVersion: string = "2.0";
  readonly #stream: ServerHttp2Stream;
  #answerHeader: AnswerHeader | undefined;
  #trailer: AnswerHeader = {};

  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    rawHeaders: readonly string[],
    context: ConnectionContext,
  ) {
    super(
      {
        method: headers[":method"] ?? "",
        target: headers[":path"] ?? "",
        headers,
        rawHeaders,
        expectation: expectationOf(headers.expect),
        body: stream,
        bodyHead: { contentLength: headers["content-length"], isAbsent: stream.endAfterHeaders },
        writable: stream,
      },
      context,
    );
    this.#stream = stream;
    const onEnd = (): void => this.settle();
    stream.on("finish", onEnd);
    stream.on("close", onEnd);
    // A client may reset the stream at any moment; `close` reports it.
    stream.on("error", () => undefined);
  }

  get authority(): string | undefined {
    return (this.headers[":authority"] as string | undefined) ?? this.headers.host;
  }

  get headSent(): boolean {
    return this.#stream.headersSent;
  }

  protected get socket(): Socket | undefined {
    return this.#stream.session?.socket as Socket | undefined;
  }

  setAnswerHeader(name: string, value: string): void {
    this.#answerHeader ??= {};
    this.#answerHeader[name.toLowerCase()] = value;
  }

  answerHeader(name: string): string | undefined {
    return this.#answerHeader?.[name.toLowerCase()]?.toString();
  }

  addTrailers(trailer: AnswerHeader): void {
    this.#trailer = { ...this.#trailer, ...trailer };
  }

  destroy(): void {
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  /** A connection of HTTP/2 outlives its exchanges. */
  closeAfterwards(): void {}

  protected sendContinue(): void {
    if (!this.#stream.closed) this.#stream.additionalHeaders({ ":status": constants.HTTP_STATUS_CONTINUE });
  }

  /** Without `waitForTrailers` Node closes some streams before `finish`: whether all was written would be unknown. */
  protected sendHead(status: number, header: AnswerHeader): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    const all = { ":status": status, ...this.#answerHeader, ...header } as Record<string, string | number | string[]>;
    stream.respond(all, { waitForTrailers: true });
    stream.once("wantTrailers", () => {
      if (!stream.closed) stream.sendTrailers(this.#trailer as Record<string, string | string[]>);
    });
  }

  /** Node ends the writable side of a stream that the client breaks off, too. */
  protected isCompleted(): boolean {
    const stream = this.#stream;
    return this.endTime > 0 && stream.writableFinished && stream.rstCode === constants.NGHTTP2_NO_ERROR;
  }

  protected cutOff(): void {
    this.#stream.close(constants.NGHTTP2_NO_ERROR);
  }
}
