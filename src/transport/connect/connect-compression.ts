/** The compressions that Connect is given: quick ones, and what cannot be decompressed is the caller's fault. */
import { promisify } from "node:util";
import { type BrotliOptions, brotliCompress as brotliCompressCallback, constants } from "node:zlib";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Compression } from "@connectrpc/connect/protocol";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";

/** Of 0 to 11: as fast as gzip, and smaller. Connect leaves it at 11, which takes twenty times as long or more. */
const BROTLI_QUALITY = 4;

const brotliCompress = promisify<Uint8Array, BrotliOptions, Buffer<ArrayBuffer>>(brotliCompressCallback);

const brotli: Compression = {
  ...compressionBrotli,
  compress: (bytes) => brotliCompress(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } }),
};

/**
 * Connect takes bytes it cannot decompress for a failure of its own. Corrected here, at the source: once the deadline has
 * passed, nobody hears of later errors before they are sent.
 */
export const compressions: readonly Compression[] = [compressionGzip, brotli].map((compression) => ({
  ...compression,
  decompress: async (bytes, readMaxBytes) => {
    try {
      return await compression.decompress(bytes, readMaxBytes);
    } catch (error) {
      if (error instanceof ConnectError && error.rawMessage === "decompression failed") {
        throw new ConnectError("the request body cannot be decompressed", Code.InvalidArgument);
      }
      throw error;
    }
  },
}));
