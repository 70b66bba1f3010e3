/** One port for HTTP/1.1 and HTTP/2, cleartext or TLS: tells them apart by their first bytes and keeps both within limits. */
import { type AddressInfo, Server, type Socket } from "node:net";
import * as tls from "node:tls";
import type { TransportLimits } from "../limits.ts";
import { Connections } from "./connections.ts";
import { createHttp1Server, type Http1Server } from "./http1-server.ts";
import { createHttp2Server, type Http2Sessions } from "./http2-sessions.ts";
import type { Sink } from "./request-sink.ts";

/** What a TLS listener shows, PEM: certificate chain and key, and the authorities whose clients alone may connect. */
export interface TlsOptions {
  readonly cert: string;
  readonly key: string;
  /** Absent: clients need no certificate. */
  readonly clientCa?: string;
}

export interface Listener {
  listen(host: string, port: number): Promise<AddressInfo>;
  /** Takes no more connections and requests: idle connections close, busy ones after their last answer. */
  drain(): void;
  /** Connections that have become idle since `drain` close now. */
  closeIdle(): void;
  /** A call was admitted on this connection: it is the last to give way to new ones when there are too many. */
  markAuthenticated(socket: Socket | undefined): void;
  /** Connections from now on see another certificate; those that are open keep theirs. Throws when it is not usable. */
  renew(tls: TlsOptions): void;
  /** Destroys what is left. */
  destroy(): void;
  /** Connections that are open now. */
  readonly connections: number;
  /** Resolves when the last connection is gone. */
  readonly closed: Promise<void>;
}

/** The first bytes of every HTTP/2 connection, all of them: of half a preface neither server would make an end. */
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** How long a connection that has sent nothing yet is waited for when no more are taken. */
const LAST_FIRST_BYTES_MS = 250;

/** `tlsOptions`: absent, the port speaks cleartext. Throws when the certificate and its key are not usable. */
export function createListener(limits: TransportLimits, sink: Sink, tlsOptions?: TlsOptions): Listener {
  const sniffing = new Set<Socket>();
  const connections = new Connections(limits.connectionsMax);
  const sessions = createHttp2Server(limits, sink);
  const http1 = createHttp1Server(limits, sink);
  const { server: h1 } = http1;
  const serveSocket = (socket: Socket): void => {
    sniffing.add(socket);
    sniff(socket, limits.headerTimeoutMs, (isHttp2, held) => {
      sniffing.delete(socket);
      if (isHttp2) {
        // As the http server makes its sockets, one whose client has closed would stay until it is idle for too long.
        socket.allowHalfOpen = false;
        sessions.serveSocket(socket, held);
      } else {
        http1.serveSocket(socket);
      }
    });
    socket.once("close", () => sniffing.delete(socket));
  };
  const secured = tlsOptions && createTlsServer(tlsOptions, limits, serveSocket);
  h1.on("connection", (socket: Socket) => {
    connections.add(socket);
    if (secured === undefined) {
      serveSocket(socket);
    } else {
      secured.emit("connection", socket);
    }
  });
  const renew = (renewed: TlsOptions): void => {
    if (secured === undefined) throw new Error("transport: a port that speaks cleartext has no certificate to renew");
    secured.setSecureContext(toContextOptions(renewed));
  };
  return {
    ...control(http1, sessions, sniffing, connections),
    markAuthenticated: (socket) => connections.markAuthenticated(socket),
    renew,
    get connections(): number {
      return connections.size;
    },
    closed: new Promise((resolve) => h1.once("close", resolve)),
  };
}

function control(
  { server: h1, closeIdle }: Http1Server,
  sessions: Http2Sessions,
  sniffing: ReadonlySet<Socket>,
  connections: Connections,
): Omit<Listener, "closed" | "markAuthenticated" | "renew" | "connections"> {
  return {
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        h1.once("error", reject);
        h1.listen({ host, port, backlog: 1024 }, () => {
          h1.off("error", reject);
          resolve(h1.address() as AddressInfo);
        });
      }),
    drain: () => {
      // As `h1.close()`, which also cuts off answers that are on their way.
      whenQuiet(() => {
        Server.prototype.close.call(h1);
        closeIdle();
      });
      h1.once("close", () => h1.close());
      sessions.goAway();
      // The first request of a new connection is on its way.
      setTimeout(() => {
        for (const socket of sniffing) socket.destroy();
      }, LAST_FIRST_BYTES_MS);
    },
    closeIdle,
    destroy: () => {
      sessions.destroy();
      h1.closeAllConnections();
      connections.destroy();
    },
  };
}

const QUIET_TURN_MS = 0.2;
const QUIET_TURNS_MAX = 200;

/**
 * Runs right after a turn of the event loop in which next to nothing happened: connections that the kernel has taken by
 * itself since the loop last asked are reset when the port is closed.
 */
function whenQuiet(act: () => void, turns = 0): void {
  const begin = performance.now();
  setImmediate(() => {
    if (turns === QUIET_TURNS_MAX || (turns > 0 && performance.now() - begin < QUIET_TURN_MS)) act();
    else whenQuiet(act, turns + 1);
  });
}

/** Never listens: it is handed the sockets of the port, and hands on what is inside once the handshake is done. */
function createTlsServer(
  options: TlsOptions,
  limits: TransportLimits,
  serveSocket: (socket: Socket) => void,
): tls.Server {
  const server = tls.createServer({
    ...toContextOptions(options),
    ALPNProtocols: ["h2", "http/1.1"],
    handshakeTimeout: limits.headerTimeoutMs,
    requestCert: options.clientCa !== undefined,
    rejectUnauthorized: true,
  });
  server.on("secureConnection", serveSocket);
  // Whoever fails the handshake is cut off; there is no request to answer.
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  return server;
}

function toContextOptions({ cert, key, clientCa }: TlsOptions): tls.SecureContextOptions {
  return { cert, key, minVersion: "TLSv1.2", ...(clientCa === undefined ? {} : { ca: clientCa }) };
}

/**
 * Holds what a new connection sends until it differs from the preface or is as long. (Putting it back and waiting for
 * more would spin.) Then puts it back for whoever takes the socket.
 */
function sniff(socket: Socket, timeoutMs: number, decide: (isHttp2: boolean, held: Buffer) => void): void {
  let held: Buffer | undefined;
  const timer = setTimeout(() => socket.destroy(), timeoutMs);
  const leave = (): void => {
    clearTimeout(timer);
    socket.off("data", onData);
    socket.off("end", onEnd);
  };
  const onEnd = (): void => {
    leave();
    socket.destroy();
  };
  const onData = (chunk: Buffer): void => {
    held = held === undefined ? chunk : Buffer.concat([held, chunk]);
    const length = Math.min(held.byteLength, PREFACE.byteLength);
    const matches = held.compare(PREFACE, 0, length, 0, length) === 0;
    if (matches && length < PREFACE.byteLength) return;
    leave();
    socket.pause();
    socket.unshift(held);
    decide(matches, held);
  };
  socket.on("error", () => socket.destroy());
  socket.once("close", () => clearTimeout(timer));
  socket.on("end", onEnd);
  socket.on("data", onData);
}
