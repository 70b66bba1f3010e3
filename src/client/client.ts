/** The package's `lockkeeper/client`: typed clients of every service, over gRPC or Connect, and the contract's messages. */
import type { SecureContextOptions } from "node:tls";
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
  /** Where the service is, such as `http://127.0.0.1:8080`; `https:` where it serves TLS. */
  readonly baseUrl: string;
  /** The API key to call with. */
  readonly key: string;
  /** `grpc` (the default) keeps one HTTP/2 connection; `connect` goes through proxies that speak HTTP/1.1 alone. */
  readonly protocol?: "grpc" | "connect";
  /** How long a call may take, in milliseconds, unless its own options say otherwise. Absent: as long as the service lets it. */
  readonly timeoutMs?: number;
  /** Authorities beside the system's, and a certificate of the caller's own, as `node:tls` takes them. */
  readonly tls?: Pick<SecureContextOptions, "ca" | "cert" | "key">;
}

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

/** Clients that share one connection, which opens with the first call. Throws a TypeError for a `baseUrl` that is no URL. */
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
  const withKey: Interceptor = (next) => (request) => {
    request.header.set("Authorization", `Bearer ${key}`);
    return next(request);
  };
  const deadline = timeoutMs === undefined ? {} : { defaultTimeoutMs: timeoutMs };
  const common = { baseUrl, interceptors: [withKey], ...deadline };
  if (protocol === "connect") {
    // Node's own agent holds the connections; they do not keep a process alive.
    return {
      transport: createConnectTransport({ ...common, httpVersion: "1.1", nodeOptions: tls }),
      close: () => undefined,
    };
  }
  const sessionManager = new Http2SessionManager(baseUrl, {}, tls);
  return { transport: createGrpcTransport({ ...common, sessionManager }), close: () => sessionManager.abort() };
}
