/** What loads are made of and what they measure. */
import type { DescMessage } from "@bufbuild/protobuf";

/** What one round of load saw. */
export interface Sample {
  readonly calls: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
}

/** The same request again and again; `{user}` in its path and body stands for one user after another, `{act}` for the turn's. */
export interface Repeated {
  readonly path: string;
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** What a request does, and what its answer must hold. Where there are two turns, each user gets both, one after the other. */
export interface Turn {
  readonly act?: string;
  /** The type of an answer that is a binary message. */
  readonly schema?: DescMessage;
  /** A part of the answer, as JSON; `{user}` stands for the user that is asked for. */
  readonly part: object;
}

/** `sortedMs`: how long each call took, ascending. */
export function sampleOf(sortedMs: Float64Array, seconds: number): Sample {
  const at = (share: number): number => sortedMs[Math.floor((sortedMs.length - 1) * share)] ?? Number.NaN;
  return { calls: sortedMs.length, seconds, p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999) };
}
