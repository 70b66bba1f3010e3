/** Compression of whole HTTP bodies on the REST road: what is taken, what is sent, and how much may come out. */
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

const compress = promisify<Uint8Array, Buffer>(gzip);

/** Smaller answers are not worth the time. */
const COMPRESS_BYTES_MIN = 1_024;

/** Refuses codings that are not known; before the body is read. */
export function assertContentCoding(coding: string | undefined): void {
  if (coding !== undefined && !isIdentity(coding) && !decompressors.has(coding.trim().toLowerCase())) {
    throw new UnsupportedMediaType(`the Content-Encoding ${quote(coding)} is not known; gzip, br and identity are`, {
      "accept-encoding": "gzip, br",
    });
  }
}

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

/** The body as gzip, where the caller takes that and it pays; undefined otherwise. */
export async function encodeContent(acceptEncoding: string | undefined, body: Uint8Array): Promise<Buffer | undefined> {
  if (body.byteLength < COMPRESS_BYTES_MIN || acceptEncoding === undefined || !acceptsGzip(acceptEncoding)) {
    return undefined;
  }
  return await compress(body);
}

function isIdentity(coding: string): boolean {
  return coding.trim() === "" || coding.trim().toLowerCase() === "identity";
}

/** Whether an `Accept-Encoding` takes gzip. */
export function acceptsGzip(acceptEncoding: string): boolean {
  return acceptEncoding
    .split(",")
    .some((part) => /^\s*(?:x-)?gzip\s*(?:;\s*q\s*=\s*(?!0(?:\.0*)?\s*$)[\d.]+\s*)?$/i.test(part));
}
