/** Sends a batch until each of its rows has a result: waits as the service asks, and isolates rows that make a request invalid. */
import { setTimeout as delay } from "node:timers/promises";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import type { Status } from "../../../gen/google/rpc/status_pb.ts";
import {
  type ImportUsersRequestSchema,
  type ImportUsersResponse,
  type ImportUsersResult,
  ImportUsersResult_Action,
} from "../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { EXIT, Failure } from "../frame/failure.ts";
import type { UserInit } from "./row.ts";

export type ImportRequest = MessageInitShape<typeof ImportUsersRequestSchema>;

/** The fields that every request of an import has. */
export type RequestTerms = Pick<ImportRequest, "organizationId" | "ifExists" | "validateOnly">;

/** The outcome of a row that was sent. */
export type RowOutcome =
  | { readonly action: "created" | "updated" | "skipped" }
  | { readonly action: "failed"; readonly code: Code; readonly reason: string; readonly message: string };

export interface SendOptions {
  readonly call: (request: ImportRequest) => Promise<ImportUsersResponse>;
  readonly terms: RequestTerms;
  /** How long a batch is retried before the import gives up. */
  readonly patienceMs: number;
  readonly signal: AbortSignal;
  /** Monotonic milliseconds. */
  readonly clock: () => number;
  /** Called before each wait. */
  readonly onWait: (reason: string, waitMs: number) => void;
}

/** Codes worth a retry: nothing was decided, or the decision is remembered under the request id. */
const PASSING: ReadonlySet<Code> = new Set([
  Code.Unavailable,
  Code.ResourceExhausted,
  Code.DeadlineExceeded,
  Code.Aborted,
  Code.Canceled,
]);
/** Codes that one row reports but that concern all: no such organization, or a key that was revoked in the meantime. */
const OF_ALL_ROWS: ReadonlySet<Code> = new Set([Code.NotFound, Code.Unauthenticated, Code.PermissionDenied]);
const WAIT_MS_MIN = 100;
const WAIT_MS_MAX = 5_000;
const WAIT_MS_LONGEST = 2 ** 31 - 1;

/** What refuses every request of an import. */
const REFUSED_OUTRIGHT: ReadonlySet<Code> = new Set([
  Code.Unauthenticated,
  Code.PermissionDenied,
  Code.InvalidArgument,
  Code.NotFound,
  Code.Unimplemented,
]);

/** Returns one outcome for each user, in order. Rejects with an error that concerns all of them. */
export async function sendBatch(
  users: readonly UserInit[],
  requestId: string,
  options: SendOptions,
): Promise<readonly RowOutcome[]> {
  try {
    const results = await callUntilDecided(users, requestId, options);
    return results.map(toOutcome);
  } catch (error) {
    if (!(error instanceof ConnectError) || !isOfContent(error)) throw error;
    if (users.length === 1 && (await isOfCall(error, options))) throw error;
    if (users.length === 1) {
      return [toFailed(error.code, error.rawMessage, error.findDetails(ErrorInfoSchema)[0]?.reason)];
    }
    // One row can make a request that is refused as too large or too deep: halving isolates it, and the rest succeeds.
    const middle = Math.ceil(users.length / 2);
    const first = await sendBatch(users.slice(0, middle), `${requestId}a`, options);
    return [...first, ...(await sendBatch(users.slice(middle), `${requestId}b`, options))];
  }
}

/** Whether a request was refused because of its rows, not because of the fields that all requests share. */
function isOfContent(error: ConnectError): boolean {
  const fields = error.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) => fieldViolations);
  const isOfTerms = fields.some(({ field }) => !field.startsWith("users"));
  // A service that is too busy says when to retry; a request that is too large never succeeds.
  const isTooLarge = error.code === Code.ResourceExhausted && error.findDetails(RetryInfoSchema).length === 0;
  return (error.code === Code.InvalidArgument && !isOfTerms) || isTooLarge;
}

/** Whether the call fails in the same way without any row; then the row is not the cause. */
async function isOfCall(error: ConnectError, { call, terms }: SendOptions): Promise<boolean> {
  try {
    await call({ ...terms, users: [], validateOnly: true });
    return false;
  } catch (withoutRow) {
    return withoutRow instanceof ConnectError && withoutRow.rawMessage === error.rawMessage;
  }
}

/**
 * Repeats the same request with the same id until every row is decided. The service answers again what it decided before.
 */
async function callUntilDecided(
  users: readonly UserInit[],
  requestId: string,
  { call, terms, patienceMs, signal, clock, onWait }: SendOptions,
): Promise<readonly ImportUsersResult[]> {
  const begin = clock();
  for (let attempt = 0; ; attempt++) {
    let trouble: ConnectError;
    try {
      const { results } = await call({ ...terms, users: [...users], requestId });
      if (results.length !== users.length) {
        throw new Error(`${users.length} users were sent, ${results.length} answered`);
      }
      const faults = results.flatMap(({ result }) => (result.case === "error" ? [result.value] : []));
      const ofAll = faults.find(({ code }) => OF_ALL_ROWS.has(code));
      if (ofAll !== undefined) throw toError(ofAll);
      const undecided = faults.find(({ code }) => PASSING.has(code));
      if (undecided === undefined) return results;
      trouble = toError(undecided);
    } catch (error) {
      if (!(error instanceof ConnectError) || !PASSING.has(error.code) || isOfContent(error)) throw error;
      trouble = error;
    }
    if (signal.aborted || clock() - begin >= patienceMs) throw trouble;
    const waitMs = waitOf(trouble, attempt);
    onWait(trouble.rawMessage, waitMs);
    await delay(waitMs, undefined, { signal });
  }
}

/** Returns the wait that the service asks for, at least a growing wait with jitter. */
function waitOf(error: ConnectError, attempt: number): number {
  const [asked] = error.findDetails(RetryInfoSchema);
  const askedMs =
    asked?.retryDelay === undefined ? 0 : Number(asked.retryDelay.seconds) * 1000 + asked.retryDelay.nanos / 1e6;
  const ownMs = Math.min(WAIT_MS_MIN * 2 ** attempt, WAIT_MS_MAX) * (0.5 + Math.random() / 2);
  // A longer wait would end at once, because timers are bounded.
  return Math.min(Math.ceil(Math.max(askedMs, ownMs)), WAIT_MS_LONGEST);
}

const ACTIONS: Readonly<Record<ImportUsersResult_Action, "created" | "updated" | "skipped" | undefined>> = {
  [ImportUsersResult_Action.UNSPECIFIED]: undefined,
  [ImportUsersResult_Action.CREATED]: "created",
  [ImportUsersResult_Action.UPDATED]: "updated",
  [ImportUsersResult_Action.SKIPPED]: "skipped",
};

function toOutcome({ action, result, userId }: ImportUsersResult): RowOutcome {
  if (result.case === "error") {
    const { code, message } = result.value;
    return toFailed(code, message, toError(result.value).findDetails(ErrorInfoSchema)[0]?.reason);
  }
  const done = ACTIONS[action];
  if (done === undefined) throw new Error(`the service did not say what it did with user ${userId}`);
  return { action: done };
}

function toFailed(code: Code, message: string, reason = ""): RowOutcome {
  return { action: "failed", code, reason, message };
}

/** Returns the status of a row as the error that a call of its own would throw. */
function toError({ code, message, details }: Status): ConnectError {
  const error = new ConnectError(message, code);
  for (const schema of [ErrorInfoSchema, RetryInfoSchema]) {
    for (const detail of details) {
      const value = anyUnpack(detail, schema);
      if (value !== undefined) error.details.push({ desc: schema, value });
    }
  }
  return error;
}

/** Whether an import was refused as a whole: a file without its columns, a key without the permission. */
export function isRefusedOutright(error: unknown): boolean {
  if (error instanceof ConnectError) return REFUSED_OUTRIGHT.has(error.code);
  return error instanceof Failure && error.exitCode === EXIT.USAGE;
}
