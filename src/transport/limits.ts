/** What a caller may ask of the transport before it is refused. Every limit is an option; tests use small ones. */

import type { ResetRate } from "./listen/reset-budget.ts";

/** Sizes end in `Bytes`, durations in `Ms`. */
export interface TransportLimits {
  /** The largest request body, on the wire and after decompression. Mounts may raise it for single methods. */
  readonly bodyBytesMax: number;
  /** Members, items and single values that a request may have. Mounts may raise it for single methods. */
  readonly valuesMax: number;
  /** The largest list of request headers. */
  readonly headerBytesMax: number;
  /** Open connections, at least 1. Beyond it the one that has gone longest without an admitted call is closed. */
  readonly connectionsMax: number;
  /** Concurrent streams of one HTTP/2 connection. */
  readonly streamsMax: number;
  /** Streams that one HTTP/2 connection may break off beyond those it lets complete. Absent: any number. */
  readonly resets: ResetRate | undefined;
  /** How long a new connection may take to send its first bytes (HTTP/2: its preface), and HTTP/1.1 to send the headers of a request. */
  readonly headerTimeoutMs: number;
  /** How long a request may take to send its body, and a client to take in an answer that waits for it. */
  readonly requestTimeoutMs: number;
  /** How long a connection without calls, or a client's stream without bytes, is kept. */
  readonly idleTimeoutMs: number;
  /** How long the rest of a body is thrown away after the answer, before the connection or stream is closed. */
  readonly lingerMs: number;
  /** The longest deadline of a unary call; longer ones are clamped to it. */
  readonly deadlineMsMax: number;
}

export const DEFAULT_LIMITS: TransportLimits = {
  bodyBytesMax: 256 * 1024,
  valuesMax: 10_000,
  headerBytesMax: 16 * 1024,
  connectionsMax: 10_000,
  streamsMax: 100,
  resets: { perSecond: 20, burst: 200 },
  headerTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  idleTimeoutMs: 120_000,
  lingerMs: 1_000,
  deadlineMsMax: 60_000,
};
