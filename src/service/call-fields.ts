/** What the log says of a call that is over: never a secret, never a personal field. */
import type { DescMethod, Message } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import type { Actor } from "../auth/actor.ts";
import type { Admission } from "../auth/admission.ts";
import { codeOf, REASONS, type Reason, RefusalError } from "../domain/refusal.ts";
import type { EntryLevel, LogFields } from "../observability/log.ts";

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
  /** Absent where calls are not traced. */
  readonly trace?: { readonly traceId: string; readonly spanId: string } | undefined;
}

/** The parts that are of bounded number, for measurements and traces. */
export interface NamedCall {
  /** Absent where no method answers to the path. */
  readonly rpc: string | undefined;
  readonly wire: string;
  readonly code: string;
  readonly reason: string | undefined;
}

/** Who was refused before there was an admission, by the error that said so. */
const refusedActors = new WeakMap<ConnectError, Actor>();

/** Notes for the log who met an error at the door. */
export function noteRefusedActor(error: ConnectError, actor: Actor): void {
  refusedActors.set(error, actor);
}

const LOGGED_CHARS_MAX = 200;

/** One line: call id, actor, RPC, user id, code, wire, milliseconds; trace and span id in the names that OpenTelemetry gives them. */
export function callFields(call: FinishedCall): {
  readonly level: EntryLevel;
  readonly message: string;
  readonly fields: LogFields;
  readonly named: NamedCall;
} {
  const { method } = call;
  const rpc = method === undefined ? call.operation : `${method.parent.typeName}/${method.name}`;
  const code = call.code === "ok" ? "OK" : codeName(call.code);
  const reason = call.error && reasonOf(call.error);
  return {
    named: { rpc, wire: call.wire, code, reason },
    level: FAULTS.includes(call.code) && !isCallersFault(reason) ? "warn" : "info",
    message: "call",
    fields: {
      callId: call.id,
      actor: (call.admission?.actor ?? (call.error && refusedActors.get(call.error)))?.id,
      rpc,
      // A path that is no RPC's may be anything, a pasted secret included: only its length is told.
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

/** The codes of our own failures. */
const FAULTS: readonly (Code | "ok")[] = [Code.Internal, Code.DataLoss, Code.Unknown];

/** gRPC says INTERNAL of some requests that cannot be decoded, too. */
function isCallersFault(reason: string | undefined): boolean {
  return reason !== undefined && Object.hasOwn(REASONS, reason) && codeOf(reason as Reason) === "INVALID_ARGUMENT";
}

/** An error that a dialect has put into its own words is caused by the refusal. */
function reasonOf(error: ConnectError): string | undefined {
  const { cause } = error;
  return (
    error.findDetails(ErrorInfoSchema)[0]?.reason ?? (cause instanceof RefusalError ? cause.refusal.reason : undefined)
  );
}

/** The field that names the user: `user_id`, or `id` where the message is a dialect's. */
function userIdOf({ userId, request }: FinishedCall): string | undefined {
  const named: unknown =
    userId ?? (request as { userId?: unknown } | undefined)?.userId ?? (request as { id?: unknown } | undefined)?.id;
  return typeof named === "string" && named !== "" ? named.slice(0, LOGGED_CHARS_MAX) : undefined;
}

/** `NOT_FOUND` for Code.NotFound. */
function codeName(code: Code): string {
  return Code[code].replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}
