/** The protocols with everything that has been mounted so far, by path. */
import type { RestError } from "../transcoding/rest-error.ts";
import type { Health } from "./builtin/health.ts";
import type { Reflection } from "./builtin/reflection.ts";
import { type BoundMethod, bindMethods } from "./call/handler.ts";
import type { TransportContext } from "./call/transport-context.ts";
import { type ConnectRoute, createConnectRoutes } from "./connect/connect-protocols.ts";
import type { HttpRoute, Protocols } from "./dispatch.ts";
import { createCors } from "./exchange/cors.ts";
import type { Exchange } from "./exchange/exchange.ts";
import { createHttpRoutes } from "./http/http-mounts.ts";
import type { HttpMount, Mounts } from "./mount.ts";
import { createRestProtocol } from "./rest/rest-protocol.ts";
import { refuseByHead } from "./unmatched.ts";

/** The cross-origin part of the transport's options. */
export interface CorsOptions {
  readonly corsOrigins?: readonly string[];
  readonly corsHeaders?: readonly string[];
}

/** Called with each service that is mounted. */
interface ServiceRegistries {
  readonly health: Health;
  readonly reflection: Reflection | undefined;
}

/** Serves the mounts; more of them may be added later. */
export class MountedProtocols<A> implements Protocols {
  readonly cors: Protocols["cors"];
  readonly rpcRoutes = new Map<string, ConnectRoute>();
  httpRoutes: readonly HttpRoute[] = [];
  rest: (exchange: Exchange) => void = () => undefined;
  readonly headerBytesMax: number;
  readonly #context: TransportContext<A>;
  readonly #health: Health;
  readonly #reflection: Reflection | undefined;
  readonly #methods: BoundMethod<A>[] = [];
  readonly #httpMounts: HttpMount<A>[] = [];

  constructor(
    context: TransportContext<A>,
    { corsOrigins = [], corsHeaders = [] }: CorsOptions,
    { health, reflection }: ServiceRegistries,
  ) {
    this.#context = context;
    this.#health = health;
    this.#reflection = reflection;
    this.headerBytesMax = context.limits.headerBytesMax;
    this.cors = createCors(corsOrigins, corsHeaders);
  }

  refuse(exchange: Exchange, fault: RestError): void {
    refuseByHead(this.#context, exchange, fault);
  }

  /** Adds mounts. Throws when a path is already served or an http rule cannot be served; then nothing was added. */
  add({ mounts, httpMounts = [] }: Mounts<A>): void {
    const methods = mounts.flatMap((mount) => bindMethods(mount, this.#context.logInternal));
    const routes = createConnectRoutes(methods, this.#context);
    for (const path of routes.keys()) {
      if (this.rpcRoutes.has(path)) throw new Error(`transport: ${path} is mounted twice`);
    }
    const all = [...this.#methods, ...methods];
    const plain = [...this.#httpMounts, ...httpMounts].map(({ prefix }) => prefix);
    this.rest = createRestProtocol(all, this.#context, plain);
    this.#methods.push(...methods);
    for (const [path, route] of routes) this.rpcRoutes.set(path, route);
    this.#httpMounts.push(...httpMounts);
    this.httpRoutes = createHttpRoutes(this.#httpMounts, this.#context);
    for (const { service } of mounts) {
      this.#health.register(service.typeName);
      this.#reflection?.register(service);
    }
  }
}
