/** Refusals by the head alone, on every path: ambiguous, too large, or asking for an HTTP feature that is not served. */
import { Code } from "@connectrpc/connect";
import { RestError } from "../../transcoding/rest-error.ts";
import type { Expectation } from "../listen/request-sink.ts";
import type { Exchange } from "./exchange.ts";

/** The characters of `Host`: names, addresses and ports. */
const AUTHORITY_PATTERN = /^[A-Za-z0-9._~!$&'()*+,;=:%[\]-]+$/;

/**
 * Headers with one value that this service acts upon. If one is sent twice, Node uses the first of some and joins
 * others, while a proxy in front of us may have acted upon the other value.
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

/** What HTTP/2 counts for each header in addition to its name and value (RFC 9113, section 6.5.2). */
const HEADER_BYTES = 32;

/** Returns what an `Expect` header asks for. */
export function expectationOf(expect: string | undefined): Expectation {
  if (expect === undefined) return "none";
  return expect.toLowerCase() === "100-continue" ? "continue" : "unknown";
}

/** Returns the refusal of too large headers: 431 on both HTTP versions. */
export function headersTooLarge(headerBytesMax: number): RestError {
  const text = `the headers of the request are larger than ${headerBytesMax} bytes`;
  return new RestError(text, Code.ResourceExhausted, 431);
}

/** Returns the refusal of a request by its head, or undefined. */
export function findHeadFault(exchange: Exchange, headerBytesMax: number): RestError | undefined {
  const { authority, method, expectation } = exchange;
  // The HTTP/1.1 parser has counted already; that of HTTP/2 accepts several times the announced limit.
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
  if (method === "CONNECT") return new RestError("tunnels are not served", Code.Unimplemented, 501);
  const coding = exchange.headerValue("transfer-encoding");
  // Node treats any coding that ends in `chunked` as plain chunks, so the other codings of the body would not be
  // undone.
  if (coding !== undefined && coding.toLowerCase() !== "chunked") {
    return new RestError("the transfer coding is not served; allowed is chunked", Code.Unimplemented, 501);
  }
  if (expectation === "unknown") {
    return new RestError(
      "the expectation in the header expect is not served; allowed is 100-continue",
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

/** Finds a header of one value that was sent twice. Almost no request repeats any header, which is cheap to check. */
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
