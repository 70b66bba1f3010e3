/** Finds the client's address: the peer's, or the one that trusted proxies report. */
import { BlockList, isIP } from "node:net";

/** A network of trusted proxies: its address and the number of leading bits that count. */
export interface Network {
  readonly address: string;
  readonly prefix: number;
}

/** The headers that proxies may keep. Only one of them is trusted: the other passes through as the client sent it. */
export const FORWARDED_HEADERS = ["x-forwarded-for", "forwarded"] as const;
export type ForwardedHeader = (typeof FORWARDED_HEADERS)[number];

/** The trusted proxies, and the header that they keep. */
export interface ProxyOptions {
  readonly trusted: readonly Network[];
  readonly header: ForwardedHeader;
}

/** Returns the client's address from the peer's address and the request headers. */
export type ClientAddress = (peer: string, header: (name: string) => string | undefined) => string;

/**
 * Creates the function that finds the client. Every proxy appends the address of its caller at the right, so the list
 * is read from there while the addresses are trusted proxies. Everything further left may be invented by the client. A
 * hop that is not an address ends the walk at the last address before it.
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

/** Returns an IPv4 address that is mapped into IPv6 in its own form, any other address as it is. */
export function plainAddress(address: string): string {
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address) ? address.slice(7) : address;
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIP(address) === 4 ? "ipv4" : "ipv6";
}

function withoutZone(address: string): string {
  return address.replace(/%.*$/, "");
}

/** Yields the hops from the right, one at a time: nothing beyond the first untrusted hop is read. */
function* listedHops(value: string): Generator<string> {
  for (let end = value.length; end >= 0; ) {
    const comma = end === 0 ? -1 : value.lastIndexOf(",", end - 1);
    yield value.slice(comma + 1, end).trim();
    end = comma;
  }
}

/** Yields the `for` of each element (RFC 7239) from the right; empty where an element has no unambiguous one. */
function* forwardedHops(value: string): Generator<string> {
  for (const element of elementsOf(value)) yield forOf(element);
}

/**
 * Yields the elements from the right, split at the commas outside quotes: a quote that a client leaves open at the left
 * must not swallow what the proxies have added. A quote after an odd number of backslashes is part of its text.
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
 * Returns the `for` of an element; empty if it is ambiguous. Proxies copy client input, such as the Host, into their
 * own elements. So the whole element is read: if a part of it is not `name=value`, or `for` comes twice, it is unclear
 * who wrote it.
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

/**
 * Returns the address in `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`; else
 * undefined.
 */
function toAddress(hop: string): string | undefined {
  const bracketed = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(hop)?.[1];
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? canonical(bracketed) : undefined;
  const bare = /^(\d+\.\d+\.\d+\.\d+):\d{1,5}$/.exec(hop)?.[1] ?? hop;
  return isIP(bare) === 0 ? undefined : canonical(bare);
}

/** Returns the one spelling of an address: another spelling must not make a caller appear as another client. */
function canonical(address: string): string {
  const plain = plainAddress(withoutZone(address));
  if (isIP(plain) !== 6) return plain;
  return mappedAddress(new URL(`http://[${plain}]`).hostname.slice(1, -1));
}

/** Returns a mapped address in hexadecimal, such as `::ffff:c000:201`, as IPv4. */
function mappedAddress(address: string): string {
  const match = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(address);
  if (match === null) return address;
  const [high, low] = [Number.parseInt(match[1] ?? "", 16), Number.parseInt(match[2] ?? "", 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}
