/** What is refused by the head of a request alone, on every path: ambiguous, oversize or asking for what HTTP allows but nobody here does. */
import { Code } from "@connectrpc/connect";
import { RestError } from "../../transcoding/rest-error.ts";
import type { Expectation } from "../listen/request-sink.ts";
import type { Exchange } from "./exchange.ts";

/** What may stand in `Host`: names, addresses and ports. */
const AUTHORITY_PATTERN = /^[A-Za-z0-9._~!$&'()*+,;=:%[\]-]+$/;

/**
 * Headers of one value that somebody here acts upon. Sent twice, Node takes the first of some, joins others, and proxies
 * before us may have acted upon the other one.
 */
const SINGLE_HEADERS: ReadonlySet<string> = new Set([
  "host",
  "authorization",
  "content-type",
  "content-length",
  "expect",
  "origin",
  "access-control-request-method",
  "grpc-timeout",
  "grpc-encoding",
  "connect-timeout-ms",
  "connect-content-encoding",
  "connect-protocol-version",
  "traceparent",
]);

/** What HTTP/2 counts of each header beside its name and its value (RFC 9113, section 6.5.2). */
const HEADER_BYTES = 32;

export function expectationOf(expect: string | undefined): Expectation {
  if (expect === undefined) return "none";
  return expect.toLowerCase() === "100-continue" ? "continue" : "unknown";
}

/** 431, on both versions. */
export function headersTooLarge(headerBytesMax: number): RestError {
  const text = `the headers of the request are larger than ${headerBytesMax} bytes`;
  return new RestError(text, Code.ResourceExhausted, 431);
}

/** `undefined`: nothing is wrong with the head. */
export function findHeadFault(exchange: Exchange, headerBytesMax: number): RestError | undefined {
  const { authority, method, expectation } = exchange;
  // The parser of HTTP/1.1 has counted already; that of HTTP/2 takes several times as much as it announces.
  if (exchange.isHttp2 && headerBytesOf(exchange) > headerBytesMax) return headersTooLarge(headerBytesMax);
  const repeated = findRepeated(exchange);
  if (repeated !== undefined) return malformed(`the header ${repeated} is sent more than once; it takes one value`);
  if (authority === undefined ? exchange.httpVersion !== "1.0" : !AUTHORITY_PATTERN.test(authority)) {
    return malformed("the request does not name a valid host");
  }
  const host = exchange.headerValue("host");
  if (host !== undefined && host.toLowerCase() !== authority?.toLowerCase()) {
    return malformed("the request names two hosts, in :authority and in host");
  }
  if (method === "CONNECT") return new RestError("tunnels are not served here", Code.Unimplemented, 501);
  const coding = exchange.headerValue("transfer-encoding");
  // Node takes what ends in `chunked` for chunks alone, and the body would be read in a coding that nobody undoes.
  if (coding !== undefined && coding.toLowerCase() !== "chunked") {
    return new RestError("the transfer coding is not served; chunked is", Code.Unimplemented, 501);
  }
  if (expectation === "unknown") {
    return new RestError(
      "the expectation of the header expect is not served; 100-continue is",
      Code.InvalidArgument,
      417,
    );
  }
  return undefined;
}

function malformed(text: string): RestError {
  return new RestError(text, Code.InvalidArgument, 400);
}

function headerBytesOf({ rawHeaders }: Exchange): number {
  let bytes = 0;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    bytes += (rawHeaders[i] as string).length + (rawHeaders[i + 1] as string).length + HEADER_BYTES;
  }
  return bytes;
}

/** Nearly all requests repeat no header at all, which is cheap to see. */
function findRepeated({ rawHeaders, repeatsHeaders }: Exchange): string | undefined {
  if (!repeatsHeaders) return undefined;
  const seen = new Set<string>();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase();
    if (seen.has(name) && SINGLE_HEADERS.has(name)) return name;
    seen.add(name);
  }
  return undefined;
}
