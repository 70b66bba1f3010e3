/** One port for HTTP/1.1 and HTTP/2, cleartext or TLS: distinguishes them by their first bytes, with limits on both. */
import { type AddressInfo, Server, type Socket } from "node:net";
import * as tls from "node:tls";
import type { TransportLimits } from "../limits.ts";
import { Connections } from "./connections.ts";
import { createHttp1Server, type Http1Server } from "./http1-server.ts";
import { createHttp2Server, type Http2Sessions } from "./http2-sessions.ts";
import type { Sink } from "./request-sink.ts";

/** The certificate chain and key of a TLS listener in PEM, and the authorities whose clients may connect. */
export interface TlsOptions {
  readonly cert: string;
  readonly key: string;
  /** Absent: clients need no certificate. */
  readonly clientCa?: string;
}

/** An HTTP port. */
export interface Listener {
  listen(host: string, port: number): Promise<AddressInfo>;
  /** Begins to serve without a port: another thread accepts the connections. */
  begin(): void;
  /** Serves a connection that another thread has accepted. It is paused, and nothing was read from it. */
  serveConnection(socket: Socket): void;
  /** Accepts no more connections and requests: idle connections close now, busy ones after their last answer. */
  drain(): void;
  /** Closes connections that have become idle since `drain`. */
  closeIdle(): void;
  /** Makes this connection the last one to be closed when there are too many: a call was admitted on it. */
  markAuthenticated(socket: Socket | undefined): void;
  /** Uses another certificate for new connections; open ones keep theirs. Throws when it is not usable. */
  renew(tls: TlsOptions): void;
  /** Destroys the remaining connections. */
  destroy(): void;
  /** The number of open connections. */
  readonly connections: number;
  /** Resolves when the last connection is gone. */
  readonly closed: Promise<void>;
}

/** The first bytes of every HTTP/2 connection, in full: given half a preface, neither server would ever close. */
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** How long to wait for the first bytes of an open connection when no more are accepted. */
const LAST_FIRST_BYTES_MS = 250;

export interface ListenerOptions {
  /** Absent: the port speaks cleartext. */
  readonly tls?: TlsOptions | undefined;
  /** Called for each admitted call with its connection. */
  readonly onAdmitted?: ((socket: Socket) => void) | undefined;
}

/**
 * Creates a listener; without `tls` it speaks cleartext. Throws when the certificate and its key are not usable.
 */
export function createListener(limits: TransportLimits, sink: Sink, options: ListenerOptions = {}): Listener {
  const { tls: tlsOptions, onAdmitted } = options;
  const sniffing = new Set<Socket>();
  const connections = new Connections(limits.connectionsMax, onAdmitted);
  const sessions = createHttp2Server(limits, sink);
  const http1 = createHttp1Server(limits, sink);
  const { server: h1 } = http1;
  const serveSocket = (socket: Socket): void => {
    sniffing.add(socket);
    sniff(socket, limits.headerTimeoutMs, (isHttp2, held) => {
      sniffing.delete(socket);
      if (isHttp2) {
        // Sockets of the http server stay open when the client has closed its side; this one would stay until the idle
        // limit.
        socket.allowHalfOpen = false;
        sessions.serveSocket(socket, held);
      } else {
        http1.serveSocket(socket);
      }
    });
    socket.once("close", () => sniffing.delete(socket));
  };
  const secured = tlsOptions && createTlsServer(tlsOptions, limits, serveSocket);
  const serveConnection = (socket: Socket): void => {
    connections.add(socket);
    if (secured === undefined) {
      serveSocket(socket);
    } else {
      secured.emit("connection", socket);
    }
  };
  h1.on("connection", serveConnection);
  const renew = (renewed: TlsOptions): void => {
    if (secured === undefined) throw new Error("transport: a port that speaks cleartext has no certificate to renew");
    secured.setSecureContext(toContextOptions(renewed));
  };
  return {
    ...control(http1, sessions, sniffing, connections),
    // Node's http server enforces its time-outs once it listens; this event begins that.
    begin: () => void h1.emit("listening"),
    serveConnection: (socket) => {
      // As the http server has its own sockets: a client that has sent all may still read.
      socket.allowHalfOpen = true;
      serveConnection(socket);
    },
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
): Omit<Listener, "closed" | "markAuthenticated" | "renew" | "connections" | "begin" | "serveConnection"> {
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
      if (h1.listening) {
        // Unlike `h1.close()`, which would also cut off answers that are being sent.
        whenQuiet(() => {
          Server.prototype.close.call(h1);
          closeIdle();
        });
        h1.once("close", () => h1.close());
      } else {
        closeIdle();
        connections.whenEmpty(() => h1.close());
      }
      sessions.goAway();
      // The first request of a new connection may be on its way.
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
 * Runs `act` right after a turn of the event loop in which almost nothing happened: connections that the kernel has
 * accepted since the last turn are reset when the port closes.
 */
export function whenQuiet(act: () => void, turns = 0): void {
  const begin = performance.now();
  setImmediate(() => {
    if (turns === QUIET_TURNS_MAX || (turns > 0 && performance.now() - begin < QUIET_TURN_MS)) act();
    else whenQuiet(act, turns + 1);
  });
}

/**
 * Creates a TLS server that never listens: it gets the sockets of the port and passes on the secured ones after the
 * handshake.
 */
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
  // A client that fails the handshake is disconnected; there is no request to answer.
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  return server;
}

function toContextOptions({ cert, key, clientCa }: TlsOptions): tls.SecureContextOptions {
  return { cert, key, minVersion: "TLSv1.2", ...(clientCa === undefined ? {} : { ca: clientCa }) };
}

/**
 * Holds the first bytes of a connection until they differ from the preface or are as long, then puts them back for the
 * server that gets the socket. (Putting them back earlier and waiting for more would spin.)
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
