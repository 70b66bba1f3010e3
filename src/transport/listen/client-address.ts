/** Whose request it is: the peer's address, or what proxies that are trusted say of the client before them. */
import { BlockList, isIP } from "node:net";

/** A network of proxies that are believed: its address and how many leading bits count. */
export interface Network {
  readonly address: string;
  readonly prefix: number;
}

/** Which header those proxies keep. Only one may be believed: the other passes through them as the client sent it. */
export const FORWARDED_HEADERS = ["x-forwarded-for", "forwarded"] as const;
export type ForwardedHeader = (typeof FORWARDED_HEADERS)[number];

export interface ProxyOptions {
  readonly trusted: readonly Network[];
  readonly header: ForwardedHeader;
}

/** The client's address, from the peer's and a look at the request's headers. */
export type ClientAddress = (peer: string, header: (name: string) => string | undefined) => string;

/**
 * Every proxy adds the address it was called from at the right, so the list is walked from there for as long as those
 * named are trusted themselves. What lies further left may be the client's own invention. A hop that is no address ends
 * the walk at the last one that was.
 */
export function createClientAddress(options: ProxyOptions | undefined): ClientAddress {
  if (options === undefined || options.trusted.length === 0) return (peer) => peer;
  const { trusted, header } = options;
  const list = new BlockList();
  for (const { address, prefix } of trusted) list.addSubnet(address, prefix, familyOf(address));
  const isTrusted = (address: string): boolean => isIP(address) !== 0 && list.check(address, familyOf(address));
  const hopsOf = header === "forwarded" ? forwardedHops : listedHops;
  return (peer, headerOf) => {
    let client = peer;
    if (!isTrusted(withoutZone(peer))) return client;
    const forwarded = headerOf(header);
    if (forwarded === undefined) return client;
    for (const hop of hopsOf(forwarded)) {
      const address = toAddress(hop);
      if (address === undefined) break;
      client = address;
      if (!isTrusted(address)) break;
    }
    return client;
  };
}

/** IPv4 addresses in IPv6 clothes are IPv4 addresses. */
export function plainAddress(address: string): string {
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address) ? address.slice(7) : address;
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIP(address) === 4 ? "ipv4" : "ipv6";
}

function withoutZone(address: string): string {
  return address.replace(/%.*$/, "");
}

/** From the right, one at a time: what lies beyond the first hop that is not trusted is never looked at. */
function* listedHops(value: string): Generator<string> {
  for (let end = value.length; end >= 0; ) {
    const comma = end === 0 ? -1 : value.lastIndexOf(",", end - 1);
    yield value.slice(comma + 1, end).trim();
    end = comma;
  }
}

/** The `for` of each element (RFC 7239), from the right; empty where an element has none that is clear. */
function* forwardedHops(value: string): Generator<string> {
  for (const element of elementsOf(value)) yield forOf(element);
}

/**
 * Split at the commas outside of quotes, and read from the right: a quote that a client leaves open at the left must not
 * swallow what the proxies have added. A quote behind an odd number of backslashes belongs to the text it stands in.
 */
function* elementsOf(value: string): Generator<string> {
  let [end, isQuoted] = [value.length, false];
  for (let at = value.length - 1; at >= 0; at--) {
    if (value[at] === '"' && !isEscaped(value, at)) isQuoted = !isQuoted;
    if (value[at] !== "," || isQuoted) continue;
    yield value.slice(at + 1, end);
    end = at;
  }
  yield value.slice(0, end);
}

function isEscaped(value: string, at: number): boolean {
  let first = at;
  while (first > 0 && value[first - 1] === "\\") first--;
  return (at - first) % 2 === 1;
}

/**
 * Proxies write what clients send, such as the Host, into elements of their own. So an element is read as a whole: where
 * a part of it is no `name=value`, or `for` comes twice, who wrote it is unclear, and it names nobody.
 */
function forOf(element: string): string {
  const pair = /\s*(?:([\w!#$%&'*+.^`|~-]+)=(?:"((?:[^"\\]|\\.)*)"|([^;"\s]*))\s*)?(;|$)/y;
  let found: string | undefined;
  for (;;) {
    const match = pair.exec(element);
    if (match === null) return "";
    const [, name, quoted, bare, mark] = match;
    if (name?.toLowerCase() === "for") {
      if (found !== undefined) return "";
      found = quoted?.replaceAll(/\\(.)/g, "$1") ?? bare;
    }
    if (mark === "") return found ?? "";
  }
}

/** `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`; `undefined`: none of these. */
function toAddress(hop: string): string | undefined {
  const bracketed = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(hop)?.[1];
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? canonical(bracketed) : undefined;
  const bare = /^(\d+\.\d+\.\d+\.\d+):\d{1,5}$/.exec(hop)?.[1] ?? hop;
  return isIP(bare) === 0 ? undefined : canonical(bare);
}

/** One spelling of each address: the text of an address must not be a way to be somebody else. */
function canonical(address: string): string {
  const plain = plainAddress(withoutZone(address));
  if (isIP(plain) !== 6) return plain;
  return mappedAddress(new URL(`http://[${plain}]`).hostname.slice(1, -1));
}

/** Hexadecimal spellings of mapped addresses, such as `::ffff:c000:201`. */
function mappedAddress(address: string): string {
  const match = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(address);
  if (match === null) return address;
  const [high, low] = [Number.parseInt(match[1] ?? "", 16), Number.parseInt(match[2] ?? "", 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}
