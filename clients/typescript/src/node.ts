/** The package's entry for Node: typed clients of every service, over gRPC or Connect, and the contract's messages. */
import { existsSync, readFileSync } from "node:fs";
import tls from "node:tls";
import type { Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { type ClientOptions, checkOptions, createClients, type LockkeeperClient, withTimeouts } from "./client.ts";

export type { LockkeeperClient } from "./client.ts";
export * from "./contract.ts";

export interface LockkeeperClientOptions extends ClientOptions {
  /** `grpc` (the default) keeps one HTTP/2 connection; `connect` passes proxies that speak only HTTP/1.1. */
  readonly protocol?: "grpc" | "connect";
  /** Authorities in addition to those that Node trusts, and the caller's own certificate with its key: text of PEM files. */
  readonly tls?: LockkeeperClientTls;
}

/** Uses no type of Node's, so that the types need no other package. */
export interface LockkeeperClientTls {
  readonly ca?: Pem | readonly Pem[];
  readonly cert?: Pem;
  readonly key?: Pem;
}

export type Pem = string | Uint8Array;

/**
 * Returns clients that share one connection, which opens with the first call. Throws a TypeError for a `baseUrl`, `key` or
 * `timeoutMs` that cannot be used.
 */
export function createLockkeeperClient(options: LockkeeperClientOptions): LockkeeperClient {
  const { timeoutMs, ...common } = checkOptions(options);
  const { transport, close } = open(common, options.protocol ?? "grpc", toSecureContext(options.tls ?? {}));
  return createClients(withTimeouts(transport, timeoutMs), close);
}

function open(
  common: Omit<ReturnType<typeof checkOptions>, "timeoutMs">,
  protocol: "grpc" | "connect",
  secure: SecureContext,
): { readonly transport: Transport; readonly close: () => void } {
  if (protocol === "connect") {
    // Node's own agent holds the connections; they do not keep a process alive.
    return {
      transport: createConnectTransport({ ...common, httpVersion: "1.1", nodeOptions: secure }),
      close: () => undefined,
    };
  }
  const sessionManager = new Http2SessionManager(common.baseUrl, {}, secure);
  return { transport: createGrpcTransport({ ...common, sessionManager }), close: () => sessionManager.abort() };
}

interface SecureContext {
  ca?: string[];
  cert?: string;
  key?: string;
}

function toSecureContext({ ca, cert, key }: LockkeeperClientTls): SecureContext {
  return {
    ...(ca === undefined ? {} : { ca: [...trustedByNode(), ...[ca].flat().map(toText)] }),
    ...(cert === undefined ? {} : { cert: toText(cert) }),
    ...(key === undefined ? {} : { key: toText(key) }),
  };
}

/** Node's option `ca` replaces the authorities that Node trusts by itself, so they are repeated. */
function trustedByNode(): readonly string[] {
  // Node 20 and 22.0 to 22.14 cannot list their authorities: these two are what they trust.
  const canList = "getCACertificates" in tls;
  return canList ? tls.getCACertificates("default") : [...tls.rootCertificates, ...extraAuthorities()];
}

/** As Node itself does at its start, a file that is not there is passed over. */
function extraAuthorities(): readonly string[] {
  const file = process.env.NODE_EXTRA_CA_CERTS;
  return file !== undefined && existsSync(file) ? [readFileSync(file, "utf8")] : [];
}

function toText(pem: Pem): string {
  return typeof pem === "string" ? pem : new TextDecoder().decode(pem);
}
