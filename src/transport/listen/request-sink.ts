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

/** Serves one stream of HTTP/2. `rawHeaders`: names and values in turn. */
export type ServeHttp2 = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  rawHeaders: readonly string[],
) => Served;

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
