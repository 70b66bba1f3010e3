/** The package's `lockkeeper/client`: typed clients of every service, over gRPC or Connect, and the contract's messages. */
import { getCACertificates } from "node:tls";
import { type Client, ConnectError, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { AdminService } from "../../gen/lockkeeper/admin/v1/admin_service_pb.ts";
import { ApiKeyService } from "../../gen/lockkeeper/apikey/v1/api_key_service_pb.ts";
import { OrganizationService } from "../../gen/lockkeeper/organization/v1/organization_service_pb.ts";
import { PolicyService } from "../../gen/lockkeeper/policy/v1/policy_service_pb.ts";
import { SessionService } from "../../gen/lockkeeper/session/v1/session_service_pb.ts";
import { SignInService } from "../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import { UserService } from "../../gen/lockkeeper/user/v1/user_service_pb.ts";

export { Code, ConnectError } from "@connectrpc/connect";
export * from "../../gen/google/rpc/error_details_pb.ts";
export * from "../../gen/lockkeeper/admin/v1/admin_service_pb.ts";
export * from "../../gen/lockkeeper/apikey/v1/api_key_service_pb.ts";
export * from "../../gen/lockkeeper/event/v1/event_pb.ts";
export * from "../../gen/lockkeeper/organization/v1/organization_service_pb.ts";
export * from "../../gen/lockkeeper/policy/v1/policy_service_pb.ts";
export * from "../../gen/lockkeeper/resource/v1/details_pb.ts";
export * from "../../gen/lockkeeper/resource/v1/factor_pb.ts";
export * from "../../gen/lockkeeper/resource/v1/profile_pb.ts";
export * from "../../gen/lockkeeper/resource/v1/restriction_pb.ts";
export * from "../../gen/lockkeeper/session/v1/session_service_pb.ts";
export * from "../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
export * from "../../gen/lockkeeper/user/v1/user_pb.ts";
export * from "../../gen/lockkeeper/user/v1/user_service_pb.ts";

export interface LockkeeperClientOptions {
  /** Where the service is, such as `http://127.0.0.1:8080`; `https:` where it serves TLS. No credentials, query or fragment. */
  readonly baseUrl: string;
  /** The API key to call with, or a token of an issuer that the service knows: visible ASCII without commas. */
  readonly key: string;
  /** `grpc` (the default) keeps one HTTP/2 connection; `connect` goes through proxies that speak HTTP/1.1 alone. */
  readonly protocol?: "grpc" | "connect";
  /** How long a call may take, in milliseconds, unless its own options say otherwise. Absent: as long as the service lets it. */
  readonly timeoutMs?: number;
  /** Authorities beside those that Node trusts, and a certificate of the caller's own with its key: the text of PEM files. */
  readonly tls?: LockkeeperClientTls;
}

/** Without a type of Node's, so that the types need no other package. */
export interface LockkeeperClientTls {
  readonly ca?: Pem | readonly Pem[];
  readonly cert?: Pem;
  readonly key?: Pem;
}

export type Pem = string | Uint8Array;

export interface LockkeeperClient {
  readonly users: Client<typeof UserService>;
  readonly signIns: Client<typeof SignInService>;
  readonly sessions: Client<typeof SessionService>;
  readonly policies: Client<typeof PolicyService>;
  readonly organizations: Client<typeof OrganizationService>;
  readonly keys: Client<typeof ApiKeyService>;
  readonly admin: Client<typeof AdminService>;
  /** For `createClient` of @connectrpc/connect with a service of one's own choice; it carries the key. */
  readonly transport: Transport;
  /** Ends the connection; calls under way fail with CANCELED. */
  close(): void;
}

/** Clients that share one connection, which opens with the first call. Throws a TypeError for a `baseUrl` or a `key` that cannot be used. */
export function createLockkeeperClient(options: LockkeeperClientOptions): LockkeeperClient {
  const { transport, close } = open(options);
  return {
    users: createClient(UserService, transport),
    signIns: createClient(SignInService, transport),
    sessions: createClient(SessionService, transport),
    policies: createClient(PolicyService, transport),
    organizations: createClient(OrganizationService, transport),
    keys: createClient(ApiKeyService, transport),
    admin: createClient(AdminService, transport),
    transport,
    close,
  };
}

/** Why the service refused a call, such as `USER_ALREADY_LOCKED`; undefined for faults on the way and other errors. */
export function reasonOf(error: unknown): string | undefined {
  return ConnectError.from(error).findDetails(ErrorInfoSchema)[0]?.reason;
}

function open({ baseUrl, key, protocol = "grpc", timeoutMs, tls = {} }: LockkeeperClientOptions): {
  readonly transport: Transport;
  readonly close: () => void;
} {
  assertBaseUrl(baseUrl);
  assertKey(key);
  const secure = toSecureContext(tls);
  const withKey: Interceptor = (next) => (request) => {
    request.header.set("Authorization", `Bearer ${key}`);
    return next(request);
  };
  const deadline = timeoutMs === undefined ? {} : { defaultTimeoutMs: timeoutMs };
  const common = { baseUrl, interceptors: [withKey], ...deadline };
  if (protocol === "connect") {
    // Node's own agent holds the connections; they do not keep a process alive.
    return {
      transport: createConnectTransport({ ...common, httpVersion: "1.1", nodeOptions: secure }),
      close: () => undefined,
    };
  }
  const sessionManager = new Http2SessionManager(baseUrl, {}, secure);
  return { transport: createGrpcTransport({ ...common, sessionManager }), close: () => sessionManager.abort() };
}

/** The URL may have a password in it, so it is not repeated. */
function assertBaseUrl(baseUrl: string): void {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
  const isPlain = url?.search === "" && url.hash === "" && url.username + url.password === "";
  if (isPlain && /^https?:$/.test(url.protocol)) return;
  throw new TypeError(
    "baseUrl: the value is not allowed; it must be an http or https URL like http://127.0.0.1:8080, without credentials, query or fragment",
  );
}

/** The key is a secret: without this check the header's own error would repeat it. */
function assertKey(key: string): void {
  if (key === "") throw new TypeError("key: it is empty; it must be an API key or a token");
  if (/^[!-+\--~]+$/.test(key)) return;
  throw new TypeError("key: it must be visible ASCII without spaces or commas, as it travels in a header");
}

/** Node's `ca` stands in the place of the authorities that it trusts by itself. */
function toSecureContext({ ca, cert, key }: LockkeeperClientTls): { ca?: string[]; cert?: string; key?: string } {
  return {
    ...(ca === undefined ? {} : { ca: [...getCACertificates("default"), ...[ca].flat().map(toText)] }),
    ...(cert === undefined ? {} : { cert: toText(cert) }),
    ...(key === undefined ? {} : { key: toText(key) }),
  };
}

function toText(pem: Pem): string {
  return typeof pem === "string" ? pem : new TextDecoder().decode(pem);
}
