/** Compression of HTTP bodies in REST: the accepted and sent codings, and the largest decompressed body. */
import { promisify } from "node:util";
import { brotliDecompress, gunzip, gzip } from "node:zlib";
import { Code, ConnectError } from "@connectrpc/connect";
import { quote } from "../../transcoding/bad-request.ts";
import { bodyTooLarge, UnsupportedMediaType } from "../../transcoding/rest-error.ts";

type Decompress = (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Buffer>;

const decompressors: ReadonlyMap<string, Decompress> = new Map<string, Decompress>([
  ["gzip", promisify<Uint8Array, { maxOutputLength: number }, Buffer>(gunzip)],
  ["x-gzip", promisify<Uint8Array, { maxOutputLength: number }, Buffer>(gunzip)],
  ["br", promisify<Uint8Array, { maxOutputLength: number }, Buffer>(brotliDecompress)],
]);

const compress = promisify<Uint8Array | string, Buffer>(gzip);

/** Smaller answers are not worth compressing. */
const COMPRESS_BYTES_MIN = 1_024;

/** Throws UnsupportedMediaType for an unknown coding. Called before the body is read. */
export function assertContentCoding(coding: string | undefined): void {
  if (coding !== undefined && !isIdentity(coding) && !decompressors.has(coding.trim().toLowerCase())) {
    throw new UnsupportedMediaType(
      `the Content-Encoding ${quote(coding)} is unknown; allowed are gzip, br and identity`,
      {
        "accept-encoding": "gzip, br",
      },
    );
  }
}

/** Decompresses a body. Rejects with a ConnectError if that fails or the result is larger than `bodyBytesMax`. */
export async function decodeContent(coding: string | undefined, bytes: Buffer, bodyBytesMax: number): Promise<Buffer> {
  const decompress = coding === undefined ? undefined : decompressors.get(coding.trim().toLowerCase());
  if (decompress === undefined || bytes.byteLength === 0) return bytes;
  try {
    return await decompress(bytes, { maxOutputLength: bodyBytesMax });
  } catch (reason) {
    if (reason instanceof Error && "code" in reason && reason.code === "ERR_BUFFER_TOO_LARGE") {
      throw bodyTooLarge(bodyBytesMax);
    }
    throw new ConnectError("the request body cannot be decompressed", Code.InvalidArgument);
  }
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
  return acceptEncoding
    .split(",")
    .some((part) => /^\s*(?:x-)?gzip\s*(?:;\s*q\s*=\s*(?!0(?:\.0*)?\s*$)[\d.]+\s*)?$/i.test(part));
}
