/** Cross-origin requests: answers preflights, and lets the configured origins, and no others, read answers. */
import { cors } from "@connectrpc/connect";
import type { Exchange } from "./exchange.ts";

/** The cross-origin policy of a transport. */
export interface Cors {
  /** Sets the headers of the coming answer. Returns true if the request was a preflight, which is now answered. */
  handle(exchange: Exchange): boolean;
}

/** How long browsers may cache the answer to a preflight; Chromium caches it for two hours at most. */
const PREFLIGHT_AGE_SECONDS = 7_200;

const ALLOWED_METHODS = [...cors.allowedMethods, "PUT", "PATCH", "DELETE", "HEAD"].join(", ");

// The last one exposes all other headers, Connect's `Trailer-*` among them, to calls without cookies.
const EXPOSED_HEADERS = [
  ...cors.exposedHeaders,
  "Grpc-Status-Details-Bin",
  "X-Request-Id",
  "WWW-Authenticate",
  "Retry-After",
  "Allow",
  "Accept-Post",
  "*",
];

/** The headers that any allowed page may send: credential, id of the call, where a stream resumes, trace of the call. */
const COMMON_HEADERS = ["Authorization", "X-Request-Id", "Last-Event-ID", "Traceparent", "Tracestate", "Baggage"];

/** Creates the policy. `headers`: request headers allowed in addition to those of the protocols. */
export function createCors(origins: readonly string[], headers: readonly string[]): Cors {
  const allowed = new Set(origins);
  const any = allowed.has("*");
  const allowedHeaders = unique([...cors.allowedHeaders, ...COMMON_HEADERS, ...headers]);
  const exposed = unique(EXPOSED_HEADERS);
  return {
    handle(exchange) {
      if (allowed.size > 0 && !any) exchange.setAnswerHeader("vary", "Origin");
      const origin = exchange.headerValue("origin");
      if (origin === undefined || !(any || allowed.has(origin))) return false;
      exchange.setAnswerHeader("access-control-allow-origin", any ? "*" : origin);
      if (exchange.method !== "OPTIONS" || exchange.headerValue("access-control-request-method") === undefined) {
        exchange.setAnswerHeader("access-control-expose-headers", exposed);
        return false;
      }
      exchange.answer(
        204,
        {
          "access-control-allow-methods": ALLOWED_METHODS,
          "access-control-allow-headers": allowedHeaders,
          "access-control-max-age": String(PREFLIGHT_AGE_SECONDS),
        },
        undefined,
      );
      return true;
    },
  };
}

/** Returns a comma-separated list without duplicates, regardless of case. */
function unique(names: readonly string[]): string {
  const byLowerCase = new Map(names.map((name) => [name.toLowerCase(), name]));
  return [...byLowerCase.values()].join(", ");
}
