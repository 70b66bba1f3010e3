/** Serves the metrics: on the main port with a permission, and on a separate port without a credential. */
import { createRegistry } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { file_google_rpc_error_details } from "../../gen/google/rpc/error_details_pb.ts";
import { permissionMissing, scopeExceeded } from "../auth/actor.ts";
import type { Admission } from "../auth/admission.ts";
import type { Permission } from "../auth/permissions.ts";
import type { RequestGate } from "../auth/request-gate.ts";
import { type Config, ConfigError } from "../config.ts";
import type { Metrics } from "../observability/metrics.ts";
import {
  type Exposition,
  listenForMetrics,
  METRICS_PATH,
  type MetricsListener,
  readMetrics,
} from "../observability/metrics-listener.ts";
import { toConnectError } from "../service/errors.ts";
import { describeFault } from "../service/transport-faults.ts";
import { encodeStatusError } from "../transcoding/error.ts";
import { methodNotAllowed, pathNotFound } from "../transcoding/rest-error.ts";
import { type HttpAnswer, type HttpMount, mountHttp } from "../transport/mount.ts";
import { portFault } from "./start-report.ts";

const PERMISSION: Permission = "metrics.read";
/** Addresses that include all others. */
const ANY_HOST: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);
const registry = createRegistry(file_google_rpc_error_details);

/** `GET /metrics` of the main port. */
export function metricsMount(metrics: Exposition, gate: RequestGate): HttpMount<Admission | undefined> {
  return mountHttp(METRICS_PATH, async ({ id, method, path, header, remoteAddress, addToRecord }) => {
    const authentication = await gate.authenticate(header.get("authorization"), remoteAddress);
    addToRecord({ operation: "metrics" });
    const refuse = (error: ConnectError): HttpAnswer => {
      describeFault(error, { method: undefined, callId: id });
      addToRecord({ error });
      return encodeStatusError(error, { registry });
    };
    if (!authentication.ok) return refuse(toConnectError(authentication.refusal));
    const { actor } = authentication;
    addToRecord({ admission: { actor } });
    if (!actor.permissions.has(PERMISSION)) {
      return refuse(toConnectError(permissionMissing("reading the metrics", [PERMISSION])));
    }
    if (actor.scope !== null) {
      return refuse(toConnectError(scopeExceeded("the metrics cover the whole instance", actor.scope)));
    }
    if (path !== METRICS_PATH) return refuse(pathNotFound(path, [METRICS_PATH]));
    if (method !== "GET" && method !== "HEAD") return refuse(methodNotAllowed(["GET", "HEAD"], path));
    return readMetrics(metrics);
  });
}

/** Throws ConfigError when the port of the metrics is the main one. */
export function assertPortOfItsOwn({ listen, metricsListen }: Config): void {
  if (metricsListen === undefined || metricsListen.port === 0 || metricsListen.port !== listen.port) return;
  if (metricsListen.host !== listen.host && !ANY_HOST.has(metricsListen.host) && !ANY_HOST.has(listen.host)) return;
  throw new ConfigError(
    `--metrics-listen, LOCKKEEPER_METRICS_LISTEN: port ${metricsListen.port} is the main port (--listen); choose another one, because the metrics port needs no credential`,
  );
}

/** Returns the listener of the separate port; `undefined` without the setting. Throws ConfigError when it cannot listen there. */
export async function openMetricsListener(
  { metricsListen }: Config,
  metrics: Metrics,
  onTrouble: (error: unknown) => void,
): Promise<MetricsListener | undefined> {
  if (metricsListen === undefined) return undefined;
  try {
    return await listenForMetrics(metrics, metricsListen, onTrouble);
  } catch (error) {
    throw new ConfigError(portFault(error, "--metrics-listen, LOCKKEEPER_METRICS_LISTEN", metricsListen));
  }
}
