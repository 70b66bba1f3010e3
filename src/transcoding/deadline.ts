/** Reads the timeout of a REST call from `Connect-Timeout-Ms` and `Grpc-Timeout`. */
import { badRequest, quote } from "./bad-request.ts";

const CONNECT_TIMEOUT = /^\d{1,10}$/;
const GRPC_TIMEOUT = /^(\d{1,8})([HMSmun])$/;

const GRPC_UNIT_NS: ReadonlyMap<string, number> = new Map([
  ["H", 3_600_000_000_000],
  ["M", 60_000_000_000],
  ["S", 1_000_000_000],
  ["m", 1_000_000],
  ["u", 1_000],
  ["n", 1],
]);

/**
 * Returns the timeout in milliseconds, rounded up and at most `maxMs`, as in every protocol; undefined if neither
 * header is sent. If both are, both must be well formed and the shorter one counts: its sender waits no longer.
 * Throws for a malformed header.
 */
export function parseDeadlineMs(
  getHeader: (name: string) => string | null | undefined,
  maxMs: number,
): number | undefined {
  const connect = getHeader("connect-timeout-ms") ?? undefined;
  const grpc = getHeader("grpc-timeout") ?? undefined;
  if (connect === undefined && grpc === undefined) return undefined;
  let timeoutMs = maxMs;
  if (connect !== undefined) {
    const allowed = "1 to 10 decimal digits (milliseconds)";
    timeoutMs = Math.min(timeoutMs, parseConnectTimeoutMs(connect) ?? refuse("Connect-Timeout-Ms", connect, allowed));
  }
  if (grpc !== undefined) {
    const allowed = "1 to 8 decimal digits and a unit (H, M, S, m, u or n)";
    timeoutMs = Math.min(timeoutMs, parseGrpcTimeoutMs(grpc) ?? refuse("Grpc-Timeout", grpc, allowed));
  }
  return timeoutMs;
}

/** Parses `Connect-Timeout-Ms`; undefined if it is malformed. */
export function parseConnectTimeoutMs(text: string): number | undefined {
  return CONNECT_TIMEOUT.test(text) ? Number(text) : undefined;
}

/** Parses `Grpc-Timeout` in milliseconds, rounded up; undefined if it is malformed. */
export function parseGrpcTimeoutMs(text: string): number | undefined {
  const [, digits, unit] = GRPC_TIMEOUT.exec(text) ?? [];
  const unitNs = GRPC_UNIT_NS.get(unit ?? "");
  return unitNs === undefined ? undefined : Math.ceil((Number(digits) * unitNs) / 1_000_000);
}

function refuse(name: string, text: string, allowed: string): never {
  throw badRequest(name, `the header ${name} must be ${allowed}; received ${quote(text)}`);
}
