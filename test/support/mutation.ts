/** Corrupts requests at random: their bytes, and the headers around them. */
import type { Random } from "./random.ts";
import { RAW_WIRES, type RawRequest } from "./wires.ts";

/** Numbers at which lengths and varints go wrong. */
const EXTREMES = [0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

export function randomBytes(random: Random, lengthMax: number): Buffer {
  return Buffer.from(Array.from({ length: random.below(lengthMax + 1) }, () => random.below(256)));
}

/** One to three changes. `others` are bytes to splice in. */
export function mutate(random: Random, original: Uint8Array, others: readonly Uint8Array[]): Buffer {
  let bytes: Buffer = Buffer.from(original);
  for (let change = random.below(3); change >= 0; change--) bytes = mutateOnce(random, bytes, others);
  return bytes;
}

function mutateOnce(random: Random, bytes: Buffer, others: readonly Uint8Array[]): Buffer {
  const at = random.below(bytes.byteLength + 1);
  const length = random.below(Math.min(40, bytes.byteLength - at) + 1);
  const before = bytes.subarray(0, at);
  const after = bytes.subarray(at + length);
  switch (random.below(8)) {
    case 0:
      return flipBit(random, bytes);
    case 1:
      return Buffer.from(before);
    case 2:
      return Buffer.concat([before, randomBytes(random, 20), bytes.subarray(at)]);
    case 3:
      return Buffer.concat([before, after]);
    case 4:
      return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
    case 5:
      return Buffer.concat([before, extreme(random), after]);
    case 6:
      return Buffer.concat([before, random.pick(others), after]);
    default:
      return random.below(4) === 0 ? randomBytes(random, 300) : flipBit(random, bytes);
  }
}

function flipBit(random: Random, bytes: Buffer): Buffer {
  const changed = Buffer.from(bytes);
  if (changed.byteLength === 0) return changed;
  const at = random.below(changed.byteLength);
  changed.writeUInt8(changed.readUInt8(at) ^ (1 << random.below(8)), at);
  return changed;
}

function extreme(random: Random): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(random.pick(EXTREMES));
  return bytes;
}

const HEADERS: Readonly<Record<string, readonly string[]>> = {
  "content-type": [
    ...RAW_WIRES.map(({ contentType }) => contentType),
    "application/grpc+thrift",
    "application/grpc-web-text+json",
    "application/connect+json",
    "application/json; charset=utf-16",
    "text/html",
    ";;;",
  ],
  "content-encoding": ["gzip", "br", "identity", "zstd", "gzip, gzip"],
  "grpc-encoding": ["gzip", "br", "identity", "snappy"],
  "grpc-accept-encoding": ["gzip", "", ",,,"],
  "accept-encoding": ["gzip;q=0", "*", "br;q=x"],
  "grpc-timeout": ["1n", "0S", "99999999H", "123456789S", "-1S", "S", "1"],
  "connect-timeout-ms": ["0", "1", "9999999999", "99999999999", "-1", "1.5", "x"],
  "connect-protocol-version": ["2", "x"],
  "x-filler": ["x".repeat(8000)],
  te: ["", "gzip"],
  accept: ["text/plain", "*/*;q=0"],
  origin: ["https://elsewhere.example", "null", "::"],
  cookie: ["a=b; ".repeat(100)],
};

const METHODS = ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"];

/** A request with corrupt bytes, headers, method or path; the credential stays as it is. */
export function mutateRequest(random: Random, request: RawRequest, others: readonly Uint8Array[]): RawRequest {
  const { path, headers, body } = request;
  const kind = random.below(10);
  const changed = kind < 7 ? mutate(random, body, others) : body;
  if (kind < 5) return { ...request, body: changed };
  if (kind === 9) return { ...request, method: random.pick(METHODS), path: mutatePath(random, path) };
  const spoilt: Record<string, string> = { ...headers };
  for (let change = random.below(2); change >= 0; change--) {
    const name = random.pick(Object.keys(HEADERS));
    spoilt[name] = random.pick(HEADERS[name] ?? [""]);
  }
  return { ...request, headers: spoilt, body: changed };
}

function mutatePath(random: Random, path: string): string {
  const at = 1 + random.below(path.length);
  const piece = random.pick(["%", "%00", "%ff", "?", "?a=b&a=b", "//", "/../", ":", "#", "%2F", "~".repeat(3000)]);
  return path.slice(0, at) + piece + path.slice(at);
}
