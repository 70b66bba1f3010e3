/** Wires what serves calls in one thread: the callers, the operations, the mounts and the transport. */

import type { Socket } from "node:net";
import type { Admission } from "../../auth/admission.ts";
import { ApiKeyCache } from "../../auth/api-key-cache.ts";
import type { CallerCounts } from "../../auth/caller-counts.ts";
import type { IssuerConfig } from "../../auth/oidc-config.ts";
import { RequestGate } from "../../auth/request-gate.ts";
import type { Config } from "../../config.ts";
import type { Dialect } from "../../dialect/dialects.ts";
import type { Log } from "../../observability/log.ts";
import type { Metrics } from "../../observability/metrics.ts";
import type { Exposition } from "../../observability/metrics-listener.ts";
import type { Traces } from "../../observability/traces.ts";
import { ListLanes, type ListPlaces } from "../../service/list-lanes.ts";
import type { AttemptQueue } from "../../service/operations/attempt-waiters.ts";
import { createOperations, type Operations } from "../../service/operations/operations.ts";
import type { StreamPlacesByKind } from "../../service/stream-places.ts";
import { describeFault } from "../../service/transport-faults.ts";
import type { Store } from "../../store/store.ts";
import { Health, healthHttpMounts } from "../../transport/builtin/health.ts";
import type { TlsOptions } from "../../transport/listen/listener.ts";
import type { HttpMount, LateMounts, Mounts } from "../../transport/mount.ts";
import { createTransport, type Transport } from "../../transport/transport.ts";
import { describe } from "../describe.ts";
import { openTokens } from "../issuers.ts";
import { metricsMount } from "../metrics-endpoints.ts";
import type { Strangers } from "../pages/public-page.ts";
import { referenceMounts } from "../pages/reference.ts";
import { reportFinished } from "./finished-call.ts";
import { chargeStranger, createReflection, mounts, refuseStranger } from "./mounts.ts";

export interface ServingParts {
  readonly config: Config;
  readonly enabled: readonly Dialect[];
  readonly issuers: readonly IssuerConfig[];
  /** Absent: the port serves cleartext. */
  readonly tls?: TlsOptions;
  readonly connectionsMax: number;
  readonly store: Store;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly newId: () => string;
  readonly metrics: Metrics;
  /** Absent: that of `metrics`. */
  readonly exposition?: Exposition;
  /** Absent: this thread counts by address and by caller, orders attempts and gives lists their places. */
  readonly counts?: CallerCounts;
  readonly attempts?: AttemptQueue;
  readonly lists?: ListPlaces;
  readonly streams: StreamPlacesByKind;
  /** Called for each admitted call with its connection. */
  readonly onAdmitted?: (socket: Socket) => void;
  readonly log: Log;
  readonly traces: Traces | undefined;
  readonly onTrouble: (error: unknown) => void;
}

/** What serves calls. It does not listen yet. */
export interface Serving {
  readonly transport: Transport;
  readonly isServing: () => boolean;
  /** Writes what the cache of keys still holds; call it when the transport has stopped, before the store closes. */
  close(): Promise<void>;
}

/** Loads the keys and mounts the services. Rejects with the store's error. */
export async function createServing(parts: ServingParts): Promise<Serving> {
  const { config, store, clock, log, onTrouble } = parts;
  const keyCache = await ApiKeyCache.open({ store, clock, onTrouble });
  const tokens = await openTokens(parts.issuers, { clock, log });
  const { rateLimitAddress: addressRate, rateLimitCaller: callerRate } = config;
  const gate = new RequestGate({ keyCache, tokens, clock, addressRate, callerRate, counts: parts.counts });
  const health = new Health();
  const strangers = { refuse: refuseStranger(gate), charge: chargeStranger(gate) };
  // Loaded only if it is served.
  const pages = config.console ? (await import("../pages/console.ts")).consoleMounts(parts.issuers, strangers) : [];
  return {
    transport: mountAll(parts, { keyCache, gate, health, strangers, pages }),
    isServing: () => health.isServing("") === true,
    async close() {
      keyCache.close();
      await keyCache.flush().catch(onTrouble);
    },
  };
}

interface Callers {
  readonly keyCache: ApiKeyCache;
  readonly gate: RequestGate;
  readonly health: Health;
  readonly strangers: Strangers;
  /** Those of the console. */
  readonly pages: readonly HttpMount<never>[];
}

function mountAll(parts: ServingParts, { keyCache, gate, health, strangers, pages }: Callers): Transport {
  const { config, enabled, tls, connectionsMax, store, newId, streams, metrics, log, traces } = parts;
  const reflection = createReflection();
  const { attempts, lists = new ListLanes(), exposition = metrics, onAdmitted } = parts;
  const operations = createOperations({ store, gate, newId, lists, attempts });
  const native = mounts({ operations, store, keyCache, gate, health, reflection, streams, log });
  return createTransport<Admission | undefined>({
    mounts: native,
    httpMounts: [
      ...healthHttpMounts(health),
      metricsMount(exposition, gate),
      // Both serve `/`: the first of two mounts with one prefix does.
      ...pages,
      ...(config.docs ? referenceMounts(native, strangers) : []),
    ],
    lateMounts: lateMounts(enabled, operations),
    limits: { connectionsMax, resets: config.rateLimitResets },
    ...(tls && { tls }),
    ...transportSettings(config),
    corsHeaders: enabled.flatMap(({ corsHeaders }) => corsHeaders),
    refuseUnmatched: strangers.refuse,
    onAdmitted,
    newCallId: newId,
    traces,
    health,
    reflection,
    finished: reportFinished(log, metrics),
    describeError: describeFault,
    logInternal: (error, callId) => log.write("error", "internal error", { callId, cause: describe(error) }),
  });
}

/** The settings that the transport takes as they are. */
function transportSettings(config: Config) {
  const { trustedProxies: trusted, trustedProxyHeader: header, corsOrigins, fastPath } = config;
  return { proxies: { trusted, header }, corsOrigins, fastPath };
}

function lateMounts(enabled: readonly Dialect[], operations: Operations): LateMounts<Admission | undefined>[] {
  return enabled.map(({ owns, load }) => ({
    owns,
    load: async () => (await load(operations)) as Mounts<Admission | undefined>,
  }));
}
