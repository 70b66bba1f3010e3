/** The exchange over the request and response objects of Node, for HTTP/1.1 and HTTP/2. */
import type { Http2ServerRequest, Http2ServerResponse, ServerHttp2Stream } from "node:http2";
import { constants } from "node:http2";
import type { Socket } from "node:net";
import type { ConnectError } from "@connectrpc/connect";
import type { CallTrace } from "../../observability/traces.ts";
import { parseTarget } from "../../transcoding/path-text.ts";
import { bodyTooSlow, callerGone } from "../call/call-error.ts";
import { plainAddress } from "../listen/client-address.ts";
import type { Expectation, HttpRequest, HttpResponse } from "../listen/request-sink.ts";
import { type AnswerHeader, CALL_ID_HEADER, type ConnectionContext, type Exchange } from "./exchange.ts";
import { type BodyHead, RequestBody } from "./request-body.ts";

/** The allowed form of a caller's own call id: it appears unchanged in log lines, headers and traces. */
const CALL_ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._~:+/=@-]{0,99}$/;

/** Serves the `request` events of Node's HTTP/1.1 server and of the compatibility layer of its HTTP/2 server. */
export class NodeExchange implements Exchange {
  readonly method: string;
  readonly target: string;
  readonly path: string;
  readonly query: string;
  readonly body: RequestBody;
  readonly expectation: Expectation;
  readonly startTime = performance.now();
  clientStreams: boolean = false;
  trace: CallTrace | undefined;
  status = 0;
  readonly #request: HttpRequest;
  readonly #response: HttpResponse;
  readonly #context: ConnectionContext;
  #header: Headers | undefined;
  #callId: string | undefined;
  #endTime = 0;
  #stallTime = 0;
  #over: boolean = false;
  #onOver: ((completed: boolean) => void)[] = [];
  #remoteAddress: string | undefined;
  #isAwaitingBody: boolean;

  constructor(request: HttpRequest, response: HttpResponse, expectation: Expectation, context: ConnectionContext) {
    this.#request = request;
    this.#response = response;
    this.expectation = expectation;
    this.method = request.method ?? "";
    this.#context = context;
    // A client that waits for 100-continue may never send the body, so the next request could be mistaken for it.
    this.#isAwaitingBody = expectation !== "none";
    this.target = request.url ?? "";
    // Of other forms (`*`) the whole target is the path, which no route has.
    const { path, query } = parseTarget(this.target) ?? { path: this.target, query: "" };
    this.path = path;
    this.query = query;
    this.body = new RequestBody(request, bodyHeadOf(request), () => {
      if (expectation === "continue" && !response.headersSent) {
        this.#isAwaitingBody = false;
        response.writeContinue();
      }
    });
    const writable: NodeJS.EventEmitter = this.#stream ?? response;
    writable.once("finish", () => this.#settle(this.#completed()));
    writable.once("close", () => this.#settle(this.#completed()));
  }

  /** The stream of an HTTP/2 connection. */
  get #stream(): ServerHttp2Stream | undefined {
    return "stream" in this.#response ? ((this.#response as Http2ServerResponse).stream ?? undefined) : undefined;
  }

  get httpVersion(): string {
    return this.#request.httpVersion;
  }

  get rawHeaders(): readonly string[] {
    return this.#request.rawHeaders;
  }

  get repeatsHeaders(): boolean {
    return this.#request.rawHeaders.length !== 2 * Object.keys(this.#request.headers).length;
  }

  get headSent(): boolean {
    return this.#response.headersSent;
  }

  get isHttp2(): boolean {
    return "stream" in this.#response;
  }

  get authority(): string | undefined {
    return this.isHttp2 ? (this.#request as Http2ServerRequest).authority : this.#request.headers.host;
  }

  get remoteAddress(): string {
    this.#remoteAddress ??= this.#context.clientAddress(this.#peerAddress, (name) => this.#headerText(name));
    return this.#remoteAddress;
  }

  /** The peer's address; an IPv4 address is in its own form even if the socket is IPv6. */
  get #peerAddress(): string {
    return plainAddress(this.#socket?.remoteAddress ?? "");
  }

  get #socket(): Socket | undefined {
    return this.#stream?.session?.socket ?? this.#request.socket;
  }

  markAuthenticated(): void {
    this.#context.markAuthenticated(this.#socket);
  }

  #headerText(name: string): string | undefined {
    const value = this.#request.headers[name];
    return Array.isArray(value) ? value.join(",") : value;
  }

  get callId(): string {
    const given = this.#callId ?? this.headerValue(CALL_ID_HEADER);
    this.#callId ??= given !== undefined && CALL_ID_PATTERN.test(given) ? given : this.#context.newCallId();
    return this.#callId;
  }

  get header(): Headers {
    this.#header ??= toHeaders(this.#request);
    return this.#header;
  }

  headerValue(name: string): string | undefined {
    const value = this.#request.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  get over(): boolean {
    return this.#over;
  }

  onOver(listener: (completed: boolean) => void): void {
    if (this.#over) {
      listener(this.#completed());
    } else {
      this.#onOver.push(listener);
    }
  }

  setAnswerHeader(name: string, value: string): void {
    this.#response.setHeader(name, value);
  }

  answerHeader(name: string): string | undefined {
    return this.#response.getHeader(name)?.toString();
  }

  writeHead(status: number, header: AnswerHeader): void {
    if (this.#over || this.#response.headersSent) return;
    this.status = status;
    if (this.#isAwaitingBody) this.closeAfterwards();
    const all = { ...header, [CALL_ID_HEADER]: this.callId };
    (this.#response as Http2ServerResponse).writeHead(status, all as Record<string, string | string[]>);
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#over) throw callerGone();
    if (!(this.#response as Http2ServerResponse).write(chunk)) {
      this.#stallTime = performance.now();
      await this.#drained();
      this.#stallTime = 0;
    }
  }

  addTrailers(trailer: AnswerHeader): void {
    if (!this.#over) (this.#response as Http2ServerResponse).addTrailers(trailer as Record<string, string>);
  }

  endAnswer(body?: Uint8Array): void {
    this.#endTime = performance.now();
    if (body === undefined) {
      this.#response.end();
    } else {
      this.#response.end(body);
    }
  }

  answer(status: number, header: AnswerHeader, body: Uint8Array | undefined): void {
    const length = body === undefined || body.byteLength === 0 ? "0" : String(body.byteLength);
    // 204 has no length, and the length in a 304 would be that of the answer that the client holds.
    this.writeHead(status, status === 204 || status === 304 ? header : { ...header, "content-length": length });
    this.endAnswer(this.method === "HEAD" ? undefined : body);
  }

  destroy(): void {
    const stream = this.#stream;
    if (this.isHttp2) {
      stream?.close(constants.NGHTTP2_INTERNAL_ERROR);
    } else {
      this.#request.socket.destroy();
    }
  }

  breakOff(error: ConnectError): void {
    this.closeAfterwards();
    this.body.fail(error);
  }

  closeAfterwards(): void {
    if (!(this.isHttp2 || this.#response.headersSent)) this.#response.setHeader("connection", "close");
  }

  checkTime(now: number): void {
    const { requestTimeoutMs, idleTimeoutMs } = this.#context.limits;
    const waitStart = Math.max(this.#endTime, this.#stallTime);
    if (waitStart > 0 && now - waitStart > requestTimeoutMs) {
      this.destroy();
    } else if (!this.body.ended && this.clientStreams) {
      if (now - Math.max(this.startTime, this.body.lastByteTime) > idleTimeoutMs) {
        this.body.fail(bodyTooSlow(idleTimeoutMs));
      }
    } else if (!this.body.ended && now - this.startTime > requestTimeoutMs) {
      this.body.fail(bodyTooSlow(requestTimeoutMs));
    }
  }

  #completed(): boolean {
    const stream = this.#stream;
    if (this.isHttp2) {
      // Node ends the writable side also of a stream that the client has reset.
      return this.#endTime > 0 && stream?.writableFinished === true && stream.rstCode === constants.NGHTTP2_NO_ERROR;
    }
    return this.#response.writableFinished;
  }

  #settle(completed: boolean): void {
    if (this.#over) return;
    this.#over = true;
    for (const listener of this.#onOver) listener(completed);
    this.#onOver = [];
    if (!this.body.ended) this.#linger();
  }

  /**
   * Discards the rest of the body for a while, so that the client can read its answer, then closes the stream or
   * socket.
   */
  #linger(): void {
    this.body.discard();
    const timer = setTimeout(() => {
      if (this.isHttp2) {
        this.#stream?.close(constants.NGHTTP2_NO_ERROR);
      } else if (!this.#request.complete) {
        this.#request.socket.destroy();
      }
    }, this.#context.limits.lingerMs);
    this.#request.once("close", () => clearTimeout(timer));
    this.#request.once("end", () => clearTimeout(timer));
  }

  #drained(): Promise<void> {
    return new Promise((resolve, reject) => {
      const response = this.#response as Http2ServerResponse;
      const onDrain = (): void => {
        response.off("close", onClose);
        resolve();
      };
      const onClose = (): void => {
        response.off("drain", onDrain);
        reject(callerGone());
      };
      response.once("drain", onDrain);
      response.once("close", onClose);
    });
  }
}

function bodyHeadOf(request: HttpRequest): BodyHead {
  const { "content-length": contentLength, "transfer-encoding": transferEncoding } = request.headers;
  const isAbsent =
    "stream" in request
      ? request.stream.endAfterHeaders
      : contentLength === undefined && transferEncoding === undefined;
  return { contentLength, isAbsent };
}

function toHeaders(request: HttpRequest): Headers {
  const header = new Headers();
  const raw = request.rawHeaders;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] as string;
    if (!name.startsWith(":")) header.append(name, raw[i + 1] as string);
  }
  return header;
}
