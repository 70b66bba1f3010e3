/** Bounds the streams that are open at once on all HTTP/2 connections of a thread: each takes about 9 KB of memory. */
import type { TransportLimits } from "../limits.ts";

/** What to do with a stream that a connection opens. `refuse`: the stream only; `disconnect`: its whole connection. */
export type StreamVerdict = "serve" | "refuse" | "disconnect";

/** The connection that opens a stream. */
export interface StreamOpener {
  /** The number of its open streams, with the new one. */
  readonly streams: number;
  /** Whether a call was admitted on it. */
  readonly isAdmitted: boolean;
}

/** The open streams of all connections. */
export class OpenStreams {
  readonly #limits: Pick<TransportLimits, "openStreamsMax" | "strangerStreamsMax">;
  #open = 0;
  /** Those on connections without an admitted call. */
  #strangers = 0;

  constructor(limits: Pick<TransportLimits, "openStreamsMax" | "strangerStreamsMax">) {
    this.#limits = limits;
  }

  /**
   * Adds a stream and judges it. One stream of each connection is always served: who opens connections only for single
   * calls is not shut out by those who open many streams. A refused stream takes memory until the client has read that;
   * clients that do not read it lose their connections at twice the limit.
   */
  add({ streams, isAdmitted }: StreamOpener): StreamVerdict {
    this.#open++;
    if (!isAdmitted) this.#strangers++;
    const { openStreamsMax, strangerStreamsMax } = this.#limits;
    const hasRoom = this.#open <= openStreamsMax && (isAdmitted || this.#strangers <= strangerStreamsMax);
    if (hasRoom || streams === 1) return "serve";
    return isAdmitted && this.#open <= 2 * openStreamsMax ? "refuse" : "disconnect";
  }

  /** The first call of a connection was admitted. `streams`: the number of its open streams. */
  admit(streams: number): void {
    this.#strangers -= streams;
  }

  delete(isAdmitted: boolean): void {
    this.#open--;
    if (!isAdmitted) this.#strangers--;
  }
}

const PREFACE_BYTES = 24;
const FRAME_HEADER_BYTES = 9;
const HEADERS_FRAME = 1;

/** Returns how many streams the first bytes of a connection open, as far as their frames have arrived. */
export function countOpened(held: Buffer): number {
  let count = 0;
  for (let at = PREFACE_BYTES; at + FRAME_HEADER_BYTES <= held.byteLength; ) {
    if (held.readUInt8(at + 3) === HEADERS_FRAME) count++;
    at += FRAME_HEADER_BYTES + held.readUIntBE(at, 3);
  }
  return count;
}
