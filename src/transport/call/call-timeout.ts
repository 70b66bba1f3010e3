/** The timeout headers of gRPC and Connect: read for the deadline of a call, and clamped to what it may be. */
import type { DescMethod } from "@bufbuild/protobuf";
import type { TransportLimits } from "../limits.ts";
import type { Wire } from "../mount.ts";
import { timeoutMsMax, toDeadlineTime } from "./transport-context.ts";

const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };

/**
 * The deadline the headers ask for, if they ask for one that can be read; what cannot be read is left to Connect, which
 * refuses it. A longer timeout than allowed is replaced in `header`, because Connect would refuse that too.
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
  if (text === null) return undefined;
  const timeoutMs = isConnect ? parseConnectTimeout(text) : parseGrpcTimeout(text);
  if (timeoutMs === undefined) return undefined;
  const maxMs = timeoutMsMax(method, limits);
  if (timeoutMs > maxMs) header.set(name, isConnect ? String(maxMs) : formatGrpcTimeout(maxMs));
  return toDeadlineTime(Math.min(timeoutMs, maxMs));
}

function parseConnectTimeout(text: string): number | undefined {
  return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

function parseGrpcTimeout(text: string): number | undefined {
  const match = /^(\d{1,8})([HMSmun])$/.exec(text);
  return match === null ? undefined : Number(match[1]) * (UNIT_MS[match[2] as string] as number);
}

/** At most eight digits: whole seconds where milliseconds need more. */
function formatGrpcTimeout(timeoutMs: number): string {
  return timeoutMs < 1e8 ? `${Math.floor(timeoutMs)}m` : `${Math.floor(timeoutMs / 1_000)}S`;
}
