/** The mount: authenticates, finds the operation, and answers every outcome in Clerk's form. */
import type { JsonValue } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Admission } from "../../../service/call.ts";
import { refusalOf, toConnectError } from "../../../service/errors.ts";
import {
  assertPermission,
  isId,
  type Operations,
  refuseUnknownSession,
  refuseUnknownUser,
} from "../../../service/operations/operations.ts";
import { describeFault } from "../../../service/transport-faults.ts";
import type { HttpAnswer, HttpCall, HttpMount } from "../../../transport/mount.ts";
import { ClerkError, methodNotAllowed, resourceNotFound } from "./clerk-error.ts";
import type { OperationCall } from "./operation.ts";
import { internalError, translateRefusal } from "./refused.ts";
import { readJsonBody } from "./request-body.ts";
import { findRoute, type Route } from "./routes.ts";

/** Returns the handler of everything at or below the prefix. */
export function backendApi(operations: Operations, prefix: string): HttpMount<Admission>["handler"] {
  return async (call) => {
    try {
      return toAnswer(200, {}, await serve(operations, call, call.path.slice(prefix.length + 1)));
    } catch (error) {
      // The caller went away: nobody reads an answer.
      if (error instanceof ConnectError && error.code === Code.Canceled) throw error;
      const clerkError = toClerkError(error, call);
      call.addToRecord({ error: toNoted(clerkError, call.id) });
      return toAnswer(clerkError.status, clerkError.header, clerkError.toJson(call.id));
    }
  };
}

/** Serves a `path` below the prefix. Rejects what it can before reading the body. */
async function serve(operations: Operations, call: HttpCall<Admission>, path: string): Promise<JsonValue | Uint8Array> {
  const route = findRoute(path);
  const operation = route && Object.hasOwn(route.methods, call.method) ? route.methods[call.method] : undefined;
  if (operation !== undefined) call.addToRecord({ operation: `clerk.${operation.name}` });
  const actor = await operations.authenticate(call.header.get("authorization"), call.remoteAddress);
  const admission: Admission = { actor };
  call.addToRecord({ admission });
  if (route === undefined) throw resourceNotFound();
  if (operation === undefined) throw methodNotAllowed(call.method, Object.keys(route.methods));
  const { userId, sessionId } = readNamed(route.named);
  assertPermission(actor, operation.permission, operation.name);
  if (userId !== "" && !isId(userId)) refuseUnknownUser(userId);
  if (sessionId !== "" && !isId(sessionId)) refuseUnknownSession(sessionId);
  // Only now: text that is not an id may be anything, including a pasted secret.
  if (userId !== "") call.addToRecord({ userId });
  try {
    return await operation.serve({
      operations,
      admission,
      wire: "clerk",
      actor,
      userId,
      sessionId,
      query: new URLSearchParams(call.query),
      readBody: () => readJsonBody(call),
      get signal() {
        return call.signal;
      },
      takeTurn: () => call.takeTurn(),
    });
  } finally {
    operations.recheck(admission);
  }
}

function readNamed(named: Route["named"]): Pick<OperationCall, "userId" | "sessionId"> {
  const id = named === undefined ? "" : decodeId(named.segment);
  return named?.kind === "session" ? { userId: "", sessionId: id } : { userId: id, sessionId: "" };
}

/** Decodes an id. Throws 404 for an invalid encoding and for empty text. */
function decodeId(segment: string): string {
  try {
    const id = decodeURIComponent(segment);
    if (id !== "") return id;
  } catch {
    // An invalid encoding names nothing.
  }
  throw resourceNotFound();
}

function toClerkError(error: unknown, call: HttpCall<Admission>): ClerkError {
  if (error instanceof ClerkError) return error;
  return translateRefusal(error, { authorization: call.header.get("authorization") }) ?? internalError(error);
}

/** Returns the error for the log: the reason of the refusal behind it, or of the fault that the transport would name. */
function toNoted(error: ClerkError, callId: string): ConnectError {
  const refusal = refusalOf(error.cause);
  if (refusal !== undefined) return toConnectError(refusal, error.cause);
  const noted = new ConnectError(
    error.message,
    CODES[error.status] ?? Code.Internal,
    undefined,
    undefined,
    error.cause,
  );
  describeFault(noted, { method: undefined, callId });
  return noted;
}

/** The codes of refusals without a reason of the domain. */
const CODES: Readonly<Record<number, Code>> = {
  400: Code.InvalidArgument,
  403: Code.PermissionDenied,
  404: Code.NotFound,
  405: Code.Unimplemented,
  408: Code.DeadlineExceeded,
  413: Code.ResourceExhausted,
  415: Code.InvalidArgument,
};

const utf8 = new TextEncoder();

/** The content type is exact: with a charset after it, the SDK treats the body as text. */
function toAnswer(status: number, header: Readonly<Record<string, string>>, json: JsonValue | Uint8Array): HttpAnswer {
  return {
    status,
    header: { ...header, "content-type": "application/json" },
    body: json instanceof Uint8Array ? json : utf8.encode(JSON.stringify(json)),
  };
}
