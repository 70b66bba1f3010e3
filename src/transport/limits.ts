/** The limits of the transport, beyond which it refuses requests. Each one is an option; tests use small ones. */

import type { ResetRate } from "./listen/reset-budget.ts";

/** Limits whose names end in `Bytes` are sizes, in `Ms` durations. */
export interface TransportLimits {
  /** The largest request body, on the wire and after decompression. A mount may raise it for a method. */
  readonly bodyBytesMax: number;
  /** The bytes of all open requests that are larger than 4 KiB, together; further ones are refused. */
  readonly largeBodiesBytesMax: number;
  /** The largest number of members, items and single values in a request. A mount may raise it for a method. */
  readonly valuesMax: number;
  /** The largest list of request headers, names and values. */
  readonly headerBytesMax: number;
  /**
   * The number of open connections, at least 1. Beyond it the connection that was longest without an admitted call is
   * closed.
   */
  readonly connectionsMax: number;
  /** The number of concurrent streams of one HTTP/2 connection. */
  readonly streamsMax: number;
  /**
   * The number of streams that may be open at once on the HTTP/2 connections without an admitted call, together. Beyond
   * it such a connection that opens a second stream is closed.
   */
  readonly strangerStreamsMax: number;
  /**
   * The number of streams that may be open at once on all HTTP/2 connections. Beyond it connections with an admitted
   * call may have one; further ones are refused with REFUSED_STREAM.
   */
  readonly openStreamsMax: number;
  /** The number of streams that one HTTP/2 connection may reset beyond those that completed. Absent: no limit. */
  readonly resets: ResetRate | undefined;
  /**
   * The longest wait for the first bytes of a connection (HTTP/2: the preface), and in HTTP/1.1 for the headers of a
   * request.
   */
  readonly headerTimeoutMs: number;
  /** The longest wait for the body of a request, and for a client to read an answer that is ready. */
  readonly requestTimeoutMs: number;
  /** The longest time that a connection without calls, or a client stream without bytes, stays open. */
  readonly idleTimeoutMs: number;
  /** An HTTP/2 connection with open calls gets a PING when nothing has come from it for so long. */
  readonly pingAfterMs: number;
  /** How long after the PING something must come: else the connection is lost, and its calls end. */
  readonly pingTimeoutMs: number;
  /** How long the rest of a body is discarded after the answer, before the connection or stream is closed. */
  readonly lingerMs: number;
  /** The longest deadline of a unary call; a longer one is reduced to it. */
  readonly deadlineMsMax: number;
}

export const DEFAULT_LIMITS: TransportLimits = {
  bodyBytesMax: 256 * 1024,
  largeBodiesBytesMax: 32 * 1024 * 1024,
  valuesMax: 10_000,
  headerBytesMax: 16 * 1024,
  connectionsMax: 10_000,
  streamsMax: 100,
  strangerStreamsMax: 5_000,
  openStreamsMax: 10_000,
  resets: { perSecond: 20, burst: 200 },
  headerTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  idleTimeoutMs: 120_000,
  pingAfterMs: 30_000,
  pingTimeoutMs: 20_000,
  lingerMs: 1_000,
  deadlineMsMax: 60_000,
};
