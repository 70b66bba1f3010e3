/** What the page says of an error of the service: the sentence, the reason code, and the id of the call. */
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { T } from "../texts/texts.ts";

/** An error as it is shown. */
export interface Failure {
  /** One sentence, with a capital and a full stop. */
  readonly sentence: string;
  /** The reason of the service, such as `SEQUENCE_MISMATCH`; empty if the service gave none. */
  readonly reason: string;
  /** The id under which the service's log has the call; empty if it did not answer. */
  readonly callId: string;
  /** Whether no answer came, or one that does not know it either: nobody knows whether a change was made. */
  readonly isUnanswered: boolean;
  readonly code: Code;
  /** Sentences by field, as the contract names it (`reason_code`). */
  readonly fields: ReadonlyMap<string, string>;
}

/** Returns what to show of an error. */
export function toFailure(error: unknown): Failure {
  const known = ConnectError.from(error);
  const [info] = known.findDetails(ErrorInfoSchema);
  const violations = known.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) => fieldViolations);
  const isAway =
    info === undefined && (known.code === Code.Unavailable || known.code === Code.DeadlineExceeded || isCut(known));
  return {
    sentence: isAway ? T.failures.away : sentenceOf(known),
    reason: info?.reason ?? "",
    callId: known.metadata.get("x-request-id") ?? "",
    // The service itself may not know what became of a commit, nor of a call whose time is up.
    isUnanswered: isAway || known.code === Code.DeadlineExceeded || info?.metadata.outcome === "UNKNOWN",
    code: known.code,
    fields: new Map(violations.map(({ field, description }) => [field, asSentence(description)])),
  };
}

/** Returns whether the service no longer takes the caller's credential: it expired or was revoked. */
export function isCredentialRefused(error: ConnectError): boolean {
  return error.code === Code.Unauthenticated;
}

/** Of an answer that was cut short, what is left has no id. */
function isCut({ code, cause, metadata }: ConnectError): boolean {
  return (
    (code === Code.Unknown || code === Code.Internal) && !(cause instanceof Error) && !metadata.has("x-request-id")
  );
}

/** Whatever else was thrown is a fault of the page: a failure of the network comes as ConnectError. */
function sentenceOf({ code, cause, rawMessage }: ConnectError): string {
  const isFault = code === Code.Unknown && cause instanceof Error;
  return isFault ? T.failures.fault(asSentence(rawMessage)) : asSentence(rawMessage);
}

function asSentence(text: string): string {
  if (text === "") return T.failures.unknown;
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(capital) ? capital : `${capital}.`;
}
