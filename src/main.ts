/** The entry: parses the command line and wires the rest; the only file that may import everything. */
import { randomUUIDv7 } from "node:crypto";
import { createRegistry, type DescService } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { file_google_rpc_error_details } from "../gen/google/rpc/error_details_pb.ts";
import { Health as HealthService } from "../gen/grpc/health/v1/health_pb.ts";
import { ApiKeyService } from "../gen/lockkeeper/apikey/v1/api_key_service_pb.ts";
import { OrganizationService } from "../gen/lockkeeper/organization/v1/organization_service_pb.ts";
import { PolicyService } from "../gen/lockkeeper/policy/v1/policy_service_pb.ts";
import { SessionService } from "../gen/lockkeeper/session/v1/session_service_pb.ts";
import { SignInService } from "../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import { UserService } from "../gen/lockkeeper/user/v1/user_service_pb.ts";
import { type Admission, admit } from "./auth/admission.ts";
import { Badge } from "./auth/badge.ts";
import { createSecret, hashSecret, isWellFormedSecret, looksLikeSecret } from "./auth/secret.ts";
import { type Config, ConfigError, helpText, readConfig } from "./config.ts";
import type { Dialect } from "./dialect/dialects.ts";
import * as dialects from "./dialect/dialects.ts";
import { isLastingOwner, OWNER_ROLE } from "./domain/api-key.ts";
import type { CommandContext } from "./domain/command.ts";
import { SYSTEM_ACTOR } from "./domain/event.ts";
import { DEFAULT_ORGANIZATION_ID } from "./domain/organization.ts";
import { codeOf } from "./domain/refusal.ts";
import { createLog, type Log } from "./observability/log.ts";
import { apiKeyHandlers, toKeyId } from "./service/api-key-service.ts";
import type { ServiceHandlers } from "./service/call.ts";
import { callFields, noteRefusedActor } from "./service/call-fields.ts";
import { toConnectError } from "./service/errors.ts";
import { createOperations, type OperationsOptions } from "./service/operations.ts";
import { organizationHandlers } from "./service/organization-service.ts";
import { policyHandlers } from "./service/policy-service.ts";
import { protect } from "./service/protect.ts";
import { sessionHandlers } from "./service/session-service.ts";
import { signInHandlers } from "./service/sign-in-service.ts";
import { describeFault } from "./service/transport-faults.ts";
import { userHandlers } from "./service/user-service.ts";
import { openSqliteStore } from "./store/sqlite/sqlite-store.ts";
import type { Store } from "./store/store.ts";
import { nativeRestPolicy } from "./transcoding/policy.ts";
import { Health, healthHttpMounts, healthMount } from "./transport/health.ts";
import { type Admit, type Handlers, type LateMounts, type Mount, type Mounts, mount } from "./transport/mount.ts";
import { reflectionMounts } from "./transport/reflection.ts";
import { createTransport } from "./transport/transport.ts";

/** An import of 1,000 users with attributes is larger than any other request. */
const IMPORT_BODY_BYTES_MAX = 4 * 1024 * 1024;
const SWEEP_INTERVAL_MS = 1000;
const CHECK_INTERVAL_MS = 1000;

/** What tests hand in. */
export interface Surroundings {
  readonly clock: () => number;
  readonly newId: () => string;
  readonly log: Log;
  /** Hears the key that a first start made, as soon as it is on disk. */
  readonly adminKeyMade: (secret: string) => void;
}

/** A service that runs. */
export interface Service {
  readonly url: string;
  stop(): Promise<void>;
}

/** Opens the store, mounts the services and listens. */
export async function serve(config: Config, surroundings: Surroundings): Promise<Service> {
  const { clock, log } = surroundings;
  const enabled = enabledDialects(config);
  const onTrouble = (error: unknown): void => log.write("error", "store trouble", { cause: describe(error) });
  const store = await openSqliteStore({
    path: config.database.path,
    clock,
    allowClockBehind: config.allowClockBehind,
    sweepIntervalMs: SWEEP_INTERVAL_MS,
    onTrouble,
  });
  try {
    const badge = await Badge.open({ store, clock, onTrouble });
    return await serveStore(config, surroundings, { store, badge, enabled, onTrouble });
  } catch (error) {
    await store.close();
    throw error;
  }
}

interface Opened {
  readonly store: Store;
  readonly badge: Badge;
  readonly enabled: readonly Dialect[];
  readonly onTrouble: (error: unknown) => void;
}

async function serveStore(
  config: Config,
  { newId, log, adminKeyMade }: Surroundings,
  { store, badge, enabled, onTrouble }: Opened,
): Promise<Service> {
  const madeAdminKey = await prepareFirstStart({ store, badge, newId, adminKey: config.adminKey });
  // Told at once: a start that fails from here on must not lose the only key there is.
  if (madeAdminKey !== undefined) adminKeyMade(madeAdminKey);
  const health = new Health();
  const transport = createTransport<Admission | undefined>({
    mounts: mounts({ store, badge, newId, health }),
    httpMounts: healthHttpMounts(health),
    lateMounts: lateMounts(enabled, { store, badge, newId }),
    corsOrigins: config.corsOrigins,
    corsHeaders: enabled.flatMap(({ corsHeaders }) => corsHeaders),
    newCallId: newId,
    health,
    finished: (record) => {
      const { level, message, fields } = callFields(record);
      log.write(level, message, fields);
    },
    describeError: describeFault,
    logInternal: (error, callId) => log.write("error", "internal error", { callId, cause: describe(error) }),
  });
  const { url } = await transport.listen(config.listen);
  let [loaded, answers] = [enabled.length === 0, true];
  const tell = (): void => transport.setServing("", loaded && answers);
  tell();
  const watch = watchStore(store, (serving) => {
    answers = serving;
    tell();
  });
  transport.loaded.then(
    () => {
      loaded = true;
      tell();
    },
    (error: unknown) => log.write("error", "a dialect cannot be served", { cause: describe(error) }),
  );
  return {
    url,
    async stop() {
      clearInterval(watch);
      await transport.stop({ graceMs: config.stopGraceMs });
      badge.close();
      await badge.flush().catch(onTrouble);
      await store.close();
    },
  };
}

/** The dialects that the settings name. Throws ConfigError for one that there is not. */
function enabledDialects({ dialects: names }: Config): readonly Dialect[] {
  const known: readonly Dialect[] = Object.values(dialects);
  return names.map((name) => {
    const found = known.find((dialect) => dialect.name === name);
    if (found !== undefined) return found;
    const served = known.map((dialect) => dialect.name).join(", ");
    throw new ConfigError(
      `--dialects, LOCKKEEPER_DIALECTS: ${JSON.stringify(name)} is not served; served are ${served}`,
    );
  });
}

function lateMounts(enabled: readonly Dialect[], parts: OperationsOptions): LateMounts<Admission | undefined>[] {
  const operations = createOperations(parts);
  return enabled.map(({ owns, load }) => ({
    owns,
    load: async () => (await load(operations)) as Mounts<Admission | undefined>,
  }));
}

interface MountParts {
  readonly store: Store;
  readonly badge: Badge;
  readonly newId: () => string;
  readonly health: Health;
}

function mounts({ store, badge, newId, health }: MountParts): Mount<Admission | undefined>[] {
  const services = [UserService, SignInService, SessionService, PolicyService, OrganizationService, ApiKeyService];
  const admitCaller: Admit<Admission> = ({ method, header, remoteAddress }) => {
    const rpc = `${method.parent.typeName}/${method.name}`;
    const result = admit(badge, rpc, header.get("authorization"), remoteAddress);
    if (result.ok) return result.admission;
    const error = toConnectError(result.refusal);
    if (result.actor !== undefined) noteRefusedActor(error, result.actor);
    throw error;
  };
  const registry = createRegistry(file_google_rpc_error_details, ...services.map((service) => service.file));
  const rest = nativeRestPolicy({ registry });
  const options = { admit: admitCaller, rest, unknownFields: "refuse" } as const;
  const anyone = (): undefined => undefined;
  const hang = <S extends DescService>(
    service: S,
    handlers: ServiceHandlers<S>,
    bodyBytesMax: Readonly<Record<string, number>> = {},
  ): Mount<Admission> =>
    mount<S, Admission>(service, protect(service, handlers) as unknown as Handlers<S, Admission>, {
      ...options,
      bodyBytesMax,
    });
  return [
    hang(UserService, userHandlers({ store, newId }), { importUsers: IMPORT_BODY_BYTES_MAX }),
    hang(SignInService, signInHandlers({ store, newId })),
    hang(SessionService, sessionHandlers({ store, newId })),
    hang(PolicyService, policyHandlers({ store })),
    hang(OrganizationService, organizationHandlers({ store, newId })),
    hang(ApiKeyService, apiKeyHandlers({ store, newId, badge })),
    healthMount(health, anyone),
    ...reflectionMounts([...services, HealthService], undefined, anyone),
  ] as Mount<Admission | undefined>[];
}

interface FirstStart {
  readonly store: Store;
  readonly badge: Badge;
  readonly newId: () => string;
  readonly adminKey: string | undefined;
}

/**
 * Sees that there is an organization `default` and an owner's key. Answers the key it made, if it made one. A start that
 * died half-way is finished by the next one.
 */
async function prepareFirstStart({ store, badge, newId, adminKey }: FirstStart): Promise<string | undefined> {
  const context: CommandContext = { actor: SYSTEM_ACTOR, via: "start", scope: null, validateOnly: false };
  if ((await store.readOrganization(DEFAULT_ORGANIZATION_ID)) === undefined) {
    const outcome = await store.execute({
      type: "CreateOrganization",
      organizationId: DEFAULT_ORGANIZATION_ID,
      displayName: "Default",
      context,
    });
    if (!outcome.ok) throw new Error(`first start: ${outcome.refusal.message}`);
  }
  const hasOwner = (await store.loadApiKeys()).some(isLastingOwner);
  const known = adminKey === undefined ? undefined : badge.keyOf(hashSecret(adminKey));
  if (known !== undefined && !isLastingOwner(known)) {
    throw new ConfigError("LOCKKEEPER_ADMIN_KEY: this is the key of something less than an owner; set another one");
  }
  if (adminKey === undefined ? hasOwner : known !== undefined) return undefined;
  const keyId = toKeyId(newId());
  const secret = adminKey ?? createSecret(keyId);
  if (looksLikeSecret(secret) && !isWellFormedSecret(secret)) {
    throw new ConfigError(
      "LOCKKEEPER_ADMIN_KEY: the value begins like a key of lockkeeper's but is damaged; copy it again",
    );
  }
  const outcome = await store.execute({
    type: "CreateApiKey",
    keyId,
    secretHash: hashSecret(secret),
    organizationId: null,
    displayName: adminKey === undefined ? "first start" : "LOCKKEEPER_ADMIN_KEY",
    role: OWNER_ROLE,
    permissions: [],
    expireTime: null,
    context,
  });
  if (!outcome.ok && adminKey !== undefined && codeOf(outcome.refusal.reason) === "INTERNAL") {
    throw new ConfigError("LOCKKEEPER_ADMIN_KEY: this key was revoked or has expired; set another one");
  }
  if (!outcome.ok) throw new Error(`first start: ${outcome.refusal.message}`);
  badge.hold(outcome.resource);
  return adminKey === undefined ? secret : undefined;
}

/** Tells whenever the store begins or ceases to answer. */
function watchStore(store: Store, tell: (serving: boolean) => void): NodeJS.Timeout {
  let serving = true;
  const note = (answers: boolean): void => {
    if (answers !== serving) tell(answers);
    serving = answers;
  };
  const timer = setInterval(() => {
    store.check().then(
      () => note(true),
      () => note(false),
    );
  }, CHECK_INTERVAL_MS);
  return timer.unref();
}

/** What went wrong, for the log: the whole chain of causes. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error instanceof ConnectError ? error.message : (error.stack ?? error.message);
  return error.cause === undefined ? own : `${own}\ncaused by: ${describe(error.cause)}`;
}

/** Three lines that can be pasted: create a user, lock it, unlock it. */
function firstMinute(url: string, key: string): string {
  const authorization = `-H 'Authorization: Bearer ${key}'`;
  return [
    "try it:",
    `  curl ${authorization} -H 'Content-Type: application/json' -d '{"userId":"alice"}' ${url}/v1/users`,
    `  curl ${authorization} -X POST ${url}/v1/users/alice:lock`,
    `  npx buf curl --http2-prior-knowledge --protocol grpc ${authorization} -d '{"userId":"alice"}' ${url}/lockkeeper.user.v1.UserService/UnlockUser`,
    "",
  ].join("\n");
}

async function main(args: readonly string[]): Promise<void> {
  const [command, ...rest] = args;
  if (command === "--help" || rest.includes("--help")) {
    process.stdout.write(helpText());
    return;
  }
  if (command !== "serve")
    throw new ConfigError(`${JSON.stringify(command ?? "")} is not a command; try: lockkeeper serve --help`);
  const config = readConfig(rest, process.env);
  const log = createLog({
    level: config.logLevel,
    format: config.logFormat,
    clock: Date.now,
    sink: (lines) => process.stderr.write(lines),
  });
  for (const stream of [process.stdout, process.stderr]) {
    // Whoever read the log is gone: lines are lost, the service is not.
    stream.on("error", () => undefined);
  }
  let madeAdminKey: string | undefined;
  const adminKeyMade = (secret: string): void => {
    madeAdminKey = secret;
    process.stdout.write(`admin key, shown this once: ${secret}\n`);
  };
  const service = await serve(config, { clock: Date.now, newId: randomUUIDv7, log, adminKeyMade });
  process.stdout.write(`listening on ${service.url}\n`);
  if (madeAdminKey !== undefined) process.stdout.write(firstMinute(service.url, madeAdminKey));
  let stopping = false;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      // A second signal is someone who does not want to wait.
      if (stopping) process.exit(1);
      stopping = true;
      log.write("info", "stopping", { signal });
      service.stop().then(
        () => {
          log.flush();
          process.exit(0);
        },
        (error: unknown) => {
          log.write("error", "stopping failed", { cause: describe(error) });
          process.exit(1);
        },
      );
    });
  }
}

/** A foreseen fault is one sentence; whatever else it is, it is shown whole. */
function startFailure(error: unknown): string {
  const foreseen = error instanceof ConfigError || (error instanceof Error && error.constructor === Error);
  return `lockkeeper: ${foreseen ? error.message : describe(error)}\n`;
}

if (import.meta.main) {
  main(process.argv.slice(2)).catch((error: unknown) => {
    process.stderr.write(startFailure(error));
    process.exit(error instanceof ConfigError ? 2 : 1);
  });
}
