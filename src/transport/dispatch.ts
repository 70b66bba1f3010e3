/** Leads each request to its road: RPC paths by one look-up, plain HTTP mounts by prefix, everything else to REST. */
import type { ConnectRoute } from "./connect-road.ts";
import type { Cors } from "./cors.ts";
import type { Exchange } from "./exchange.ts";
import type { HttpMount } from "./mount.ts";
import type { LogInternal } from "./record.ts";

export interface Roads {
  readonly cors: Cors;
  readonly rpcRoutes: ReadonlyMap<string, ConnectRoute>;
  readonly httpMounts: readonly HttpMount[];
  readonly rest: (exchange: Exchange) => void;
  readonly logInternal: LogInternal;
}

/** What may stand in `Host`: names, addresses and ports. */
const authorityPattern = /^[A-Za-z0-9._~!$&'()*+,;=:%[\]-]+$/;

export function dispatch(roads: Roads, exchange: Exchange): void {
  const { authority } = exchange;
  if (authority === undefined ? exchange.request.httpVersion !== "1.0" : !authorityPattern.test(authority)) {
    answerText(exchange, 400, {}, "the request does not name a valid host");
    return;
  }
  if (roads.cors.handle(exchange)) {
    return;
  }
  const route = roads.rpcRoutes.get(exchange.path);
  if (route !== undefined) {
    route(exchange);
    return;
  }
  const mounted = roads.httpMounts.find(({ prefix }) => isBelow(exchange.path, prefix));
  if (mounted === undefined) {
    roads.rest(exchange);
  } else {
    serveHttp(mounted, exchange, roads.logInternal);
  }
}

/** Longer prefixes come first, so that the closest mount serves. */
export function sortMounts(mounts: readonly HttpMount[]): HttpMount[] {
  return mounts.toSorted((a, b) => b.prefix.length - a.prefix.length);
}

export function answerText(exchange: Exchange, status: number, header: Record<string, string>, text: string): void {
  exchange.answer(status, { ...header, "content-type": "text/plain" }, Buffer.from(`${text}\n`));
}

function isBelow(path: string, prefix: string): boolean {
  return (
    path.startsWith(prefix) && (path.length === prefix.length || prefix.endsWith("/") || path[prefix.length] === "/")
  );
}

function serveHttp(mounted: HttpMount, exchange: Exchange, logInternal: LogInternal): void {
  const fail = (reason: unknown): void => {
    logInternal(reason, "");
    if (exchange.response.headersSent) {
      exchange.destroy();
    } else {
      answerText(exchange, 500, {}, "internal error");
    }
  };
  exchange.plain = true;
  try {
    Promise.resolve(mounted.handler(exchange.request, exchange.response)).catch(fail);
  } catch (reason) {
    fail(reason);
  }
}
