/** A call as its handler sees it, with what its record needs. Expensive parts are made when first read. */
import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { Exchange } from "../exchange/exchange.ts";
import { takeTurn } from "../exchange/turns.ts";
import type { Call, DescribeError, MountOptions, RequestHeader, Wire } from "../mount.ts";
import { callerGone, deadlineExceeded, toCallError } from "./call-error.ts";
import { Deadline } from "./deadline.ts";

/** A call in progress; a protocol makes it before `admit` runs. */
export class LiveCall<A> implements Call<A> {
  readonly id: string;
  readonly wire: Wire;
  readonly method: DescMethod;
  deadline: Deadline | undefined;
  /** For the record: the first request message, and the error. */
  request: Message | undefined;
  error: ConnectError | undefined;
  /** Set by the protocol of an endless stream after its first message. Returns false if the client is slower. */
  sender: ((message: Message) => boolean) | undefined;
  readonly describeError: DescribeError | undefined;
  readonly #exchange: Exchange;
  readonly #stopping: AbortSignal;
  #admission: A | undefined;
  #isAsked: boolean = false;
  #admitting: Promise<void> | undefined;
  #controller: AbortController | undefined;
  #responseHeader: Headers | undefined;
  #responseTrailer: Headers | undefined;

  constructor(
    wire: Wire,
    method: DescMethod,
    exchange: Exchange,
    stopping: AbortSignal,
    describeError: DescribeError | undefined,
  ) {
    this.id = exchange.callId;
    this.describeError = describeError;
    this.wire = wire;
    this.method = method;
    this.#exchange = exchange;
    this.#stopping = stopping;
  }

  get deadlineTime(): number | undefined {
    return this.deadline?.time;
  }

  /** Sets the deadline of the call, at most once: the first one stays. */
  setTimeout(timeoutMs: number): void {
    this.deadline ??= new Deadline(timeoutMs, this.#exchange, (error) => this.#controller?.abort(error));
  }

  get header(): RequestHeader {
    return this.#exchange.requestHeader;
  }

  /** Whether the messages are JSON; for a Connect GET the query says so. */
  get isJson(): boolean {
    if (this.wire !== "connect") return this.wire === "rest";
    const type = this.header.get("content-type");
    return type === null ? /(?:^|&)encoding=json(?:&|$)/.test(this.#exchange.query) : /\bjson\b/i.test(type);
  }

  get remoteAddress(): string {
    return this.#exchange.remoteAddress;
  }

  get admission(): A {
    return this.#admission as A;
  }

  /** The result of `admit`, if it has run. */
  get admitted(): A | undefined {
    return this.#admission;
  }

  /**
   * Runs `admit` once; later calls get the same result. Throws, or the promise rejects, when it refuses. Returns no
   * promise when it decided at once.
   */
  admit(options: Pick<MountOptions<A>, "admit" | "isAuthenticated">): Promise<void> | undefined {
    if (this.#isAsked) return this.#admitting;
    this.#isAsked = true;
    const admission = options.admit(this);
    if (admission instanceof Promise) {
      this.#admitting = admission.then((admitted) => this.#take(options, admitted));
    } else {
      this.#take(options, admission);
    }
    return this.#admitting;
  }

  #take(options: Pick<MountOptions<A>, "isAuthenticated">, admission: A): void {
    this.#admission = admission;
    if (options.isAuthenticated?.(admission) ?? admission !== undefined) this.#exchange.markAuthenticated();
  }

  /** Keeps a large body counted until its handler has settled, which may be after the caller has left. */
  retainBodyUntil(handled: Promise<unknown>): void {
    this.#exchange.body.retainUntil(handled);
  }

  takeTurn(): Promise<void> | undefined {
    return takeTurn();
  }

  breakOff(): void {
    if (!this.#exchange.over) this.#exchange.destroy();
  }

  noteEnd(error: unknown): void {
    this.error ??= toCallError(error);
  }

  sendNow(message: Message): boolean {
    return this.sender?.(message) === true;
  }

  get isWritable(): boolean {
    return this.#exchange.isWritable;
  }

  untilWritable(): Promise<void> | undefined {
    return this.#exchange.untilWritable();
  }

  get signal(): AbortSignal {
    this.#controller ??= this.#createController();
    return this.#controller.signal;
  }

  get responseHeader(): Headers {
    this.#responseHeader ??= new Headers();
    return this.#responseHeader;
  }

  get responseTrailer(): Headers {
    this.#responseTrailer ??= new Headers();
    return this.#responseTrailer;
  }

  /** The signal, if it was read. */
  get signalIfAny(): AbortSignal | undefined {
    return this.#controller?.signal;
  }

  /** The response headers, if the handler has read them. */
  get responseHeaderIfAny(): Headers | undefined {
    return this.#responseHeader;
  }

  /** The trailers, if the handler has read them. */
  get responseTrailerIfAny(): Headers | undefined {
    return this.#responseTrailer;
  }

  /** Takes over the response headers and the trailers that Connect made for this call. */
  adopt({ responseHeader, responseTrailer }: Pick<Call<A>, "responseHeader" | "responseTrailer">): void {
    this.#responseHeader = responseHeader;
    this.#responseTrailer = responseTrailer;
  }

  #createController(): AbortController {
    const controller = new AbortController();
    if (this.deadline?.isOver) controller.abort(deadlineExceeded());
    const onStop = (): void => controller.abort(this.#stopping.reason);
    if (this.#stopping.aborted) onStop();
    this.#stopping.addEventListener("abort", onStop);
    this.#exchange.onOver((completed) => {
      this.#stopping.removeEventListener("abort", onStop);
      if (!completed) controller.abort(callerGone());
    });
    return controller;
  }
}
