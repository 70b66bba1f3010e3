/** Reads the timeout headers of gRPC and Connect. */
import type { DescMethod } from "@bufbuild/protobuf";
import { parseConnectTimeoutMs, parseGrpcTimeoutMs } from "../../transcoding/deadline.ts";
import type { TransportLimits } from "../limits.ts";
import type { Wire } from "../mount.ts";

/** The longest delay of a timer; Node fires longer ones at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** Returns the longest timeout of a method: only unary calls have a limit. */
export function timeoutMsMax(method: DescMethod, limits: TransportLimits): number {
  return method.methodKind === "unary" ? limits.deadlineMsMax : TIMER_MS_MAX;
}

/** Returns the name of the header in which a wire names a timeout. */
export function timeoutHeaderOf(wire: Wire): string {
  return wire === "connect" ? "connect-timeout-ms" : "grpc-timeout";
}

/** Returns the milliseconds in a timeout header of the wire; undefined if it is malformed. */
export function readTimeout(text: string, wire: Wire): number | undefined {
  return wire === "connect" ? parseConnectTimeoutMs(text) : parseGrpcTimeoutMs(text);
}
