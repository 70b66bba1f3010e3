/** What the servers of both HTTP versions hand to the transport: requests, and faults that are no request's. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { Socket } from "node:net";
import type { ConnectError } from "@connectrpc/connect";
import type { RestError } from "../../transcoding/rest-error.ts";

export type HttpRequest = IncomingMessage | Http2ServerRequest;
export type HttpResponse = ServerResponse | Http2ServerResponse;

/** What the `Expect` of a request asks for. */
export type Expectation = "none" | "continue" | "unknown";

/** Serves one request. */
export type Serve = (request: HttpRequest, response: HttpResponse, expectation: Expectation) => Served;

/** A request that is being served. */
export interface Served {
  /** The rest of its body cannot be read: whoever waits for it gets this error, and the connection closes. */
  breakOff(error: ConnectError): void;
  /** Called once: true when the answer was written to its end, false when the client went away before. */
  onOver(listener: (completed: boolean) => void): void;
}

/** Called with what is wrong with a connection where no request can be told of it. Nothing more is read from it. */
export type OnFault = (fault: ConnectionFault) => void;

export interface ConnectionFault {
  readonly error: RestError;
  /** The peer's. */
  readonly address: string;
  /** Where an answer of HTTP/1.1 can still be written. */
  readonly socket?: Socket;
}

/** Where requests and faults go. */
export interface Sink {
  readonly serve: Serve;
  readonly onFault: OnFault;
}
