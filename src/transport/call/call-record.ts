/** The record of a call that is over: one per call, however it ended. */
import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { Code, ConnectError } from "@connectrpc/connect";
import type { CallTrace } from "../../observability/traces.ts";
import type { RecordedWire } from "../mount.ts";

export interface CallRecord<A = unknown> {
  readonly id: string;
  readonly wire: RecordedWire;
  /** Absent where the path matches no method, and for plain mounts. */
  readonly method: DescMethod | undefined;
  /** The operation's name, from a plain mount. */
  readonly operation?: string | undefined;
  /** The user that the call is about, from a plain mount. */
  readonly userId?: string | undefined;
  /** The path as it was sent, without the query. */
  readonly path: string;
  readonly code: Code | "ok";
  /** The error that the caller received, or would have received if it had stayed. */
  readonly error: ConnectError | undefined;
  /** The result of `admit`. Absent when it refused or was not reached. */
  readonly admission: A | undefined;
  /** The first request message. Absent when none could be read. */
  readonly request: Message | undefined;
  readonly remoteAddress: string;
  readonly durationMs: number;
  /** 0 when the caller went away before it was answered. */
  readonly httpStatus: number;
  readonly httpMethod: string;
  /** Absent where calls are not traced. */
  readonly trace: CallTrace | undefined;
}

/** Called once for each call, when it is over. */
export type Finished<A> = (record: CallRecord<A>) => void;

/**
 * Called for each request that matches no method (an unknown path, a wrong HTTP method or media type). Returns an error
 * to send instead of the actual one, or `undefined`: at once, or as a promise if another thread counts the requests.
 */
export type RefuseUnmatched = (remoteAddress: string) => ConnectError | undefined | Promise<ConnectError | undefined>;

/** Called with the cause of each error that callers see as INTERNAL. The id is empty where no call is known. */
export type LogInternal = (error: unknown, callId: string) => void;

/**
 * Called with the number of bytes that an address is about to receive without a credential. Returns an error to send
 * instead, or `undefined`: at once, or as a promise if another thread counts the bytes.
 */
export type ChargeStranger = (
  remoteAddress: string,
  bytes: number,
) => ConnectError | undefined | Promise<ConnectError | undefined>;
