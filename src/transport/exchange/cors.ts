/** Cross-origin requests: answers preflights and opens answers to the configured origins, and to no others. */
import { cors } from "@connectrpc/connect";
import type { Exchange } from "./exchange.ts";

export interface Cors {
  /** Sets the headers of the coming answer. True: it was a preflight, and it is answered. */
  handle(exchange: Exchange): boolean;
}

/** How long browsers may keep a preflight's answer; two hours is the most that Chromium keeps. */
const PREFLIGHT_AGE_SECONDS = 7_200;

const ALLOWED_METHODS = [...cors.allowedMethods, "PUT", "PATCH", "DELETE", "HEAD"].join(", ");

// The last one opens whatever else an answer carries, the `Trailer-*` of Connect among them, to calls without cookies.
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

/** What any page may send: who it is, what it calls its call, and the trace that the call belongs to. */
const COMMON_HEADERS = ["Authorization", "X-Request-Id", "Traceparent", "Tracestate", "Baggage"];

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

/** A comma list in which no name stands twice, whatever its case. */
function unique(names: readonly string[]): string {
  const byLowerCase = new Map(names.map((name) => [name.toLowerCase(), name]));
  return [...byLowerCase.values()].join(", ");
}
