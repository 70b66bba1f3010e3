/** The worst that one connection can send without a credential: bytes for one turn of the event loop, as many as fit. */

export interface WorstConnection {
  readonly name: string;
  /** Sent first, and answered before the rest is sent. */
  readonly greeting: Buffer;
  /** Made once, before anything is measured. The service closes the connection after it. */
  readonly make: () => Buffer;
}

const NOTHING = Buffer.alloc(0);
const PREFACE = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);

function repeat(count: number, make: (index: number) => Buffer): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, index) => make(index)));
}

/** Returns one frame of HTTP/2. */
export function frameOf(type: number, flags: number, stream: number, body: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.byteLength, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, body]);
}

/** The headers of `GET / HTTP/1.1` and of a POST that is left open, with an authority, from the static table of HPACK. */
const GET = Buffer.from([0x82, 0x86, 0x84, 1, 1, 97]);
const POST = Buffer.from([0x83, 0x86, 0x84, 1, 1, 97]);
const POST_USERS = Buffer.concat([Buffer.from([0x83, 0x86, 4, 9]), Buffer.from("/v1/users"), Buffer.from([1, 1, 97])]);
const CANCEL = Buffer.from([0, 0, 0, 8]);

/** HEADERS and RST_STREAM, over and over. */
function brokenOff(count: number, headers: Buffer, flags: number): Buffer {
  return repeat(count, (index) => {
    const stream = 2 * index + 1;
    return Buffer.concat([frameOf(1, flags, stream, headers), frameOf(3, 0, stream, CANCEL)]);
  });
}

/** A POST whose body comes byte by byte. */
function tinyFrames(count: number): Buffer {
  const byte = frameOf(0, 0, 1, Buffer.from(" "));
  return Buffer.concat([frameOf(1, 4, 1, POST_USERS), Buffer.alloc(count * byte.byteLength, byte)]);
}

function pipelined(request: string, count: number): Buffer {
  return Buffer.from(request.repeat(count) + request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
}

export const WORST_CONNECTIONS: readonly WorstConnection[] = [
  {
    name: "requests sent ahead",
    greeting: NOTHING,
    make: () => pipelined("GET / HTTP/1.1\r\nHost:a\r\n\r\n", 2_000),
  },
  {
    name: "requests sent ahead whose answer is long",
    greeting: NOTHING,
    make: () => pipelined("GET /openapi.json HTTP/1.1\r\nHost:a\r\n\r\n", 40),
  },
  {
    name: "a body in chunks of one byte",
    greeting: NOTHING,
    make: () =>
      Buffer.from(
        `POST /v1/users HTTP/1.1\r\nHost:a\r\nTransfer-Encoding: chunked\r\n\r\n${"1\r\n \r\n".repeat(60_000)}x`,
      ),
  },
  { name: "a body in DATA frames of one byte", greeting: PREFACE, make: () => tinyFrames(200_000) },
  {
    name: "a body in DATA frames of one byte in the first bytes",
    greeting: NOTHING,
    make: () => Buffer.concat([PREFACE, tinyFrames(200_000)]),
  },
  { name: "streams broken off", greeting: PREFACE, make: () => brokenOff(40_000, GET, 5) },
  {
    name: "streams broken off in the first bytes",
    greeting: NOTHING,
    make: () => Buffer.concat([PREFACE, brokenOff(40_000, GET, 5)]),
  },
  { name: "streams broken off while they send", greeting: PREFACE, make: () => brokenOff(40_000, POST, 4) },
];
