/** The package's entry for browsers, and for whatever else has `fetch`: typed clients over gRPC-Web or Connect. */
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { type ClientOptions, checkOptions, createClients, type LockkeeperClient, withTimeouts } from "./client.ts";

export type { LockkeeperClient } from "./client.ts";
export * from "./contract.ts";

export interface LockkeeperClientOptions extends ClientOptions {
  /** `grpc-web` (the default, binary) or `connect` (JSON, readable in the browser's own tools). */
  readonly protocol?: "grpc-web" | "connect";
}

/**
 * Returns clients whose calls `fetch` makes; the service must allow the page's origin (`--cors-origins`). `close` ends
 * nothing, as the browser owns the connections. Throws a TypeError for a `baseUrl`, `key` or `timeoutMs` that cannot be used.
 */
export function createLockkeeperClient(options: LockkeeperClientOptions): LockkeeperClient {
  const { timeoutMs, ...common } = checkOptions(options);
  const transport =
    options.protocol === "connect"
      ? createConnectTransport(common)
      : createGrpcWebTransport({ ...common, useBinaryFormat: true });
  return createClients(withTimeouts(transport, timeoutMs), () => undefined);
}
