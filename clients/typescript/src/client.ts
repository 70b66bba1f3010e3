/** What both entries share: the options, their checks, and the typed clients over one transport. */
import { type Client, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { AdminService } from "../../../gen/lockkeeper/admin/v1/admin_service_pb.ts";
import { ApiKeyService } from "../../../gen/lockkeeper/apikey/v1/api_key_service_pb.ts";
import { EventService } from "../../../gen/lockkeeper/event/v1/event_service_pb.ts";
import { OrganizationService } from "../../../gen/lockkeeper/organization/v1/organization_service_pb.ts";
import { PolicyService } from "../../../gen/lockkeeper/policy/v1/policy_service_pb.ts";
import { SessionService } from "../../../gen/lockkeeper/session/v1/session_service_pb.ts";
import { SignInService } from "../../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import { UserService } from "../../../gen/lockkeeper/user/v1/user_service_pb.ts";

export interface ClientOptions {
  /** Where the service is, such as `http://127.0.0.1:8080`; `https:` where it serves TLS. No credentials, query or fragment. */
  readonly baseUrl: string;
  /** The API key to call with, or a token of an issuer that the service knows: visible ASCII without spaces or commas. */
  readonly key: string;
  /**
   * The deadline of each call in milliseconds, above 0, unless the call's own `timeoutMs` says otherwise. Fractions round
   * up; above 99,999,999 (27.7 hours, the most that `grpc-timeout` can carry) it is that many. Absent or `Infinity`: the
   * service's own limit.
   */
  readonly timeoutMs?: number;
}

export interface LockkeeperClient {
  readonly users: Client<typeof UserService>;
  readonly signIns: Client<typeof SignInService>;
  readonly sessions: Client<typeof SessionService>;
  readonly policies: Client<typeof PolicyService>;
  readonly events: Client<typeof EventService>;
  readonly organizations: Client<typeof OrganizationService>;
  readonly keys: Client<typeof ApiKeyService>;
  readonly admin: Client<typeof AdminService>;
  /** For `createClient` of @connectrpc/connect with a service of your choice; it carries the key and bounds time-outs. */
  readonly transport: Transport;
  /** Ends the connection; calls under way fail with CANCELED. */
  close(): void;
}

/** `grpc-timeout` has at most eight digits, and connect-es sends milliseconds. */
const TIMEOUT_MS_MAX = 99_999_999;

/** Returns the clients that share `transport`. */
export function createClients(transport: Transport, close: () => void): LockkeeperClient {
  return {
    users: createClient(UserService, transport),
    signIns: createClient(SignInService, transport),
    sessions: createClient(SessionService, transport),
    policies: createClient(PolicyService, transport),
    events: createClient(EventService, transport),
    organizations: createClient(OrganizationService, transport),
    keys: createClient(ApiKeyService, transport),
    admin: createClient(AdminService, transport),
    transport,
    close,
  };
}

/** Checks the options that every transport needs. Throws a TypeError that names the option and repeats no secret. */
export function checkOptions({ baseUrl, key, timeoutMs }: ClientOptions): {
  readonly baseUrl: string;
  readonly interceptors: Interceptor[];
  readonly timeoutMs: number | undefined;
} {
  assertBaseUrl(baseUrl);
  assertKey(key);
  const withKey: Interceptor = (next) => (request) => {
    request.header.set("Authorization", `Bearer ${key}`);
    return next(request);
  };
  return { baseUrl, interceptors: [withKey], timeoutMs: toTimeoutMs(timeoutMs) };
}

/** Returns `transport` with each call's time-out bounded; calls without one get `defaultTimeoutMs`. */
export function withTimeouts(transport: Transport, defaultTimeoutMs: number | undefined): Transport {
  // Connect takes 0 and less as "no time-out, whatever the default is".
  const toCallTimeout = (timeoutMs: number | undefined): number | undefined => {
    if (timeoutMs === undefined) return defaultTimeoutMs;
    return timeoutMs <= 0 ? undefined : toTimeoutMs(timeoutMs);
  };
  return {
    unary: async (method, signal, timeoutMs, header, input, contextValues) =>
      await transport.unary(method, signal, toCallTimeout(timeoutMs), header, input, contextValues),
    stream: async (method, signal, timeoutMs, header, input, contextValues) =>
      await transport.stream(method, signal, toCallTimeout(timeoutMs), header, input, contextValues),
  };
}

function toTimeoutMs(timeoutMs: number | undefined): number | undefined {
  if (timeoutMs === undefined || timeoutMs === Number.POSITIVE_INFINITY) return;
  if (!(timeoutMs > 0)) {
    throw new TypeError(`timeoutMs: ${String(timeoutMs)} is not allowed; it must be a number of milliseconds above 0`);
  }
  return Math.min(Math.ceil(timeoutMs), TIMEOUT_MS_MAX);
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
  // Callers without types may pass what is not there, such as an unset variable.
  if (typeof key !== "string" || key === "") throw new TypeError("key: it is empty; it must be an API key or a token");
  if (/^[!-+\--~]+$/.test(key)) return;
  throw new TypeError("key: it must be visible ASCII without spaces or commas, as it travels in a header");
}
