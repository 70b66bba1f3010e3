/** One port that serves the mounts on gRPC, gRPC-Web, Connect and REST, and lets open calls finish when it stops. */
import type { AddressInfo, Socket } from "node:net";
import { setTimeout } from "node:timers/promises";
import type { Traces } from "../observability/traces.ts";
import { Health } from "./builtin/health.ts";
import type { Reflection } from "./builtin/reflection.ts";
import { serviceStopping } from "./call/call-error.ts";
import type { Finished, LogInternal, RefuseUnmatched } from "./call/call-record.ts";
import type { TransportContext } from "./call/transport-context.ts";
import { dispatch } from "./dispatch.ts";
import type { ConnectionContext, Exchange } from "./exchange/exchange.ts";
import { Http1Exchange } from "./exchange/http1-exchange.ts";
import { Http2Exchange } from "./exchange/http2-exchange.ts";
import { LargeBodies } from "./exchange/large-bodies.ts";
import { LiveExchanges } from "./exchange/live-exchanges.ts";
import { hasTurn, takeTurn } from "./exchange/turns.ts";
import { LateMountLoader } from "./late-mounts.ts";
import { DEFAULT_LIMITS, type TransportLimits } from "./limits.ts";
import { createClientAddress, type ProxyOptions } from "./listen/client-address.ts";
import { createFaultAnswer } from "./listen/fault-answer.ts";
import { createListener, type Listener, type TlsOptions } from "./listen/listener.ts";
import type { ServeHttp1, ServeHttp2 } from "./listen/request-sink.ts";
import type { DescribeError, LateMounts, Mounts } from "./mount.ts";
import { MountedProtocols } from "./mounted.ts";

export interface TransportOptions<A> extends Mounts<A> {
  readonly lateMounts?: readonly LateMounts<A>[];
  /** The origins whose pages may call, such as `https://app.example`; `*` for any. None by default. */
  readonly corsOrigins?: readonly string[];
  /** The request headers that those pages may send in addition to those of the protocols. */
  readonly corsHeaders?: readonly string[];
  /** A limit that is absent has its default. */
  readonly limits?: Partial<TransportLimits>;
  /** The proxies that are trusted. Absent: none, and the peer is the client. */
  readonly proxies?: ProxyOptions;
  /** The certificate and key. Absent: the port speaks cleartext. */
  readonly tls?: TlsOptions;
  /** False: connect-es serves every call of gRPC, gRPC-Web and Connect. Absent: true. */
  readonly fastPath?: boolean | undefined;
  /** Called for each admitted call with its connection, as `serveConnection` or the port got it. */
  readonly onAdmitted?: ((socket: Socket) => void) | undefined;
  readonly newCallId: () => string;
  /** Absent: calls are not traced. */
  readonly traces?: Traces | undefined;
  readonly finished: Finished<A>;
  readonly logInternal: LogInternal;
  /** Absent: errors are sent with the details that they have. */
  readonly describeError?: DescribeError;
  /** Called for requests that never reach `admit`. Absent: all of them are answered. */
  readonly refuseUnmatched?: RefuseUnmatched | undefined;
  /** The state that `healthMount` and `healthHttpMounts` report. Absent: nothing reports `setServing`. */
  readonly health?: Health;
  /** The services that `reflectionMounts` describe. Absent: there are no such mounts. */
  readonly reflection?: Reflection;
}

export interface Transport {
  /** Opens the port; port 0 picks a free one. */
  listen(address: { host: string; port: number }): Promise<{ host: string; port: number; url: string }>;
  /** Begins to serve without a port: another thread accepts the connections. */
  begin(): void;
  /** Serves a connection that another thread has accepted. It is paused, and nothing was read from it. */
  serveConnection(socket: Socket): void;
  /** Resolves when all late mounts are loaded; rejects when one cannot be loaded. */
  readonly loaded: Promise<void>;
  /** The open requests and connections; requests of every kind, also probes. */
  readonly load: { readonly requests: number; readonly connections: number };
  /**
   * Sets what the health service reports. The empty name is the whole server, which is not serving until it is set.
   * `why`: the reason, for `/readyz`.
   */
  setServing(service: string, serving: boolean, why?: string): void;
  /** Uses another certificate for new connections. Throws when it is not usable; then the present one stays. */
  renewTls(tls: TlsOptions): void;
  /**
   * Reports that it is not serving and goes on serving for `drainMs` (absent: 0); each HTTP/1.1 answer is the last of
   * its connection. Then it takes no more calls. Open calls may finish within `graceMs`, then their connections are
   * destroyed.
   */
  stop(options: { drainMs?: number; graceMs: number }): Promise<void>;
  /** The first part of `stop`: reports that it is not serving; each HTTP/1.1 answer is the last of its connection. */
  leave(): void;
  /** The second part of `stop`, after `leave`. */
  finish(options: { graceMs: number }): Promise<void>;
}

/** Creates the transport; it does not listen yet. Throws when the mounts or the certificate cannot be served. */
export function createTransport<A>(options: TransportOptions<A>): Transport {
  const limits: TransportLimits = { ...DEFAULT_LIMITS, ...options.limits };
  const { health = new Health(), fastPath = true } = options;
  const [draining, stopping] = [new AbortController(), new AbortController()];
  const signals = { draining: draining.signal, stopping: stopping.signal };
  const context: TransportContext<A> = { ...options, fastPath, limits, ...signals };
  const protocols = new MountedProtocols<A>(context, options, { health, reflection: options.reflection });
  protocols.add(options);
  const late = new LateMountLoader<A>(options.lateMounts ?? [], protocols);
  const live = new LiveExchanges(limits);
  const connectionContext: ConnectionContext = {
    limits,
    clientAddress: createClientAddress(options.proxies),
    markAuthenticated: (socket) => listener.markAuthenticated(socket),
    newCallId: options.newCallId,
    largeBodies: new LargeBodies(limits.largeBodiesBytesMax),
    settled: (exchange) => live.remove(exchange),
  };
  let leaving = false;
  const serveNow = (exchange: Exchange): void => {
    try {
      dispatch(protocols, exchange);
    } catch (reason) {
      options.logInternal(reason, exchange.callId);
      exchange.destroy();
    }
  };
  /** Spreads requests that arrive together, on one connection or many, over several turns of the event loop. */
  const begin = (exchange: Exchange): void => {
    if (hasTurn()) serveNow(exchange);
    else void takeTurn()?.then(() => exchange.over || serveNow(exchange));
  };
  const serveExchange = (exchange: Exchange): Exchange => {
    live.add(exchange);
    if (leaving) exchange.closeAfterwards();
    if (options.traces === undefined) {
      late.whenLoaded(exchange, begin);
    } else {
      exchange.trace = options.traces.begin((name) => exchange.headerValue(name));
      exchange.trace.run(() => late.whenLoaded(exchange, begin));
    }
    return exchange;
  };
  const serveHttp1: ServeHttp1 = (request, response, expectation) =>
    serveExchange(new Http1Exchange(request, response, expectation, connectionContext));
  const serveHttp2: ServeHttp2 = (request, connection) =>
    serveExchange(new Http2Exchange(request, connection, connectionContext));
  const onFault = createFaultAnswer(context, options.newCallId);
  const leave = (): void => {
    leaving = true;
    health.stop();
    live.closeAllAfterwards();
  };
  const finish = async ({ graceMs }: { readonly graceMs: number }): Promise<void> => {
    listener.drain();
    draining.abort(serviceStopping());
    live.drain(() => setImmediate(() => listener.closeIdle()));
    await closeWithin(listener, graceMs, stopping);
    await live.close();
  };
  const listener = createListener(limits, { serveHttp1, serveHttp2, onFault }, options);
  return {
    listen: async ({ host, port }) => {
      const address = toAddress(host, await listener.listen(host, port), options.tls === undefined ? "http" : "https");
      late.begin();
      return address;
    },
    loaded: late.loaded,
    get load() {
      return { requests: live.count, connections: listener.connections };
    },
    renewTls: (tls) => listener.renew(tls),
    setServing: (service, serving, why) => health.setServing(service, serving, why),
    begin: () => {
      listener.begin();
      late.begin();
    },
    serveConnection: (socket) => listener.serveConnection(socket),
    leave,
    finish,
    stop: async ({ drainMs = 0, graceMs }) => {
      leave();
      if (drainMs > 0) await setTimeout(drainMs);
      await finish({ graceMs });
    },
  };
}

/**
 * Waits `graceMs` for open calls, then aborts their signals, waits a moment for their answers and destroys the
 * connections.
 */
async function closeWithin(listener: Listener, graceMs: number, stopping: AbortController): Promise<void> {
  const closed = new AbortController();
  const { signal } = closed;
  const cutOff = async (): Promise<void> => {
    await setTimeout(graceMs, undefined, { signal });
    stopping.abort(serviceStopping());
    await setTimeout(LAST_WORDS_MS, undefined, { signal });
    listener.destroy();
  };
  // Rejects when everything closed before that.
  const cutting = cutOff().catch(() => undefined);
  await listener.closed;
  closed.abort();
  await cutting;
}

/** Long enough for handlers to see the signal and for their errors to be written. */
const LAST_WORDS_MS = 50;

/** Returns an address as `listen` does. `host`: as it was asked for. */
export function toAddress(
  host: string,
  { address, port }: AddressInfo,
  scheme: "http" | "https",
): { host: string; port: number; url: string } {
  const shown = host.includes(":") ? `[${host}]` : host;
  return { host: address, port, url: `${scheme}://${shown}:${port}` };
}
