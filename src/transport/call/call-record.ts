/** What is known of a call once it is over: one record per call, whatever became of it. */
import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { Code, ConnectError } from "@connectrpc/connect";
import type { CallTrace } from "../../observability/traces.ts";
import type { RecordedWire } from "../mount.ts";

export interface CallRecord<A = unknown> {
  readonly id: string;
  readonly wire: RecordedWire;
  /** Absent where no method answers to the path, and for plain mounts. */
  readonly method: DescMethod | undefined;
  /** What a plain mount calls its operation. */
  readonly operation?: string | undefined;
  /** The user that the call of a plain mount is about. */
  readonly userId?: string | undefined;
  /** The path as it was sent, without the query. */
  readonly path: string;
  readonly code: Code | "ok";
  /** What the caller was told (or, if it went away, would have been). */
  readonly error: ConnectError | undefined;
  /** What `admit` answered. Absent when it refused or was not reached. */
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

/** Hears of each call once, when it is over. */
export type Finished<A> = (record: CallRecord<A>) => void;

/**
 * Asked for each request that no method takes as it is (an unknown path, a wrong HTTP method or media type): an error to
 * answer it with in the place of what is wrong with it, or `undefined`.
 */
export type RefuseUnmatched = (remoteAddress: string) => ConnectError | undefined;

/** Hears the cause of errors that callers only see as INTERNAL. The id is empty where no call is known. */
export type LogInternal = (error: unknown, callId: string) => void;

/**
 * Told how many bytes an address is about to be given without a credential: an error to answer with in their place, or
 * `undefined`.
 */
export type ChargeStranger = (remoteAddress: string, bytes: number) => ConnectError | undefined;
