/** HTTP/1.1: Node's server within our limits, and what it would answer by itself handed to the transport. */
import * as http from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { Code } from "@connectrpc/connect";
import { RestError } from "../../transcoding/rest-error.ts";
import { expectationOf, headersTooLarge } from "../exchange/head-refusal.ts";
import type { TransportLimits } from "../limits.ts";
import { Http1Connection } from "./http1-connection.ts";
import type { Serve, Sink } from "./request-sink.ts";

export interface Http1Server {
  /** Owns the port: Node enforces the time-outs of headers and requests only then. */
  readonly server: http.Server;
  /** Serves a connection whose first bytes lie in the socket, which is paused. */
  serveSocket(socket: Socket): void;
  /** Node's own takes an answer that is written but not sent yet for none. */
  closeIdle(): void;
}

export function createHttp1Server(limits: TransportLimits, { serve, onFault }: Sink): Http1Server {
  const server = http.createServer({
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: limits.headerTimeoutMs,
    // A backstop: the transport's own limit on the body comes first and gives an answer.
    requestTimeout: limits.headerTimeoutMs + 2 * limits.requestTimeoutMs,
    keepAliveTimeout: limits.idleTimeoutMs,
    keepAliveTimeoutBuffer: Math.min(1_000, limits.idleTimeoutMs / 10),
    // Often: thousands that were opened together are closed together, and everyone waits meanwhile.
    connectionsCheckingInterval: Math.max(50, Math.min(100, limits.headerTimeoutMs / 2)),
    keepAlive: true,
    noDelay: true,
    // Without a host the transport refuses it, as it does with a wrong one.
    requireHostHeader: false,
  });
  // The limit is on bytes. Node would drop what lies beyond this number without a word.
  server.maxHeadersCount = 0;
  const [connect] = server.listeners("connection") as ((socket: Socket) => void)[];
  if (connect === undefined) {
    throw new Error("transport: this version of Node gives its http server no connection listener");
  }
  server.removeAllListeners("connection");
  const connections = new Map<Duplex, Http1Connection>();
  const add: http.RequestListener = (request, response) => {
    connections.get(request.socket)?.add(request, response, expectationOf(request.headers.expect));
  };
  server.on("request", add);
  server.on("checkContinue", add);
  server.on("checkExpectation", add);
  server.on("connect", (request, socket) => {
    connections.get(socket)?.detach(() => serveDetached(request, socket as Socket, serve));
  });
  server.on("clientError", (reason: NodeJS.ErrnoException, socket) => {
    const error = toFault(reason, limits);
    const connection = connections.get(socket);
    if (error === undefined || connection === undefined || !socket.writable) {
      socket.destroy();
      return;
    }
    connection.fail(error, () =>
      onFault({ error, address: (socket as Socket).remoteAddress ?? "", socket: socket as Socket }),
    );
  });
  return {
    server,
    serveSocket: (socket) => {
      connect.call(server, socket);
      connections.set(socket, new Http1Connection(socket, serve));
      socket.once("close", () => connections.delete(socket));
      socket.resume();
    },
    closeIdle: () => {
      for (const [socket, connection] of connections) if (connection.isIdle) socket.destroy();
    },
  };
}

/** Node lets go of a connection that asks for a tunnel. The answer is its last. */
function serveDetached(request: http.IncomingMessage, socket: Socket, serve: Serve): void {
  const response = new http.ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.once("finish", () => socket.destroySoon());
  socket.on("error", () => socket.destroy());
  // What was meant for the other end of the tunnel.
  socket.on("data", () => undefined);
  serve(request, response, "none");
}

/** What a client has done wrong before there is a request; `undefined`: it is gone, and there is nobody to tell. */
function toFault({ code = "" }: NodeJS.ErrnoException, limits: TransportLimits): RestError | undefined {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return headersTooLarge(limits.headerBytesMax);
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return new RestError("the extensions of a chunk are too long", Code.ResourceExhausted, 413);
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new RestError("the request did not arrive in time", Code.DeadlineExceeded, 408);
    default:
      return code.startsWith("HPE_") && code !== "HPE_INVALID_EOF_STATE"
        ? new RestError("the request is not valid HTTP/1.1", Code.InvalidArgument, 400)
        : undefined;
  }
}
