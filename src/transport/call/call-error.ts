/** Turns whatever went wrong in a call into the error that its caller receives. Nothing else decides that. */
import { Code, ConnectError } from "@connectrpc/connect";
import { RestError } from "../../transcoding/rest-error.ts";

/** The text of internal failures, and of nothing else. */
const INTERNAL_TEXT = "internal error";

/** Errors with the code of an internal failure that the caller caused: a protocol demands that code. */
const callersFaults = new WeakSet<ConnectError>();

/**
 * Returns the error for anything thrown. An internal error keeps its cause for the log; the caller sees nothing of it.
 */
export function toCallError(reason: unknown, signal?: AbortSignal): ConnectError {
  if (reason instanceof ConnectError) return reason;
  if (reason instanceof Error && reason.name === "AbortError") {
    const cause: unknown = signal?.aborted ? signal.reason : undefined;
    return cause instanceof ConnectError ? cause : new ConnectError("the call was cancelled", Code.Canceled);
  }
  return new ConnectError(INTERNAL_TEXT, Code.Internal, undefined, undefined, reason);
}

export function deadlineExceeded(): ConnectError {
  return new ConnectError("the deadline of the call has passed", Code.DeadlineExceeded);
}

export function callerGone(): ConnectError {
  return new ConnectError("the caller went away", Code.Canceled);
}

export function serviceStopping(): ConnectError {
  return new ConnectError("the service is stopping", Code.Unavailable);
}

export function bodyTooSlow(timeoutMs: number): ConnectError {
  return new RestError(`the request body did not arrive within ${timeoutMs} ms`, Code.DeadlineExceeded, 408);
}

export function messageTooLarge(bodyBytesMax: number | string): ConnectError {
  return new ConnectError(`the request message is larger than ${bodyBytesMax} bytes`, Code.ResourceExhausted);
}

/**
 * Returns the error for the flags of an envelope: a client may only mark it as compressed. Other flags are for servers.
 */
export function unknownFlags(flags: number): ConnectError {
  const text = `a message has the flags 0x${flags.toString(16).padStart(2, "0")}; allowed are 0x00 and, compressed, 0x01`;
  // No protocol defines a code for it. INTERNAL, as other servers answer, would be logged as our failure.
  return new ConnectError(text, Code.InvalidArgument);
}

/**
 * Corrects, in place, Connect's errors about requests that it cannot decode: Connect treats malformed messages as its
 * own failures (INTERNAL) and passes on the text of its parsers. The objects are Connect's, already on their way to the
 * encoder.
 */
export function correctDecodeError(error: ConnectError): void {
  if (error.code === Code.Internal && error.rawMessage.startsWith("parse binary: ")) {
    rewrite(error, "the request is not a valid protobuf message of the expected type", Code.InvalidArgument);
  } else if (error.code === Code.InvalidArgument && error.rawMessage.startsWith("cannot decode ")) {
    // Almost all JSON faults were reported before this parser ran; its text would reveal the value.
    rewrite(error, "the request does not fit the expected type", Code.InvalidArgument);
  } else if (error.code === Code.Internal && error.rawMessage.startsWith("received compressed envelope")) {
    // gRPC and Connect both demand INTERNAL here.
    rewrite(error, "a message is marked as compressed, but no encoding is named", Code.Internal);
    callersFaults.add(error);
  } else if (error.code === Code.ResourceExhausted && error.rawMessage.includes("configured readMaxBytes")) {
    const bodyBytesMax = /readMaxBytes (\d+)/.exec(error.rawMessage)?.[1] ?? "allowed";
    rewrite(error, messageTooLarge(bodyBytesMax).rawMessage, Code.ResourceExhausted);
  } else if (error.code === Code.Unimplemented && error.rawMessage.startsWith("protocol error: ")) {
    rewrite(error, "a call of this method carries exactly one request message", Code.Unimplemented);
  }
}

/**
 * Makes the text of an error safe to send, in place: the text of an internal failure is hidden, and half a surrogate
 * pair, which cannot be encoded, is replaced. Returns the cause to log, if there is one.
 */
export function sanitize(error: ConnectError): unknown {
  let cause: unknown;
  if ((error.code === Code.Internal || error.code === Code.Unknown) && !callersFaults.has(error)) {
    cause = error.cause ?? new Error(error.rawMessage, { cause: error });
    rewrite(error, INTERNAL_TEXT, error.code);
  } else if (!error.rawMessage.isWellFormed()) {
    rewrite(error, error.rawMessage.toWellFormed(), error.code);
  }
  return cause;
}

function rewrite(error: ConnectError, text: string, code: Code): void {
  const model = new ConnectError(text, code);
  Object.assign(error, { code, rawMessage: text, message: model.message });
}
