/** The roads as they are now: what has been mounted so far, findable by path. */
import type { RestError } from "../transcoding/rest-error.ts";
import type { Health } from "./builtin/health.ts";
import type { Reflection } from "./builtin/reflection.ts";
import { type BoundMethod, bindMethods } from "./call/handler.ts";
import type { Surroundings } from "./call/transport-context.ts";
import { type ConnectRoute, createConnectRoutes } from "./connect/connect-protocols.ts";
import type { HttpRoute, Roads } from "./dispatch.ts";
import { createCors } from "./exchange/cors.ts";
import type { Exchange } from "./exchange/exchange.ts";
import { createHttpRoutes } from "./http/http-mounts.ts";
import type { HttpMount, Mounts } from "./mount.ts";
import { createRestRoad } from "./rest/rest-protocol.ts";
import { refuseByHead } from "./stray.ts";

export interface CorsOptions {
  readonly corsOrigins?: readonly string[];
  readonly corsHeaders?: readonly string[];
}

/** Who is told of each service that is mounted. */
interface Told {
  readonly health: Health;
  readonly reflection: Reflection | undefined;
}

export class MountedRoads<A> implements Roads {
  readonly cors: Roads["cors"];
  readonly rpcRoutes = new Map<string, ConnectRoute>();
  httpRoutes: readonly HttpRoute[] = [];
  rest: (exchange: Exchange) => void = () => undefined;
  readonly headerBytesMax: number;
  readonly #surroundings: Surroundings<A>;
  readonly #health: Health;
  readonly #reflection: Reflection | undefined;
  readonly #methods: BoundMethod<A>[] = [];
  readonly #httpMounts: HttpMount<A>[] = [];

  constructor(
    surroundings: Surroundings<A>,
    { corsOrigins = [], corsHeaders = [] }: CorsOptions,
    { health, reflection }: Told,
  ) {
    this.#surroundings = surroundings;
    this.#health = health;
    this.#reflection = reflection;
    this.headerBytesMax = surroundings.limits.headerBytesMax;
    this.cors = createCors(corsOrigins, corsHeaders);
  }

  refuse(exchange: Exchange, fault: RestError): void {
    refuseByHead(this.#surroundings, exchange, fault);
  }

  /** Throws at once when a path is served already or a rule cannot be; nothing has been added then. */
  add({ mounts, httpMounts = [] }: Mounts<A>): void {
    const methods = mounts.flatMap((mount) => bindMethods(mount, this.#surroundings.logInternal));
    const routes = createConnectRoutes(methods, this.#surroundings);
    for (const path of routes.keys()) {
      if (this.rpcRoutes.has(path)) throw new Error(`transport: ${path} is mounted twice`);
    }
    const all = [...this.#methods, ...methods];
    const plain = [...this.#httpMounts, ...httpMounts].map(({ prefix }) => prefix);
    this.rest = createRestRoad(all, this.#surroundings, plain);
    this.#methods.push(...methods);
    for (const [path, route] of routes) this.rpcRoutes.set(path, route);
    this.#httpMounts.push(...httpMounts);
    this.httpRoutes = createHttpRoutes(this.#httpMounts, this.#surroundings);
    for (const { service } of mounts) {
      this.#health.register(service.typeName);
      this.#reflection?.register(service);
    }
  }
}
