/** The log line of a finished call: never a secret, never a personal field. */
import type { DescMethod, Message } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import type { Actor } from "../auth/actor.ts";
import type { Admission } from "../auth/admission.ts";
import { codeOf, REASONS, type Reason, RefusalError } from "../domain/refusal.ts";
import type { EntryLevel, LogFields } from "../observability/log.ts";
import { rpcNameOf } from "./rpc-name.ts";

/** The parts of the transport's record that are logged. */
export interface FinishedCall {
  readonly id: string;
  readonly wire: string;
  readonly method: DescMethod | undefined;
  readonly operation?: string | undefined;
  readonly userId?: string | undefined;
  readonly path: string;
  readonly code: Code | "ok";
  readonly error: ConnectError | undefined;
  readonly admission: Admission | undefined;
  readonly request: Message | undefined;
  readonly remoteAddress: string;
  readonly durationMs: number;
  readonly httpStatus: number;
  /** Absent if calls are not traced. */
  readonly trace?: { readonly traceId: string; readonly spanId: string } | undefined;
}

/** The duration and the fields with few distinct values, for metrics and traces. */
export interface NamedCall {
  /** Absent if no method has this path. */
  readonly rpc: string | undefined;
  readonly wire: string;
  readonly code: string;
  readonly reason: string | undefined;
  readonly durationMs: number;
}

/** Actors that were refused before admission, by the error of the refusal. */
const refusedActors = new WeakMap<ConnectError, Actor>();

/** Records for the log which actor an error refused before admission. */
export function noteRefusedActor(error: ConnectError, actor: Actor): void {
  refusedActors.set(error, actor);
}

const LOGGED_CHARS_MAX = 200;

/**
 * Returns a log line: call id, actor, RPC, user id, code, wire, milliseconds; trace and span ids as in OpenTelemetry.
 */
export function callFields(call: FinishedCall): {
  readonly level: EntryLevel;
  readonly message: string;
  readonly fields: LogFields;
  readonly named: NamedCall;
} {
  const { method } = call;
  const rpc = method === undefined ? call.operation : rpcNameOf(method);
  const code = call.code === "ok" ? "OK" : codeName(call.code);
  const reason = call.error && reasonOf(call.error);
  return {
    named: { rpc, wire: call.wire, code, reason, durationMs: call.durationMs },
    level: FAULTS.includes(call.code) && !isCallersFault(reason) ? "warn" : "info",
    message: "call",
    fields: {
      callId: call.id,
      actor: (call.admission?.actor ?? (call.error && refusedActors.get(call.error)))?.id,
      rpc,
      // The path of an unknown RPC may be anything, even a pasted secret: only its length is logged.
      pathChars: rpc === undefined ? call.path.length : undefined,
      userId: userIdOf(call),
      code,
      reason,
      wire: call.wire,
      status: call.httpStatus,
      address: call.remoteAddress,
      ms: Math.round(call.durationMs * 1000) / 1000,
      trace_id: call.trace?.traceId,
      span_id: call.trace?.spanId,
    },
  };
}

/** The codes of the service's own failures. */
const FAULTS: readonly (Code | "ok")[] = [Code.Internal, Code.DataLoss, Code.Unknown];

/** gRPC also uses INTERNAL for some requests that cannot be decoded. */
function isCallersFault(reason: string | undefined): boolean {
  return reason !== undefined && Object.hasOwn(REASONS, reason) && codeOf(reason as Reason) === "INVALID_ARGUMENT";
}

/** A dialect's error has our refusal as its cause. */
function reasonOf(error: ConnectError): string | undefined {
  const { cause } = error;
  return (
    error.findDetails(ErrorInfoSchema)[0]?.reason ?? (cause instanceof RefusalError ? cause.refusal.reason : undefined)
  );
}

/** Returns the field that names the user: `user_id`, or `id` in a dialect's message. */
function userIdOf({ userId, request }: FinishedCall): string | undefined {
  const named: unknown =
    userId ?? (request as { userId?: unknown } | undefined)?.userId ?? (request as { id?: unknown } | undefined)?.id;
  return typeof named === "string" && named !== "" ? named.slice(0, LOGGED_CHARS_MAX) : undefined;
}

/** Returns `NOT_FOUND` for Code.NotFound. */
function codeName(code: Code): string {
  return Code[code].replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}
