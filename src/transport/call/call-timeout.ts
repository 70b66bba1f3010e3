/** Reads the timeout headers of gRPC and Connect, and reduces timeouts to the longest that is allowed. */
import type { DescMethod } from "@bufbuild/protobuf";
import { parseConnectTimeoutMs, parseGrpcTimeoutMs } from "../../transcoding/deadline.ts";
import type { TransportLimits } from "../limits.ts";
import type { Wire } from "../mount.ts";
import { timeoutMsMax, toDeadlineTime } from "./transport-context.ts";

/**
 * Returns the deadline in milliseconds since the epoch; undefined where the headers name none. A malformed timeout is
 * left to Connect, which refuses it. A longer timeout than allowed is replaced in `header`, because Connect would
 * refuse it, too.
 */
export function clampTimeout(
  header: Headers,
  wire: Wire,
  method: DescMethod,
  limits: TransportLimits,
): number | undefined {
  const isConnect = wire === "connect";
  const name = isConnect ? "connect-timeout-ms" : "grpc-timeout";
  const text = header.get(name);
  const timeoutMs = text === null ? undefined : readTimeout(text, wire);
  if (timeoutMs === undefined) return undefined;
  const maxMs = timeoutMsMax(method, limits);
  if (timeoutMs > maxMs) header.set(name, isConnect ? String(maxMs) : formatGrpcTimeout(maxMs));
  return toDeadlineTime(Math.min(timeoutMs, maxMs));
}

/** Returns the milliseconds in a timeout header of the protocol; undefined if it is malformed. */
export function readTimeout(text: string, wire: Wire): number | undefined {
  return wire === "connect" ? parseConnectTimeoutMs(text) : parseGrpcTimeoutMs(text);
}

/** Returns at most eight digits: whole seconds where milliseconds would need more. */
function formatGrpcTimeout(timeoutMs: number): string {
  return timeoutMs < 1e8 ? `${Math.floor(timeoutMs)}m` : `${Math.floor(timeoutMs / 1_000)}S`;
}
