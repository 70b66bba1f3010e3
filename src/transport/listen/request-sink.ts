/** What the servers of both HTTP versions pass to the transport: requests, and faults that belong to no request. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { ConnectError } from "@connectrpc/connect";
import type { RestError } from "../../transcoding/rest-error.ts";

/** What the `Expect` of a request asks for. */
export type Expectation = "none" | "continue" | "unknown";

/** Serves one request of HTTP/1.1. */
export type ServeHttp1 = (request: IncomingMessage, response: ServerResponse, expectation: Expectation) => Served;

/** Serves one stream of HTTP/2. */
export type ServeHttp2 = (request: Http2Request, connection: Http2Connection) => Served;

/** A stream of HTTP/2 with the headers that opened it. */
export interface Http2Request {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn. */
  readonly rawHeaders: readonly string[];
}

/** The connection of an HTTP/2 stream, as its exchange sees it. */
export interface Http2Connection {
  /** Absent once the connection is closed. */
  readonly socket: Socket | undefined;
  /** The peer's address, an IPv4 address in its own form. */
  readonly peerAddress: string;
  /** Counts a DATA frame that is not the first of its stream. */
  countData(bytes: number): void;
  /** Records that a call was admitted on it. Called for every such call. */
  markAdmitted(): void;
  /** Counts the answer of a stream that was written to its end. */
  countAnswer(): void;
  /** Counts a stream that is closed. `unsentBytes`: of its answer, 0 if all was written. */
  countClosed(isAnswered: boolean, unsentBytes: number): void;
}

/** A request that is being served. */
export interface Served {
  /** The rest of the body cannot be read: readers get this error, and the connection closes. */
  breakOff(error: ConnectError): void;
  /**
   * Calls the listener once: with true when the answer was written to its end, with false when the client left before.
   */
  onOver(listener: (completed: boolean) => void): void;
}

/** Called with a fault of a connection that no request can be answered with. Nothing more is read from it. */
export type OnFault = (fault: ConnectionFault) => void;

/** A fault of a connection. */
export interface ConnectionFault {
  readonly error: RestError;
  /** The peer's address. */
  readonly address: string;
  /** The socket, if an HTTP/1.1 answer can still be written to it. */
  readonly socket?: Socket;
}

/** Receives requests and faults. */
export interface Sink {
  readonly serveHttp1: ServeHttp1;
  readonly serveHttp2: ServeHttp2;
  readonly onFault: OnFault;
}
