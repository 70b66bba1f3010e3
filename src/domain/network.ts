/** Internet addresses and networks as numbers, so that all spellings of an address are equal. */
import { isIP } from "node:net";

/** Bits of an address; an IPv4 address is the IPv6 address that maps it, `::ffff:192.0.2.1`. */
const ADDRESS_BITS = 128;
const MAPPED_PREFIX_BITS = 96;
const MAPPED_PREFIX = 0xffffn << 32n;
const GROUPS = 8;

/** All addresses from `first` to `last`, both included. */
export interface AddressRange {
  readonly first: bigint;
  readonly last: bigint;
}

/** Returns the number of an address without its zone; `undefined`: the text is not an address. */
export function toAddressNumber(text: string): bigint | undefined {
  const [address = ""] = text.split("%");
  const version = isIP(address);
  if (version === 0) return undefined;
  return version === 4 ? MAPPED_PREFIX | ipv4Number(address) : ipv6Number(address);
}

/** Returns the addresses of `203.0.113.0/24`, `2001:db8::/32` or one address; `undefined`: it is none of these. */
export function parseNetwork(text: string): AddressRange | undefined {
  const [, address = "", digits] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const number = toAddressNumber(address);
  if (number === undefined) return undefined;
  const ownBits = isIP(address) === 4 ? ADDRESS_BITS - MAPPED_PREFIX_BITS : ADDRESS_BITS;
  const prefix = digits === undefined ? ownBits : Number(digits);
  if (prefix > ownBits) return undefined;
  return rangeAround(number, ADDRESS_BITS - ownBits + prefix);
}

/** Returns the key that indexes attempts: the /24 network of an IPv4 address, the /64 network of an IPv6 address. */
export function networkKeyOf(address: bigint): string {
  const isMapped = address >> 32n === MAPPED_PREFIX >> 32n;
  const { first } = rangeAround(address, isMapped ? MAPPED_PREFIX_BITS + 24 : 64);
  return first.toString(16);
}

/** Returns the key that all addresses of a range share; `undefined`: there are several. */
export function sharedNetworkKey({ first, last }: AddressRange): string | undefined {
  // IPv4 addresses lie in the middle of an IPv6 network and have keys of their own.
  if (first < MAPPED_PREFIX && last >= MAPPED_PREFIX) return undefined;
  const key = networkKeyOf(first);
  return key === networkKeyOf(last) ? key : undefined;
}

function rangeAround(address: bigint, prefix: number): AddressRange {
  const rest = (1n << BigInt(ADDRESS_BITS - prefix)) - 1n;
  const first = address & ~rest;
  return { first, last: first | rest };
}

function ipv4Number(address: string): bigint {
  return address.split(".").reduce((number, part) => (number << 8n) | BigInt(part), 0n);
}

function ipv6Number(address: string): bigint {
  // The last 32 bits may be written as an IPv4 address.
  const dotted = /[\d.]+\.[\d.]+$/.exec(address)?.[0];
  const end = dotted === undefined ? 0n : ipv4Number(dotted);
  const text = dotted === undefined ? address : `${address.slice(0, -dotted.length)}${hex(end >> 16n)}:${hex(end)}`;
  const [head = "", tail] = text.split("::").map((half) => (half === "" ? [] : half.split(":")));
  const left = head === "" ? [] : head;
  const right = tail ?? [];
  const zeros = Array.from({ length: GROUPS - left.length - right.length }, () => "0");
  return [...left, ...zeros, ...right].reduce((number, group) => (number << 16n) | BigInt(`0x${group}`), 0n);
}

function hex(number: bigint): string {
  return (number & 0xffffn).toString(16);
}
