/** The wiring: opens the store, mounts the services on the transport and listens. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { looksLikeToken } from "../auth/request-gate.ts";
import { type Config, ConfigError } from "../config.ts";
import type { Log } from "../observability/log.ts";
import { Metrics } from "../observability/metrics.ts";
import type { MetricsListener } from "../observability/metrics-listener.ts";
import type { Traces } from "../observability/traces.ts";
import { createStreamPlaces } from "../service/stream-places.ts";
import { type DatabaseAddress, describeDatabase, openOffline, openStore } from "../store/open-store.ts";
import { storeMetrics } from "../store/stats.ts";
import type { OpenedStore, StoreOptions } from "../store/store.ts";
import type { SteadyClock } from "../store/upkeep/steady-clock.ts";
import { readVersion } from "../version.ts";
import { watchClock } from "./clock-watch.ts";
import { describe } from "./describe.ts";
import { type Prepared, prepareFirstStart } from "./first-start.ts";
import { readIssuers } from "./issuers.ts";
import { InstanceKeys } from "./keys/instance-keys.ts";
import { assertPortOfItsOwn, openMetricsListener } from "./metrics-endpoints.ts";
import { connectionsMaxHere } from "./open-files.ts";
import { watchStore } from "./readiness.ts";
import { createServing, type Serving, type ServingParts } from "./serving/serving.ts";
import { enabledDialects, withTls } from "./settings.ts";
import { portFault } from "./start-report.ts";
import type { ThreadedTransport } from "./threads/serving-threads.ts";

const SWEEP_INTERVAL_MS = 1000;

/** The clocks, ids and sinks that a service runs with; tests pass their own. */
export interface ServiceEnvironment {
  /** Milliseconds since the epoch; may jump. */
  readonly clock: () => number;
  /** Milliseconds since any instant, see SteadyClock; serving threads read `monotonicTime`, and need the same here. */
  readonly monotonic: () => number;
  readonly newId: () => string;
  readonly log: Log;
  /** Absent: calls are not traced. The caller that opened them closes them, after the service has stopped. */
  readonly traces?: Traces | undefined;
  /**
   * Called when the service cannot go on: its threads end again and again. Absent: the last calls fail, and nothing else
   * happens.
   */
  readonly giveUp?: (why: string) => void;
  /** Called with the key that a first start creates, as soon as it is on disk; the port is open by then. */
  readonly adminKeyMade: (secret: string) => void;
}

/** A running service. */
export interface Service {
  readonly url: string;
  /** Where the database is, for people. */
  readonly database: string;
  /** The address of the separate port of the metrics; `undefined` without one. */
  readonly metricsUrl: string | undefined;
  /** Of the database. */
  readonly generation: number;
  /** The newest migration of the database. */
  readonly schemaVersion: string;
  /** Whether this start created the database, or found an empty one. */
  readonly isNew: boolean;
  /** Resolves when every dialect is loaded; rejects when one cannot be. */
  readonly loaded: Promise<void>;
  /**
   * Reloads the certificate. Returns false if the port serves cleartext. Throws when the certificate is not usable; then
   * the previous one stays in use.
   */
  renewTls(): boolean;
  stop(): Promise<void>;
}

/** Opens the store, mounts the services and listens. */
export async function serve(config: Config, environment: ServiceEnvironment): Promise<Service> {
  const { log, traces, newId } = environment;
  const enabled = enabledDialects(config);
  // Before the database is opened: a mistyped setting must be reported before anything is created.
  const tls = withTls(config);
  assertPortOfItsOwn(config);
  const metrics = new Metrics({ version: readVersion() });
  const steady = watchClock({ ...environment, metrics });
  const clock = steady.now;
  const onTrouble = (error: unknown): void => {
    metrics.trouble();
    log.write("error", "store trouble", { cause: describe(error) });
  };
  const issuers = readIssuers(config);
  if (issuers.length > 0 && looksLikeToken(config.adminKey ?? "")) {
    throw new ConfigError(
      "LOCKKEEPER_ADMIN_KEY: the value looks like a token (eyJ….…), and with --oidc-issuers only the issuers decide about tokens; set another one",
    );
  }
  const database = databaseOf(config);
  const place = await describeDatabase(database).catch((error: Error) => {
    throw new ConfigError(`--database, LOCKKEEPER_DATABASE: ${error.message}`);
  });
  if (!config.createDatabase) await assertDatabase(database);
  const onNotice = (sentence: string): void => log.write("info", sentence);
  const keys = new InstanceKeys({ config, onNotice, onTrouble });
  const store = await openStore(database, {
    openSigner: keys.open,
    clock,
    // A clock of the caller's own decides by itself.
    usesDatabaseClock: environment.clock === Date.now,
    whenSteady: steady.whenSteady,
    allowClockBehind: config.allowClockBehind,
    takesBackMoved: config.force,
    limits: limitsOf(config),
    sweepIntervalMs: SWEEP_INTERVAL_MS,
    onTrouble,
    onWarning: (sentence) => log.write("warn", sentence),
    onBatch: (batch) => metrics.batch(batch),
    onCommit: (durationMs) => metrics.commit(durationMs),
    traces,
  });
  try {
    const connectionsMax = connectionsMaxHere(log);
    const { watchStreams: streamsMax, watchStreamsCaller: streamsOfCallerMax } = config;
    const streams = createStreamPlaces({ streamsMax, streamsOfCallerMax });
    const own = { config, enabled, issuers, ...tls, connectionsMax, streams };
    const serving = await startServing(
      { ...own, store, clock, newId, metrics, log, traces, onTrouble },
      steady,
      environment,
    );
    return await serveStore(config, environment, { store, steady, serving, streams, metrics, place });
  } catch (error) {
    // Otherwise its files would later be taken for a database.
    await store.close({ discards: true });
    keys.discard();
    throw error;
  }
}

/** Returns the limits of the store that are settings. */
function limitsOf(config: Config): NonNullable<StoreOptions["limits"]> {
  const { backupBytesPerSecond, backupLogBytesMax, attemptKeptMs, sessionKeptMs, deletedKeptMs } = config;
  return { backupBytesPerSecond, backupLogBytesMax, attemptKeptMs, sessionKeptMs, deletedKeptMs };
}

/** Returns the database with the settings that its engine has. */
function databaseOf({ database, databasePrepare, databaseConnections }: Config): DatabaseAddress {
  if (database.engine === "sqlite") return database;
  return { ...database, prepare: databasePrepare, connections: databaseConnections };
}

/** Throws ConfigError if the start would create a database. */
async function assertDatabase(database: DatabaseAddress): Promise<void> {
  const isMissing = database.engine === "sqlite" && !existsSync(database.path);
  if (!isMissing && !(await (await openOffline(database)).isEmpty())) return;
  const place = database.engine === "sqlite" ? resolve(database.path) : await describeDatabase(database);
  const what = database.engine === "sqlite" ? "file" : "database";
  const fact = isMissing ? `there is no database ${place}` : `the ${what} ${place} is empty`;
  throw new ConfigError(`--database: ${fact}, and --create-database is false`);
}

/** What serves calls: in this thread, or in threads of its own. */
type Serves = Omit<Serving, "transport"> & { readonly transport: ThreadedTransport };

async function startServing(parts: ServingParts, steady: SteadyClock, { giveUp }: ServiceEnvironment): Promise<Serves> {
  if (parts.config.threads === 1) return await createServing(parts);
  // Loaded only when asked for.
  const { startThreads } = await import("./threads/start-threads.ts");
  return await startThreads(parts, steady.memory, giveUp);
}

interface Opened {
  readonly store: OpenedStore;
  readonly steady: SteadyClock;
  readonly serving: Serves;
  readonly streams: ReturnType<typeof createStreamPlaces>;
  readonly metrics: Metrics;
  readonly place: string;
}

async function serveStore(
  config: Config,
  { newId, log, adminKeyMade }: ServiceEnvironment,
  { store, steady, serving, streams, metrics, place }: Opened,
): Promise<Service> {
  const { transport } = serving;
  metrics.watch({
    store: storeMetrics(() => store.stats()),
    load: () => transport.load,
    streams: () => Object.entries(streams).map(([kind, { open }]) => [kind, open]),
    serving: serving.isServing,
  });
  const { url, metricsListener, prepared } = await openPorts(config, { transport, metrics, log }, () =>
    prepareFirstStart({ store, newId, adminKey: config.adminKey }),
  );
  reportPrepared(prepared, { log, adminKeyMade });
  let [loaded, fault]: [boolean, string | undefined] = [config.dialects.length === 0, undefined];
  const report = (): void => transport.setServing("", loaded && fault === undefined, fault);
  report();
  const watch = watchStore(store, config, (found) => {
    // How far the clock is behind changes all the time; it is logged once.
    if (found === undefined) log.write("info", "ready again");
    else if (fault === undefined) log.write("error", "not ready", { cause: found });
    fault = found;
    report();
  });
  transport.loaded.then(
    () => {
      loaded = true;
      report();
    },
    (error: unknown) => log.write("error", "a dialect cannot be served", { cause: describe(error) }),
  );
  return {
    url,
    database: place,
    metricsUrl: metricsListener?.url,
    generation: store.generation,
    schemaVersion: store.schemaVersion,
    isNew: prepared.isNew,
    loaded: transport.loaded,
    renewTls() {
      const { tls } = withTls(config);
      if (tls !== undefined) transport.renewTls(tls);
      return tls !== undefined;
    },
    async stop() {
      await transport.stop({ drainMs: config.stopDrainMs, graceMs: config.stopGraceMs });
      // The store and the clock are watched as long as calls are accepted.
      clearInterval(watch);
      steady.close();
      await metricsListener?.close();
      await serving.close();
      await store.close();
    },
  };
}

function reportPrepared(
  { adminKey, warning }: Prepared,
  { log, adminKeyMade }: Pick<ServiceEnvironment, "log" | "adminKeyMade">,
): void {
  if (adminKey !== undefined) adminKeyMade(adminKey);
  if (warning !== undefined) log.write("warn", warning);
}

interface Listening {
  readonly transport: Pick<ThreadedTransport, "listen" | "stop">;
  readonly metrics: Metrics;
  readonly log: Log;
}

/**
 * Listens, and creates what a first start needs after the port is open: the key is shown once, and a start that fails
 * must not use that up. Leaves nothing open when it throws.
 */
async function openPorts(
  config: Config,
  { transport, metrics, log }: Listening,
  prepare: () => Promise<Prepared>,
): Promise<{
  readonly url: string;
  readonly metricsListener: MetricsListener | undefined;
  readonly prepared: Prepared;
}> {
  const onScrapeTrouble = (error: unknown): void => log.write("error", "scrape failed", { cause: describe(error) });
  const metricsListener = await openMetricsListener(config, metrics, onScrapeTrouble);
  try {
    const { url } = await transport.listen(config.listen).catch((error: unknown) => {
      throw new Error(portFault(error, "--listen, LOCKKEEPER_LISTEN", config.listen), { cause: error });
    });
    try {
      return { url, metricsListener, prepared: await prepare() };
    } catch (error) {
      await transport.stop({ graceMs: 0 });
      throw error;
    }
  } catch (error) {
    await metricsListener?.close();
    throw error;
  }
}
