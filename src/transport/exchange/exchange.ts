/** One HTTP request with its answer, the same for HTTP/1.1 and HTTP/2: what the protocols read and write. */
import type { Socket } from "node:net";
import type { ConnectError } from "@connectrpc/connect";
import type { CallTrace } from "../../observability/traces.ts";
import type { TransportLimits } from "../limits.ts";
import type { ClientAddress } from "../listen/client-address.ts";
import type { Expectation } from "../listen/request-sink.ts";
import type { RequestHeader } from "../mount.ts";
import type { LargeBodies } from "./large-bodies.ts";
import type { RequestBody } from "./request-body.ts";

export type AnswerHeader = Record<string, string | readonly string[]>;

/** What all exchanges of a transport share. */
export interface ConnectionContext {
  readonly limits: TransportLimits;
  readonly clientAddress: ClientAddress;
  /** Called with connections on which a call was admitted. */
  readonly markAuthenticated: (socket: Socket | undefined) => void;
  readonly newCallId: () => string;
  readonly largeBodies: LargeBodies;
  /** Called with each exchange that is over. */
  readonly settled: (exchange: Exchange) => void;
}

/** The header in which a caller names its call, and in which every answer does. */
export const CALL_ID_HEADER = "x-request-id";

/** One implementation per way in which Node hands over requests; the protocols know this interface only. */
export interface Exchange {
  readonly isHttp2: boolean;
  /** `1.0`, `1.1` or `2.0`. */
  readonly httpVersion: string;
  readonly method: string;
  /** The request target as it was sent. */
  readonly target: string;
  /** The raw path. */
  readonly path: string;
  /** What follows the first question mark, raw and without it. */
  readonly query: string;
  /** The value of `Host`, or of `:authority`. */
  readonly authority: string | undefined;
  readonly expectation: Expectation;
  /** The request headers, without the pseudo ones. Made when first asked for. */
  readonly header: Headers;
  /** The same for handlers: by name at no cost. */
  readonly requestHeader: RequestHeader;
  /** Names and values in turn, as they were sent, the pseudo headers of HTTP/2 included. */
  readonly rawHeaders: readonly string[];
  /** Whether a header was sent more than once. */
  readonly repeatsHeaders: boolean;
  readonly body: RequestBody;
  /** The client's address: the peer's, or the one that trusted proxies in front of us report. */
  readonly remoteAddress: string;
  /** The caller's own name for the call if it is well formed, else an id of ours. Every answer carries it. */
  readonly callId: string;
  /** By `performance.now()`. */
  readonly startTime: number;
  /** Set for calls whose client may be silent between messages: the idle limit holds instead of the request's. */
  clientStreams: boolean;
  /** The place of this exchange among the open ones; -1 before it has one. */
  liveIndex: number;
  /** Set where calls are traced, before anything else happens. */
  trace: CallTrace | undefined;
  /** The status that was sent; 0 before. */
  readonly status: number;
  /** Whether the status and the headers of the answer were sent. */
  readonly headSent: boolean;
  /** Whether a part of the body was written. */
  readonly bodyBegun: boolean;
  /** Whether the answer is complete or the client is gone. */
  readonly over: boolean;

  /** Returns one request header, by its name in lower case; the values of a repeated header are joined by commas. */
  headerValue(name: string): string | undefined;
  /**
   * Calls the listener once: with true when the answer was written to its end, with false when the client left before.
   */
  onOver(listener: (completed: boolean) => void): void;
  /** Records that the caller has shown who they are. */
  markAuthenticated(): void;
  /** Sets a header of the coming answer. */
  setAnswerHeader(name: string, value: string): void;
  /** Returns a header that `setAnswerHeader` has set. */
  answerHeader(name: string): string | undefined;
  writeHead(status: number, header: AnswerHeader): void;
  /** Resolves when more may be written; rejects when the client is gone. */
  write(chunk: Uint8Array): Promise<void>;
  /** Writes at once. Returns false, and writes nothing, if the client is slower or gone. */
  writeNow(chunk: Uint8Array): boolean;
  /** Whether more may be written without a wait. */
  readonly isWritable: boolean;
  /** Resolves when `isWritable`; rejects when the client is gone. `undefined`: it is now. Not while a `write` is under way. */
  untilWritable(): Promise<void> | undefined;
  addTrailers(trailer: AnswerHeader): void;
  endAnswer(body?: Uint8Array | string): void;
  /**
   * Sends a complete answer. For HEAD only the headers are sent. A body of text is sent as UTF-8 and is the cheapest:
   * HTTP/1.1 writes it together with the head.
   */
  answer(status: number, header: AnswerHeader, body: Uint8Array | string | undefined): void;
  /** Breaks the exchange off: what was sent so far must not look complete. */
  destroy(): void;
  /** The rest of the body cannot be read: readers get this error, and the connection closes after the answer. */
  breakOff(error: ConnectError): void;
  /** Closes an HTTP/1.1 connection after this answer. */
  closeAfterwards(): void;
  /**
   * Returns what ends this exchange, or its wait for the body, if a time limit has passed; called from time to time. `now`:
   * by `performance.now()`.
   */
  findOverdue(now: number): (() => void) | undefined;
}
