/** The compressions that Connect is given: what cannot be decompressed is the caller's fault, whenever it is found. */
import { Code, ConnectError } from "@connectrpc/connect";
import type { Compression } from "@connectrpc/connect/protocol";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";

/**
 * Connect takes bytes it cannot decompress for a failure of its own. Corrected here, at the source: once the deadline has
 * passed, nobody hears of later errors before they are sent.
 */
export const compressions: readonly Compression[] = [compressionGzip, compressionBrotli].map((compression) => ({
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
