/** The connection to a running service: its address, the key and certificates, and the clients. */
import { readFileSync } from "node:fs";
import type { DescFile } from "@bufbuild/protobuf";
import type { Client, Interceptor } from "@connectrpc/connect";
import type { Health } from "../../../../gen/grpc/health/v1/health_pb.ts";
import type { AdminService } from "../../../../gen/lockkeeper/admin/v1/admin_service_pb.ts";
import type { ApiKeyService } from "../../../../gen/lockkeeper/apikey/v1/api_key_service_pb.ts";
import type { EventService } from "../../../../gen/lockkeeper/event/v1/event_service_pb.ts";
import type { HistoryService } from "../../../../gen/lockkeeper/event/v1/history_service_pb.ts";
import type { OrganizationService } from "../../../../gen/lockkeeper/organization/v1/organization_service_pb.ts";
import type { PolicyService } from "../../../../gen/lockkeeper/policy/v1/policy_service_pb.ts";
import type { SessionService } from "../../../../gen/lockkeeper/session/v1/session_service_pb.ts";
import type { SignInService } from "../../../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import type { UserService } from "../../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { fileFault } from "../../../file-fault.ts";
import { EXIT, Failure, usageFailure } from "../failure.ts";

/** The services that commands call. */
export interface Services {
  readonly users: typeof UserService;
  readonly sessions: typeof SessionService;
  readonly signIns: typeof SignInService;
  readonly policies: typeof PolicyService;
  readonly organizations: typeof OrganizationService;
  readonly keys: typeof ApiKeyService;
  readonly events: typeof EventService;
  readonly history: typeof HistoryService;
  readonly admin: typeof AdminService;
  /** Needs no key. */
  readonly health: typeof Health;
}

/** Loaded on demand: most commands need only one of them. */
const LOADERS: { readonly [K in keyof Services]: () => Promise<Services[K]> } = {
  users: async () => (await import("../../../../gen/lockkeeper/user/v1/user_service_pb.ts")).UserService,
  sessions: async () => (await import("../../../../gen/lockkeeper/session/v1/session_service_pb.ts")).SessionService,
  signIns: async () => (await import("../../../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts")).SignInService,
  policies: async () => (await import("../../../../gen/lockkeeper/policy/v1/policy_service_pb.ts")).PolicyService,
  organizations: async () =>
    (await import("../../../../gen/lockkeeper/organization/v1/organization_service_pb.ts")).OrganizationService,
  keys: async () => (await import("../../../../gen/lockkeeper/apikey/v1/api_key_service_pb.ts")).ApiKeyService,
  events: async () => (await import("../../../../gen/lockkeeper/event/v1/event_service_pb.ts")).EventService,
  history: async () => (await import("../../../../gen/lockkeeper/event/v1/history_service_pb.ts")).HistoryService,
  admin: async () => (await import("../../../../gen/lockkeeper/admin/v1/admin_service_pb.ts")).AdminService,
  health: async () => (await import("../../../../gen/grpc/health/v1/health_pb.ts")).Health,
};

/** Where to connect, with which key and certificates; paths are those of PEM files. */
export interface Address {
  readonly server: URL;
  readonly ca: string | undefined;
  readonly clientCert: string | undefined;
  readonly clientKey: string | undefined;
  readonly key: { readonly file: string } | { readonly text: string; readonly source: string; readonly isFor?: string };
  readonly timeoutMs: number;
}

export interface Connection {
  client<K extends keyof Services>(name: K): Promise<Client<Services[K]>>;
  close(): void;
}

interface ConnectOptions {
  readonly signal: AbortSignal;
  readonly learn: (file: DescFile) => void;
  /** Whether calls carry no key, as those of `health` need none. */
  readonly isKeyless?: boolean;
}

/** Whether there is a key, in a file or as text. */
export function hasKey({ key }: Address): boolean {
  return "file" in key || key.text.trim() !== "";
}

/** Prepares a connection; it is opened by the first call. Throws a Failure for a key or a file that cannot be used. */
export async function connect(
  { server, timeoutMs, ...shown }: Address,
  { signal, learn, isKeyless = false }: ConnectOptions,
): Promise<Connection> {
  const key = isKeyless ? undefined : readKey(shown.key);
  const tls = readTlsFiles(server, shown);
  const { createClient } = await import("@connectrpc/connect");
  const { createGrpcTransport, Http2SessionManager } = await import("@connectrpc/connect-node");
  const withKey: Interceptor = (next) => (request) => {
    if (key !== undefined) request.header.set("Authorization", `Bearer ${key}`);
    return next(request);
  };
  // A stream carries a database: compressing it would cost the service more time than the network saves.
  const asItIs: Interceptor = (next) => (request) => {
    if (request.stream) request.header.delete("grpc-accept-encoding");
    return next(request);
  };
  const withSignal: Interceptor = (next) => (request) =>
    next({ ...request, signal: AbortSignal.any([request.signal, signal]) });
  const sessionManager = new Http2SessionManager(server.origin, undefined, tls);
  const transport = createGrpcTransport({
    baseUrl: server.origin,
    nodeOptions: tls,
    sessionManager,
    defaultTimeoutMs: timeoutMs,
    interceptors: [withKey, asItIs, withSignal],
  });
  return {
    async client(name) {
      const service = await LOADERS[name]();
      learn(service.file);
      return createClient(service, transport);
    },
    close: () => sessionManager.abort(),
  };
}

/** Returns the API key. Throws a Failure if there is none, or if it cannot be sent in a header. */
export function readKey(from: Address["key"]): string {
  const source = "file" in from ? `--key-file ${from.file}` : from.source;
  const key = ("file" in from ? readPath("--key-file", from.file) : from.text).trim();
  if (key === "" && !("file" in from)) {
    throw new Failure(
      EXIT.NOT_PERMITTED,
      `there is no API key${from.isFor === undefined ? "" : ` (the profile's key is for ${from.isFor})`}: set LOCKKEEPER_KEY, pass --key-file FILE, or run lockkeeper login`,
    );
  }
  if (!/^[!-+\--~]+$/.test(key)) {
    // The value is a secret, so it is not repeated.
    throw usageFailure(
      `${source}: the key must be visible ASCII without spaces or commas, because it is sent in a header`,
    );
  }
  return key;
}

type Pem = Pick<Address, "ca" | "clientCert" | "clientKey">;

function readTlsFiles(server: URL, { ca, clientCert, clientKey }: Pem): { ca?: string; cert?: string; key?: string } {
  if (server.protocol === "http:") return {};
  if ((clientCert === undefined) !== (clientKey === undefined)) {
    throw usageFailure("--client-cert and --client-key go together: give both, or neither");
  }
  return {
    ...(ca === undefined ? {} : { ca: readPem("--ca", ca) }),
    ...(clientCert === undefined ? {} : { cert: readPem("--client-cert", clientCert) }),
    ...(clientKey === undefined ? {} : { key: readPem("--client-key", clientKey) }),
  };
}

function readPem(flag: string, path: string): string {
  const text = readPath(flag, path);
  if (text.includes("-----BEGIN ")) return text;
  throw usageFailure(`${flag}: ${path} is not a PEM file`);
}

function readPath(flag: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw usageFailure(`${flag}: ${path} cannot be read: ${fileFault(error)}`);
  }
}
