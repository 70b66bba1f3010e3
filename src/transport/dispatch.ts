/** Passes each request to its protocol: RPC paths by one look-up, plain HTTP mounts by prefix, all others to REST. */
import type { RestError } from "../transcoding/rest-error.ts";
import type { ConnectRoute } from "./connect/connect-protocols.ts";
import type { Cors } from "./exchange/cors.ts";
import type { Exchange } from "./exchange/exchange.ts";
import { findHeadFault } from "./exchange/head-refusal.ts";
import type { HttpMount } from "./mount.ts";

/** A plain mount and the function that serves it. */
export interface HttpRoute {
  readonly prefix: string;
  readonly isExact: boolean;
  readonly serve: (exchange: Exchange) => void;
}

/** Everything that can serve a request. */
export interface Protocols {
  readonly cors: Cors;
  readonly rpcRoutes: ReadonlyMap<string, ConnectRoute>;
  readonly httpRoutes: readonly HttpRoute[];
  readonly rest: (exchange: Exchange) => void;
  /** Answers and records a request that its head alone rules out. */
  readonly refuse: (exchange: Exchange, fault: RestError) => void;
  readonly headerBytesMax: number;
}

/** Serves one request, or refuses it by its head. */
export function dispatch(protocols: Protocols, exchange: Exchange): void {
  const fault = findHeadFault(exchange, protocols.headerBytesMax);
  if (fault !== undefined) {
    protocols.refuse(exchange, fault);
    return;
  }
  if (protocols.cors.handle(exchange)) return;
  const route = protocols.rpcRoutes.get(exchange.path);
  if (route !== undefined) {
    route(exchange);
    return;
  }
  const mounted = protocols.httpRoutes.find(({ prefix, isExact }) =>
    isExact ? exchange.path === prefix : isBelow(exchange.path, prefix),
  );
  const serve = mounted?.serve ?? protocols.rest;
  serve(exchange);
}

/** Returns the mounts with the longest prefix first, so that the most specific one serves. */
export function sortMounts<A>(mounts: readonly HttpMount<A>[]): HttpMount<A>[] {
  return mounts.toSorted((a, b) => b.prefix.length - a.prefix.length);
}

/** Answers with one line of plain text. */
export function answerText(exchange: Exchange, status: number, header: Record<string, string>, text: string): void {
  exchange.answer(status, { ...header, "content-type": "text/plain" }, Buffer.from(`${text}\n`));
}

function isBelow(path: string, prefix: string): boolean {
  return (
    path.startsWith(prefix) && (path.length === prefix.length || prefix.endsWith("/") || path[prefix.length] === "/")
  );
}
