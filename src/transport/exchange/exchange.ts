/** One HTTP request with its answer, alike for HTTP/1.1 and HTTP/2: its parts, its end, and its time limits. */
import type { Http2ServerRequest, Http2ServerResponse, ServerHttp2Stream } from "node:http2";
import { constants } from "node:http2";
import type { Socket } from "node:net";
import type { ConnectError } from "@connectrpc/connect";
import type { CallTrace } from "../../observability/traces.ts";
import { parseTarget } from "../../transcoding/path-text.ts";
import { bodyTooSlow, callerGone } from "../call/call-error.ts";
import type { TransportLimits } from "../limits.ts";
import { type ClientAddress, plainAddress } from "../listen/client-address.ts";
import type { Expectation } from "../listen/request-sink.ts";
import type { HttpRequest, HttpResponse } from "../mount.ts";
import { RequestBody } from "./request-body.ts";

export type AnswerHeader = Record<string, string | readonly string[]>;

/** What holds for all exchanges of a transport. */
export interface Door {
  readonly limits: TransportLimits;
  readonly clientAddress: ClientAddress;
  /** Hears of connections on which a call was admitted. */
  readonly prove: (socket: Socket | undefined) => void;
  readonly newCallId: () => string;
}

/** Where a caller names its call, and where every answer does. */
export const CALL_ID_HEADER = "x-request-id";

/** What a caller's name for a call may be: it stands in log lines, headers and traces as it is. */
const CALL_ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._~:+/=@-]{0,99}$/;

export class Exchange {
  readonly request: HttpRequest;
  readonly response: HttpResponse;
  readonly method: string;
  /** The raw path, and what follows the first question mark (without it). */
  readonly path: string;
  readonly query: string;
  readonly body: RequestBody;
  readonly expectation: Expectation;
  readonly startTime = performance.now();
  /** Set for calls whose client may stay silent between messages: the idle limit holds instead of the request's. */
  clientStreams: boolean = false;
  /** Set where calls are traced, before anything else is done. */
  trace: CallTrace | undefined;
  /** The status that was sent; 0 before. */
  status = 0;
  #header: Headers | undefined;
  #callId: string | undefined;
  #endTime = 0;
  #stallTime = 0;
  #over: boolean = false;
  #onOver: ((completed: boolean) => void)[] = [];
  #remoteAddress: string | undefined;
  #isAwaitingBody: boolean;
  readonly #door: Door;

  constructor(request: HttpRequest, response: HttpResponse, expectation: Expectation, door: Door) {
    this.request = request;
    this.response = response;
    this.expectation = expectation;
    this.method = request.method ?? "";
    this.#door = door;
    // Who expects an answer before it sends the body may never send it: what comes next cannot be told from it.
    this.#isAwaitingBody = expectation !== "none";
    const url = request.url ?? "";
    // Of other forms (`*`) the whole is the path, which no route has.
    const target = parseTarget(url) ?? { path: url, query: "" };
    this.path = target.path;
    this.query = target.query;
    this.body = new RequestBody(request, () => {
      if (expectation === "continue" && !response.headersSent) {
        this.#isAwaitingBody = false;
        response.writeContinue();
      }
    });
    const writable: NodeJS.EventEmitter = this.stream ?? response;
    writable.once("finish", () => this.#settle(this.#completed()));
    writable.once("close", () => this.#settle(this.#completed()));
  }

  /** The stream, where the connection is HTTP/2. */
  get stream(): ServerHttp2Stream | undefined {
    return "stream" in this.response ? ((this.response as Http2ServerResponse).stream ?? undefined) : undefined;
  }

  get isHttp2(): boolean {
    return "stream" in this.response;
  }

  /** The value of `Host`, or of `:authority`. */
  get authority(): string | undefined {
    return this.isHttp2 ? (this.request as Http2ServerRequest).authority : this.request.headers.host;
  }

  /** The client's address: the peer's, or what proxies before it say that are trusted. */
  get remoteAddress(): string {
    this.#remoteAddress ??= this.#door.clientAddress(this.#peerAddress, (name) => this.#headerText(name));
    return this.#remoteAddress;
  }

  /** An IPv4 address in its own form also where the socket is IPv6. */
  get #peerAddress(): string {
    return plainAddress(this.#socket?.remoteAddress ?? "");
  }

  get #socket(): Socket | undefined {
    return this.stream?.session?.socket ?? this.request.socket;
  }

  /** The caller has shown who they are. */
  prove(): void {
    this.#door.prove(this.#socket);
  }

  #headerText(name: string): string | undefined {
    const value = this.request.headers[name];
    return Array.isArray(value) ? value.join(",") : value;
  }

  /** What the caller calls it, where that is well formed; else an id of our own. Every answer carries it. */
  get callId(): string {
    const given = this.#callId ?? this.headerValue(CALL_ID_HEADER);
    this.#callId ??= given !== undefined && CALL_ID_PATTERN.test(given) ? given : this.#door.newCallId();
    return this.#callId;
  }

  /** The request headers, without the pseudo ones. */
  get header(): Headers {
    this.#header ??= toHeaders(this.request);
    return this.#header;
  }

  /** One request header, by its name in lower case; those that came more than once are joined. */
  headerValue(name: string): string | undefined {
    const value = this.request.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  /** Whether the answer is complete or the client is gone. */
  get over(): boolean {
    return this.#over;
  }

  /** Tells once: true when the answer was written to its end, false when the client went away before. */
  onOver(listener: (completed: boolean) => void): void {
    if (this.#over) {
      listener(this.#completed());
    } else {
      this.#onOver.push(listener);
    }
  }

  writeHead(status: number, header: AnswerHeader): void {
    if (this.#over || this.response.headersSent) return;
    this.status = status;
    if (this.#isAwaitingBody) this.closeAfterwards();
    const all = { ...header, [CALL_ID_HEADER]: this.callId };
    (this.response as Http2ServerResponse).writeHead(status, all as Record<string, string | string[]>);
  }

  /** Resolves when more may be written; rejects when the client is gone. */
  async write(chunk: Uint8Array): Promise<void> {
    if (this.#over) throw callerGone();
    if (!(this.response as Http2ServerResponse).write(chunk)) {
      this.#stallTime = performance.now();
      await this.#drained();
      this.#stallTime = 0;
    }
  }

  addTrailers(trailer: AnswerHeader): void {
    if (!this.#over) (this.response as Http2ServerResponse).addTrailers(trailer as Record<string, string>);
  }

  end(body?: Uint8Array): void {
    this.#endTime = performance.now();
    if (body === undefined) {
      this.response.end();
    } else {
      this.response.end(body);
    }
  }

  /** A complete answer. Of HEAD only the headers are sent. */
  answer(status: number, header: AnswerHeader, body: Uint8Array | undefined): void {
    const length = body === undefined || body.byteLength === 0 ? "0" : String(body.byteLength);
    // 204 has no length, and that of 304 would be the length of the answer that the client holds.
    this.writeHead(status, status === 204 || status === 304 ? header : { ...header, "content-length": length });
    this.end(this.method === "HEAD" ? undefined : body);
  }

  /** Breaks off: what was sent so far must not look complete. */
  destroy(): void {
    const stream = this.stream;
    if (this.isHttp2) {
      stream?.close(constants.NGHTTP2_INTERNAL_ERROR);
    } else {
      this.request.socket.destroy();
    }
  }

  /** The rest of the body cannot be read: whoever waits for it gets this error. */
  breakOff(error: ConnectError): void {
    this.closeAfterwards();
    this.body.fail(error);
  }

  /** HTTP/1.1: the connection closes after this answer. */
  closeAfterwards(): void {
    if (!(this.isHttp2 || this.response.headersSent)) this.response.setHeader("connection", "close");
  }

  /** Enforces the time limits; called now and then. */
  checkTime(now: number): void {
    const { requestTimeoutMs, idleTimeoutMs } = this.#door.limits;
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
    const stream = this.stream;
    if (this.isHttp2) {
      // Of a stream that the client breaks off Node ends the writable side, too.
      return this.#endTime > 0 && stream?.writableFinished === true && stream.rstCode === constants.NGHTTP2_NO_ERROR;
    }
    return this.response.writableFinished;
  }

  #settle(completed: boolean): void {
    if (this.#over) return;
    this.#over = true;
    for (const listener of this.#onOver) listener(completed);
    this.#onOver = [];
    if (!this.body.ended) this.#linger();
  }

  /** The rest of the body is thrown away for a while, so that the client can read its answer; then it is cut off. */
  #linger(): void {
    this.body.discard();
    const timer = setTimeout(() => {
      if (this.isHttp2) {
        this.stream?.close(constants.NGHTTP2_NO_ERROR);
      } else if (!this.request.complete) {
        this.request.socket.destroy();
      }
    }, this.#door.limits.lingerMs);
    this.request.once("close", () => clearTimeout(timer));
    this.request.once("end", () => clearTimeout(timer));
  }

  #drained(): Promise<void> {
    return new Promise((resolve, reject) => {
      const response = this.response as Http2ServerResponse;
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

function toHeaders(request: HttpRequest): Headers {
  const header = new Headers();
  const raw = request.rawHeaders;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] as string;
    if (!name.startsWith(":")) header.append(name, raw[i + 1] as string);
  }
  return header;
}
