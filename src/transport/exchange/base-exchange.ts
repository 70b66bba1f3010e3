/** What the exchanges of both HTTP versions share: the head, the body, the call id, the end, and the time limits. */
import type { IncomingHttpHeaders } from "node:http";
import type { Socket } from "node:net";
import type { Writable } from "node:stream";
import type { ConnectError } from "@connectrpc/connect";
import type { CallTrace } from "../../observability/traces.ts";
import { parseTarget } from "../../transcoding/path-text.ts";
import { bodyTooSlow, callerGone } from "../call/call-error.ts";
import type { Expectation } from "../listen/request-sink.ts";
import type { RequestHeader } from "../mount.ts";
import { type AnswerHeader, CALL_ID_HEADER, type ConnectionContext, type Exchange } from "./exchange.ts";
import type { RequestBody } from "./request-body.ts";

/** What a caller's name for a call may be: it stands in log lines, headers and traces as it is. */
const CALL_ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._~:+/=@-]{0,99}$/;

const ASCII = /^[\x20-\x7e]*$/;

/** The parts of a request with what reads its body and writes its answer. */
export interface RequestParts {
  readonly method: string;
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly expectation: Expectation;
  readonly body: RequestBody;
  /** Emits `drain` when more may be written, and `close`. */
  readonly writable: Writable;
}

export abstract class BaseExchange implements Exchange {
  abstract readonly isHttp2: boolean;
  abstract readonly httpVersion: string;
  abstract readonly authority: string | undefined;
  abstract readonly headSent: boolean;
  readonly method: string;
  readonly target: string;
  readonly path: string;
  readonly query: string;
  readonly rawHeaders: readonly string[];
  readonly body: RequestBody;
  readonly expectation: Expectation;
  readonly startTime = performance.now();
  clientStreams: boolean = false;
  liveIndex = -1;
  trace: CallTrace | undefined;
  status = 0;
  bodyBegun: boolean = false;
  protected readonly headers: IncomingHttpHeaders;
  protected endTime = 0;
  readonly #writable: Writable;
  readonly #context: ConnectionContext;
  #header: Headers | undefined;
  #requestHeader: RequestHeader | undefined;
  #repeatsHeaders: boolean | undefined;
  #callId: string | undefined;
  #stallTime = 0;
  /** Ends the wait of a write. */
  #endStall: (() => void) | undefined;
  #over: boolean = false;
  #onOver: ((completed: boolean) => void)[] = [];
  #remoteAddress: string | undefined;
  #isAwaitingBody: boolean;

  constructor(parts: RequestParts, context: ConnectionContext) {
    this.#context = context;
    this.#writable = parts.writable;
    this.headers = parts.headers;
    this.rawHeaders = parts.rawHeaders;
    this.expectation = parts.expectation;
    this.method = parts.method;
    // A client that expects an answer before it sends the body may never send it, so what comes next is ambiguous.
    this.#isAwaitingBody = parts.expectation !== "none";
    this.target = parts.target;
    // Of other forms (`*`) the whole target is the path, which no route has.
    const { path, query } = parseTarget(this.target) ?? { path: this.target, query: "" };
    this.path = path;
    this.query = query;
    this.body = parts.body;
    this.body.largeBodies = context.largeBodies;
    if (parts.expectation === "continue") this.body.onStart = () => this.#letContinue();
  }

  protected abstract readonly socket: Socket | undefined;
  /** An IPv4 address in its own form, even if the socket is IPv6. */
  protected abstract readonly peerAddress: string;
  protected abstract sendContinue(): void;
  /** Sends status and headers. */
  protected abstract sendHead(status: number, header: AnswerHeader): void;
  /** Writes the last part of the answer. */
  protected abstract end(body: Uint8Array | string | undefined): void;
  /** Whether the answer was written to its end. */
  protected abstract isCompleted(): boolean;
  /** Ends the wait for a body that nobody reads. */
  protected abstract cutOff(): void;
  abstract setAnswerHeader(name: string, value: string): void;
  abstract answerHeader(name: string): string | undefined;
  abstract addTrailers(trailer: AnswerHeader): void;
  abstract destroy(): void;
  abstract closeAfterwards(): void;

  get repeatsHeaders(): boolean {
    this.#repeatsHeaders ??= this.rawHeaders.length !== 2 * Object.keys(this.headers).length;
    return this.#repeatsHeaders;
  }

  get remoteAddress(): string {
    this.#remoteAddress ??= this.#context.clientAddress(this.peerAddress, (name) => this.#headerText(name));
    return this.#remoteAddress;
  }

  markAuthenticated(): void {
    this.#context.markAuthenticated(this.socket);
  }

  #headerText(name: string): string | undefined {
    const value = this.headers[name];
    return Array.isArray(value) ? value.join(",") : value;
  }

  get callId(): string {
    const given = this.#callId ?? this.headerValue(CALL_ID_HEADER);
    this.#callId ??= given !== undefined && CALL_ID_PATTERN.test(given) ? given : this.#context.newCallId();
    return this.#callId;
  }

  get header(): Headers {
    this.#header ??= toHeaders(this.rawHeaders);
    return this.#header;
  }

  get requestHeader(): RequestHeader {
    // Node keeps the first of some repeated headers, where a web Headers joins all.
    this.#requestHeader ??= this.repeatsHeaders ? this.header : new NamedHeader(this);
    return this.#requestHeader;
  }

  headerValue(name: string): string | undefined {
    const value = this.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  get over(): boolean {
    return this.#over;
  }

  onOver(listener: (completed: boolean) => void): void {
    if (this.#over) listener(this.isCompleted());
    else this.#onOver.push(listener);
  }

  writeHead(status: number, header: AnswerHeader): void {
    this.#writeWholeHead(status, { ...header, [CALL_ID_HEADER]: this.callId });
  }

  #writeWholeHead(status: number, header: AnswerHeader): void {
    if (this.#over || this.headSent) return;
    this.status = status;
    if (this.#isAwaitingBody) this.closeAfterwards();
    this.sendHead(status, header);
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#over) throw callerGone();
    this.bodyBegun = true;
    if (!this.#writable.write(chunk)) await this.#drained();
  }

  writeNow(chunk: Uint8Array): boolean {
    if (this.#over || this.endTime > 0 || !this.isWritable) return false;
    this.#writable.write(chunk);
    return true;
  }

  get isWritable(): boolean {
    return !this.#writable.writableNeedDrain;
  }

  untilWritable(): Promise<void> | undefined {
    return this.isWritable ? undefined : this.#drained();
  }

  endAnswer(body?: Uint8Array | string): void {
    this.endTime = performance.now();
    this.end(body);
  }

  answer(status: number, header: AnswerHeader, body: Uint8Array | string | undefined): void {
    const all = { ...header };
    // 204 has no length, and that of 304 would be the length of the answer that the client holds.
    if (status !== 204 && status !== 304) {
      all["content-length"] = body === undefined ? "0" : String(Buffer.byteLength(body));
    }
    all[CALL_ID_HEADER] = this.callId;
    this.#writeWholeHead(status, all);
    if (this.method === "HEAD") this.endAnswer();
    else this.endAnswer(typeof body === "string" && !isAscii(header) ? Buffer.from(body) : body);
  }

  breakOff(error: ConnectError): void {
    this.closeAfterwards();
    this.body.fail(error);
  }

  findOverdue(now: number): (() => void) | undefined {
    const { requestTimeoutMs, idleTimeoutMs } = this.#context.limits;
    const waitStart = Math.max(this.endTime, this.#stallTime);
    if (waitStart > 0 && now - waitStart > requestTimeoutMs) return () => this.destroy();
    if (this.body.ended || this.body.isFailed) return undefined;
    const [start, timeoutMs] = this.clientStreams
      ? [Math.max(this.startTime, this.body.lastByteTime), idleTimeoutMs]
      : [this.startTime, requestTimeoutMs];
    return now - start > timeoutMs ? () => this.body.fail(bodyTooSlow(timeoutMs)) : undefined;
  }

  /** Ends the exchange: its answer was written, or the client left. */
  protected settle(): void {
    if (this.#over) return;
    const completed = this.isCompleted();
    this.#over = true;
    this.body.release();
    this.#context.settled(this);
    this.#endStall?.();
    for (const listener of this.#onOver) listener(completed);
    this.#onOver = [];
    if (!this.body.ended) this.#linger();
  }

  #letContinue(): void {
    if (this.headSent) return;
    this.#isAwaitingBody = false;
    this.sendContinue();
  }

  /** Discards the rest of the body for a while, so that the client can read its answer; then cuts the client off. */
  #linger(): void {
    this.body.discard();
    // A body of HTTP/1.1 whose client has left meanwhile does not say so; no process waits for that.
    const timer = setTimeout(() => this.cutOff(), this.#context.limits.lingerMs).unref();
    this.body.onEnd = () => clearTimeout(timer);
  }

  /**
   * Waits; one wait at a time. Rejects when the exchange is over. The stream may have emitted `close` before: it is over in a
   * later turn then.
   */
  async #drained(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#writable.once("drain", resolve);
    this.#endStall = () => reject(callerGone());
    this.#stallTime = performance.now();
    await promise;
    this.#stallTime = 0;
  }
}

/** The headers of a request by name, without a web Headers. */
class NamedHeader implements RequestHeader {
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  get(name: string): string | null {
    return this.#exchange.headerValue(name.toLowerCase()) ?? null;
  }

  [Symbol.iterator](): Iterator<[string, string]> {
    return this.#exchange.header[Symbol.iterator]();
  }
}

/** Returns whether a head may be sent as UTF-8, together with a text: other characters are Latin-1 in a header. */
function isAscii(header: AnswerHeader): boolean {
  for (const name in header) if (!ASCII.test(String(header[name]))) return false;
  return true;
}

function toHeaders(raw: readonly string[]): Headers {
  const header = new Headers();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] as string;
    if (!name.startsWith(":")) header.append(name, raw[i + 1] as string);
  }
  return header;
}
