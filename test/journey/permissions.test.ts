/** Every RPC that is mounted × every role, through gRPC: who is let in is what the tables say, and nothing else. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { create, type DescMethod, type DescService, type Message } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { Health, HealthCheckResponse_ServingStatus as ServingStatus } from "../../gen/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { AdminService } from "../../gen/lockkeeper/admin/v1/admin_service_pb.ts";
import { ApiKeyService } from "../../gen/lockkeeper/apikey/v1/api_key_service_pb.ts";
import { EventService } from "../../gen/lockkeeper/event/v1/event_service_pb.ts";
import { HistoryService } from "../../gen/lockkeeper/event/v1/history_service_pb.ts";
import { OrganizationService } from "../../gen/lockkeeper/organization/v1/organization_service_pb.ts";
import { PolicyService } from "../../gen/lockkeeper/policy/v1/policy_service_pb.ts";
import { SessionService } from "../../gen/lockkeeper/session/v1/session_service_pb.ts";
import { SignInService } from "../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import { UserService } from "../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { PERMISSIONS, type Permission, ROLES, RPC_PERMISSIONS } from "../../src/auth/permissions.ts";
import { ADMIN_KEY, type Running, type RunOptions, startService } from "../support/service.ts";

const SERVICES: readonly DescService[] = [
  UserService,
  SignInService,
  SessionService,
  PolicyService,
  EventService,
  HistoryService,
  OrganizationService,
  ApiKeyService,
  AdminService,
];
const RPCS = SERVICES.flatMap(({ methods }) => methods);

/** A key, and what it may do; `undefined`: it is not a key. */
interface Caller {
  readonly name: string;
  readonly key?: string;
  readonly permissions?: readonly Permission[];
}

async function start(t: TestContext, options: RunOptions = {}): Promise<{ service: Running; transport: Transport }> {
  // A clock that goes on by a second with each look: bad keys from one address are not throttled here.
  let now = Date.UTC(2026, 0, 1);
  const service = await startService(t, { ...options, clock: () => (now += 1000) });
  const sessionManager = new Http2SessionManager(service.url);
  t.after(() => sessionManager.abort());
  return { service, transport: createGrpcTransport({ baseUrl: service.url, sessionManager }) };
}

/** `OK`, or code and reason of the refusal. */
async function call(transport: Transport, method: DescMethod, key: string | undefined): Promise<string> {
  const client = createClient(method.parent, transport) as unknown as Readonly<
    Record<string, (request: Message, options: object) => Promise<Message> & AsyncIterable<Message>>
  >;
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  try {
    const answer = client[method.localName]?.(create(method.input), { headers });
    if (method.methodKind === "unary") await answer;
    else {
      for await (const _ of answer ?? []) {
        // It has no end.
        if (method.name === "WatchEvents") break;
      }
    }
    return "OK";
  } catch (error) {
    assert.ok(error instanceof ConnectError, String(error));
    return `${Code[error.code]} ${error.findDetails(ErrorInfoSchema)[0]?.reason}`;
  }
}

/** On PostgreSQL no backup is made: its own tools make them. */
const BEHIND_THE_DOOR = /^(?:InvalidArgument|NotFound|FailedPrecondition) |^Unimplemented METHOD_NOT_SERVED$/;

/** What deviates from the tables, for every RPC and caller. */
async function deviations(transport: Transport, callers: readonly Caller[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const method of RPCS) {
    const rpc = `${method.parent.typeName}/${method.name}`;
    const permission = RPC_PERMISSIONS[rpc];
    for (const { name, key, permissions } of callers) {
      const said = await call(transport, method, key);
      const wanted =
        permissions === undefined
          ? `Unauthenticated ${key === undefined ? "CREDENTIAL_MISSING" : "CREDENTIAL_INVALID"}`
          : permission === null || (permission !== undefined && permissions.includes(permission))
            ? "allowed"
            : "PermissionDenied PERMISSION_MISSING";
      // An empty request need not succeed: it is let in when whatever is said comes from behind the door.
      const isAllowed = said === "OK" || BEHIND_THE_DOOR.test(said);
      if (isAllowed ? wanted !== "allowed" : wanted !== said) found.push(`${rpc} by ${name}: ${said}, not ${wanted}`);
    }
  }
  return found;
}

test("every RPC lets in the roles that the tables name and refuses all others", async (t) => {
  const { service, transport } = await start(t);
  const callers: Caller[] = [
    { name: "nobody" },
    { name: "a bad key", key: `${ADMIN_KEY}x` },
    { name: "LOCKKEEPER_ADMIN_KEY", key: ADMIN_KEY, permissions: PERMISSIONS },
  ];
  for (const [role, permissions] of Object.entries(ROLES)) {
    const { secret } = await service.keys.createApiKey({ role });
    callers.push({ name: role, key: secret, permissions });
  }
  t.diagnostic(`${RPCS.length} RPCs × ${callers.length} callers`);
  assert.deepEqual(await deviations(transport, callers), []);
});

test("a key with one permission is let in where that one is needed and nowhere else", async (t) => {
  const { service, transport } = await start(t);
  const callers: Caller[] = [];
  for (const permission of PERMISSIONS) {
    const { secret } = await service.keys.createApiKey({ permissions: [permission] });
    callers.push({ name: permission, key: secret, permissions: [permission] });
  }
  assert.deepEqual(await deviations(transport, callers), []);
});

test("a revoked key is let in nowhere from the next call on", async (t) => {
  // Another replica may refuse for the empty request, before it knows of the revocation.
  const { service, transport } = await start(t, { isOneProcess: true });
  const { secret, apiKey } = await service.keys.createApiKey({ role: "owner" });
  assert.equal(await call(transport, UserService.method.listUsers, secret), "OK");
  await service.keys.revokeApiKey({ apiKeyId: apiKey?.apiKeyId ?? "" });
  assert.deepEqual(await deviations(transport, [{ name: "a revoked key", key: secret }]), []);
});

test("reflection and health are open to all, and show no service whose callers are not tested here", async (t) => {
  const { transport } = await start(t);
  const wanted = ["grpc.health.v1.Health", ...SERVICES.map(({ typeName }) => typeName)].toSorted();
  for (const service of [ServerReflection, ServerReflectionAlpha]) {
    const client = createClient(service, transport) as Client<typeof ServerReflection>;
    const request = { messageRequest: { case: "listServices", value: "" } } as const;
    for await (const { messageResponse } of client.serverReflectionInfo(once(request))) {
      assert.equal(messageResponse.case, "listServicesResponse");
      const names = messageResponse.value.service.map(({ name }) => name);
      assert.deepEqual(names.filter((name) => !name.startsWith("grpc.reflection.")).toSorted(), wanted);
      break;
    }
  }
  const health = createClient(Health, transport);
  for (const service of ["", ...wanted]) {
    if (service === "grpc.health.v1.Health") continue;
    assert.equal((await health.check({ service })).status, ServingStatus.SERVING, service);
  }
  for await (const { status } of health.watch({})) {
    assert.equal(status, ServingStatus.SERVING);
    break;
  }
});

async function* once<T>(message: T): AsyncGenerator<T> {
  yield await Promise.resolve(message);
}
