/** Compression of HTTP bodies in REST: the accepted and sent codings, and the largest decompressed body. */
import { promisify } from "node:util";
import { type BrotliDecompress, createBrotliDecompress, createGunzip, type Gunzip, gzip } from "node:zlib";
import { Code, ConnectError } from "@connectrpc/connect";
import { quote } from "../../transcoding/bad-request.ts";
import { bodyTooLarge, UnsupportedMediaType } from "../../transcoding/rest-error.ts";
import type { RequestBody } from "./request-body.ts";

type Inflater = Gunzip | BrotliDecompress;

/** Also the codings of Connect and the encodings of gRPC, which have the same names. */
const inflaters: ReadonlyMap<string, () => Inflater> = new Map<string, () => Inflater>([
  ["gzip", createGunzip],
  ["x-gzip", createGunzip],
  ["br", createBrotliDecompress],
]);

const compress = promisify<Uint8Array | string, Buffer>(gzip);

/** Smaller answers are not worth compressing. */
const COMPRESS_BYTES_MIN = 1_024;

/** Throws UnsupportedMediaType for an unknown coding. Called before the body is read. */
export function assertContentCoding(coding: string | undefined): void {
  if (coding !== undefined && !isIdentity(coding) && !inflaters.has(coding.trim().toLowerCase())) {
    throw new UnsupportedMediaType(
      `the Content-Encoding ${quote(coding)} is unknown; allowed are gzip, br and identity`,
      {
        "accept-encoding": "gzip, br",
      },
    );
  }
}

/**
 * Decompresses the body of a request, or what was sent in it. Rejects with a ConnectError if that fails, if the result is
 * larger than `bodyBytesMax`, or if the large bodies of all requests have no room for it.
 */
export async function decodeContent(
  coding: string | undefined,
  bytes: Uint8Array,
  body: RequestBody,
  { bodyBytesMax, tooLarge = bodyTooLarge }: InflateLimit,
): Promise<Uint8Array> {
  const create = coding === undefined ? undefined : inflaters.get(coding.trim().toLowerCase());
  if (create === undefined || bytes.byteLength === 0) return bytes;
  body.retain();
  try {
    return await inflate(create(), bytes, body, { bodyBytesMax, tooLarge });
  } finally {
    body.release();
  }
}

/** The largest decompressed result, and the error for a larger one. */
interface InflateLimit {
  readonly bodyBytesMax: number;
  readonly tooLarge?: (bodyBytesMax: number) => ConnectError;
}

/** Counts each piece before the next one is made: many bodies that are inflated at once cannot pass the bound together. */
function inflate(
  inflater: Inflater,
  bytes: Uint8Array,
  body: RequestBody,
  { bodyBytesMax, tooLarge }: Required<InflateLimit>,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let size = 0;
    const fail = (error: ConnectError): void => {
      inflater.removeAllListeners("data");
      inflater.destroy();
      body.dropInflated(size);
      size = 0;
      reject(error);
    };
    inflater.on("data", (piece: Buffer) => {
      pieces.push(piece);
      size += piece.byteLength;
      const refusal = body.countInflated(piece.byteLength);
      if (size > bodyBytesMax) fail(tooLarge(bodyBytesMax));
      else if (refusal !== undefined) fail(refusal);
    });
    inflater.on("error", () => {
      fail(new ConnectError("the request body cannot be decompressed", Code.InvalidArgument));
    });
    inflater.once("end", () => resolve(Buffer.concat(pieces, size)));
    inflater.end(bytes);
  });
}

/** Returns the body as gzip if the caller accepts gzip and it is worth it; else undefined, at once. */
export function encodeContent(
  acceptEncoding: string | undefined,
  body: Uint8Array | string,
): Promise<Buffer> | undefined {
  if (acceptEncoding === undefined || Buffer.byteLength(body) < COMPRESS_BYTES_MIN) return undefined;
  return acceptsGzip(acceptEncoding) ? compress(body) : undefined;
}

function isIdentity(coding: string): boolean {
  return coding.trim() === "" || coding.trim().toLowerCase() === "identity";
}

/** Returns whether an `Accept-Encoding` accepts gzip. */
export function acceptsGzip(acceptEncoding: string): boolean {
  return acceptsCoding(acceptEncoding, "(?:x-)?gzip");
}

/** Returns whether an `Accept-Encoding` names a coding and does not refuse it. `coding`: a name, as a pattern. */
export function acceptsCoding(acceptEncoding: string, coding: string): boolean {
  const form = new RegExp(`^\\s*${coding}\\s*(?:;\\s*q\\s*=\\s*(?!0(?:\\.0*)?\\s*$)[\\d.]+\\s*)?$`, "i");
  return acceptEncoding.split(",").some((part) => form.test(part));
}
