/** Mounts the services of lockkeeper's own contract, each with its handlers and limits. */
import { createRegistry, type DescService } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { file_google_rpc_error_details } from "../../../gen/google/rpc/error_details_pb.ts";
import { AdminService } from "../../../gen/lockkeeper/admin/v1/admin_service_pb.ts";
import { ApiKeyService } from "../../../gen/lockkeeper/apikey/v1/api_key_service_pb.ts";
import { EventService } from "../../../gen/lockkeeper/event/v1/event_service_pb.ts";
import { HistoryService } from "../../../gen/lockkeeper/event/v1/history_service_pb.ts";
import { OrganizationService } from "../../../gen/lockkeeper/organization/v1/organization_service_pb.ts";
import { PolicyService } from "../../../gen/lockkeeper/policy/v1/policy_service_pb.ts";
import { SessionService } from "../../../gen/lockkeeper/session/v1/session_service_pb.ts";
import { SignInService } from "../../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import { UserService } from "../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { type Admission, type AdmissionResult, admit } from "../../auth/admission.ts";
import type { ApiKeyCache } from "../../auth/api-key-cache.ts";
import type { Soon } from "../../auth/caller-counts.ts";
import type { RequestGate } from "../../auth/request-gate.ts";
import type { Refusal } from "../../domain/refusal.ts";
import type { Log } from "../../observability/log.ts";
import type { ServiceHandlers } from "../../service/call.ts";
import { noteRefusedActor } from "../../service/call-fields.ts";
import { toConnectError } from "../../service/errors.ts";
import { adminHandlers } from "../../service/native/admin-service.ts";
import { apiKeyHandlers } from "../../service/native/api-key-service.ts";
import { eventHandlers } from "../../service/native/event-service.ts";
import { historyHandlers } from "../../service/native/history-service.ts";
import { organizationHandlers } from "../../service/native/organization-service.ts";
import { policyHandlers } from "../../service/native/policy-service.ts";
import { sessionHandlers } from "../../service/native/session-service.ts";
import { signInHandlers } from "../../service/native/sign-in-service.ts";
import { userHandlers } from "../../service/native/user-service.ts";
import { historyOperations } from "../../service/operations/history.ts";
import { instanceOperations } from "../../service/operations/instance.ts";
import { keyOperations } from "../../service/operations/keys.ts";
import type { Operations } from "../../service/operations/operations.ts";
import { protect } from "../../service/protect.ts";
import { rpcNameOf } from "../../service/rpc-name.ts";
import type { StreamPlacesByKind } from "../../service/stream-places.ts";
import type { Store } from "../../store/store.ts";
import { nativeRestPolicy } from "../../transcoding/policy.ts";
import { type Health, healthMount } from "../../transport/builtin/health.ts";
import { Reflection, reflectionMounts } from "../../transport/builtin/reflection.ts";
import type { ChargeStranger, RefuseUnmatched } from "../../transport/call/call-record.ts";
import { type Admit, type Handlers, type Mount, type MountOptions, mount } from "../../transport/mount.ts";

/** An import of 1,000 users with attributes is larger than any other request. */
const IMPORT_BODY_BYTES_MAX = 4 * 1024 * 1024;
/** 20 values for each of 1,000 users: as much as one turn of the event loop may decode. */
const IMPORT_VALUES_MAX = 20_000;

interface MountParts {
  readonly operations: Operations;
  readonly store: Store;
  readonly keyCache: ApiKeyCache;
  readonly gate: RequestGate;
  readonly health: Health;
  readonly reflection: Reflection;
  readonly streams: StreamPlacesByKind;
  readonly log: Log;
}

/** Returns a reflection that knows the details of errors, which no service refers to. */
export function createReflection(): Reflection {
  return new Reflection(createRegistry(file_google_rpc_error_details));
}

export function mounts({
  operations,
  store,
  keyCache,
  gate,
  health,
  reflection,
  streams,
  log,
}: MountParts): Mount<Admission | undefined>[] {
  const services = [
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
  const admitCaller: Admit<Admission> = ({ method, header, remoteAddress }) => {
    const result = admit(gate, rpcNameOf(method), header.get("authorization"), remoteAddress);
    return result instanceof Promise ? result.then(admissionOf) : admissionOf(result);
  };
  const registry = createRegistry(file_google_rpc_error_details, ...services.map((service) => service.file));
  const rest = nativeRestPolicy({ registry, eventIds: { watchEvents: "cursor" } });
  const options = { admit: admitCaller, rest, unknownFields: "refuse" } as const;
  const anyone = (): undefined => undefined;
  const anyoneCounted: Admit<undefined> = ({ remoteAddress }) => {
    const refusal = gate.count(remoteAddress);
    return refusal instanceof Promise ? refusal.then(throwRefusal) : throwRefusal(refusal);
  };
  const mountNative = <S extends DescService>(
    service: S,
    handlers: ServiceHandlers<S>,
    more: Pick<MountOptions<Admission>, "bodyBytesMax" | "valuesMax" | "endless"> = {},
  ): Mount<Admission> =>
    mount<S, Admission>(service, protect(service, handlers, operations) as unknown as Handlers<S, Admission>, {
      ...options,
      ...more,
    });
  return [
    mountNative(UserService, userHandlers(operations), {
      bodyBytesMax: { importUsers: IMPORT_BODY_BYTES_MAX },
      valuesMax: { importUsers: IMPORT_VALUES_MAX },
    }),
    mountNative(SignInService, signInHandlers(operations)),
    mountNative(SessionService, sessionHandlers(operations)),
    mountNative(PolicyService, policyHandlers(operations)),
    mountNative(
      EventService,
      eventHandlers(operations, { store, places: streams.watch, recheck: operations.recheck }),
      { endless: ["watchEvents"] },
    ),
    mountNative(HistoryService, historyHandlers(historyOperations({ store, ...operations, streams }))),
    mountNative(OrganizationService, organizationHandlers(operations)),
    mountNative(ApiKeyService, apiKeyHandlers(keyOperations({ store, newId: operations.newId }))),
    mountNative(AdminService, adminHandlers(instanceOperations({ store, keyCache }), log)),
    healthMount(health, anyone),
    ...reflectionMounts(reflection, anyoneCounted, chargeStranger(gate)),
  ] as Mount<Admission | undefined>[];
}

/** Charges an address for the bytes that it reads without a credential. */
export function chargeStranger(gate: Pick<RequestGate, "charge">): ChargeStranger {
  return (remoteAddress, bytes) => toRefused(gate.charge(remoteAddress, bytes));
}

/** Refuses requests that match no method by the rate of their address. */
export function refuseStranger(gate: Pick<RequestGate, "count">): RefuseUnmatched {
  return (remoteAddress) => toRefused(gate.count(remoteAddress));
}

function toRefused(refusal: Soon<Refusal | undefined>): ReturnType<RefuseUnmatched> {
  const toError = (each: Refusal | undefined): ConnectError | undefined => each && toConnectError(each);
  return refusal instanceof Promise ? refusal.then(toError) : toError(refusal);
}

function throwRefusal(refusal: Refusal | undefined): undefined {
  if (refusal !== undefined) throw toConnectError(refusal);
}

/** Throws the refusal as an RPC error. */
function admissionOf(result: AdmissionResult): Admission {
  if (result.ok) return result.admission;
  const error = toConnectError(result.refusal);
  if (result.actor !== undefined) noteRefusedActor(error, result.actor);
  throw error;
}
