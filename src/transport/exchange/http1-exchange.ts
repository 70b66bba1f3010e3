/** The exchange over the request and response of HTTP/1.1. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { plainAddress } from "../listen/client-address.ts";
import type { Expectation } from "../listen/request-sink.ts";
import { BaseExchange } from "./base-exchange.ts";
import type { AnswerHeader, ConnectionContext } from "./exchange.ts";
import { Http1Body } from "./http1-body.ts";
import { atTurnEnd } from "./turns.ts";

export class Http1Exchange extends BaseExchange {
  readonly isHttp2: boolean = false;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    expectation: Expectation,
    context: ConnectionContext,
  ) {
    const { headers, rawHeaders, method = "", url: target = "" } = request;
    const { "content-length": contentLength, "transfer-encoding": transferEncoding } = headers;
    const isAbsent = contentLength === undefined && transferEncoding === undefined;
    const body = new Http1Body(request, { contentLength, isAbsent });
    super({ method, target, headers, rawHeaders, expectation, body, writable: response }, context);
    this.#request = request;
    this.#response = response;
    // Node emits it after `finish`, too.
    response.on("close", () => this.settle());
  }

  get httpVersion(): string {
    return this.#request.httpVersion;
  }

  get authority(): string | undefined {
    return this.headers.host;
  }

  get headSent(): boolean {
    return this.#response.headersSent;
  }

  protected get socket(): Socket {
    return this.#request.socket;
  }

  protected get peerAddress(): string {
    return plainAddress(this.socket.remoteAddress ?? "");
  }

  setAnswerHeader(name: string, value: string): void {
    this.#response.setHeader(name, value);
  }

  answerHeader(name: string): string | undefined {
    return this.#response.getHeader(name)?.toString();
  }

  addTrailers(trailer: AnswerHeader): void {
    if (!this.over) this.#response.addTrailers(trailer as Record<string, string>);
  }

  destroy(): void {
    this.#request.socket.destroy();
  }

  closeAfterwards(): void {
    if (!this.#response.headersSent) this.#response.setHeader("connection", "close");
  }

  protected sendContinue(): void {
    this.#response.writeContinue();
  }

  protected sendHead(status: number, header: AnswerHeader): void {
    this.#response.writeHead(status, header as Record<string, string | string[]>);
  }

  protected end(body: Uint8Array | string | undefined): void {
    atTurnEnd(() => this.#response.end(body));
  }

  protected isCompleted(): boolean {
    return this.#response.writableFinished;
  }

  protected cutOff(): void {
    if (!this.#request.complete) this.#request.socket.destroy();
  }
}
