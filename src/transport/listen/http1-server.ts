/** HTTP/1.1: Node's server within our limits. What it would answer by itself is passed to the transport. */
import * as http from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { Code } from "@connectrpc/connect";
import { RestError } from "../../transcoding/rest-error.ts";
import { expectationOf, headersTooLarge } from "../exchange/head-refusal.ts";
import type { TransportLimits } from "../limits.ts";
import { Http1Connection } from "./http1-connection.ts";
import type { ServeHttp1, Sink } from "./request-sink.ts";

/** The HTTP/1.1 side of a port. */
export interface Http1Server {
  /** The server that owns the port: only then does Node enforce the time-outs of headers and requests. */
  readonly server: http.Server;
  /** Serves a connection. Its first bytes are in the socket, which is paused. */
  serveSocket(socket: Socket): void;
  /** Closes idle connections. (Node's own method also closes those whose answer is written but not sent yet.) */
  closeIdle(): void;
}

/** Creates the HTTP/1.1 server of a port. */
export function createHttp1Server(limits: TransportLimits, { serveHttp1: serve, onFault }: Sink): Http1Server {
  const server = http.createServer({
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: limits.headerTimeoutMs,
    // A fallback: the transport's own limit on the body comes first and gives an answer.
    requestTimeout: limits.headerTimeoutMs + 2 * limits.requestTimeoutMs,
    keepAliveTimeout: limits.idleTimeoutMs,
    keepAliveTimeoutBuffer: Math.min(1_000, limits.idleTimeoutMs / 10),
    // Checked often: thousands of connections that were opened together are closed together, and all others wait
    // meanwhile.
    connectionsCheckingInterval: Math.max(50, Math.min(100, limits.headerTimeoutMs / 2)),
    keepAlive: true,
    noDelay: true,
    // A request without a body has no stream to run to its end.
    optimizeEmptyRequests: true,
    // The transport itself refuses a request without a host, as it does with a wrong one.
    requireHostHeader: false,
  });
  // The limit is on bytes. Node would silently drop headers beyond this number.
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

/** Serves a request for a tunnel. Node has detached its connection, and the answer is the last one. */
function serveDetached(request: http.IncomingMessage, socket: Socket, serve: ServeHttp1): void {
  const response = new http.ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.once("finish", () => socket.destroySoon());
  socket.on("error", () => socket.destroy());
  // Discards what was meant for the other end of the tunnel.
  socket.on("data", () => undefined);
  serve(request, response, "none");
}

/**
 * Returns the error for a fault before there is a request; undefined if the client is gone and nobody can be answered.
 */
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
