/** A load on a service in another process: calls in flight on a few connections, and what each of them took. */
import type { ClientHttp2Session } from "node:http2";
import { create, type DescMethodUnary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { cpuSeconds } from "./cpu-time.ts";
import { spread } from "./report.ts";
import { ADMIN_KEY } from "./service.ts";

/** Sends one call and resolves with its answer; the load knows nothing of what is in it. */
export type Send = (index: number) => Promise<void>;

export interface Round {
  readonly callsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Processor time of the service for each call, all its threads. */
  readonly cpuMicros: number;
}

/** Makes `calls` calls; each of `lanes` has one in flight at a time. `pid`: the process that serves them. */
export async function measure(lanes: readonly Send[], calls: number, pid: number | undefined): Promise<Round> {
  const times: number[] = [];
  let next = 0;
  const run = async (send: Send): Promise<void> => {
    for (let index = next++; index < calls; index = next++) {
      const begin = performance.now();
      await send(index);
      times.push(performance.now() - begin);
    }
  };
  const cpuBefore = cpuSeconds(pid);
  const begin = performance.now();
  await Promise.all(lanes.map(run));
  const seconds = (performance.now() - begin) / 1000;
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN;
  const cpuMicros = ((cpuSeconds(pid) - cpuBefore) / calls) * 1e6;
  return { callsPerSecond: calls / seconds, p50Ms: at(0.5), p99Ms: at(0.99), cpuMicros };
}

/** Makes a unary gRPC call by hand: a client library would cost as much as the service and be measured with it. */
export function callGrpc<M extends DescMethodUnary>(
  session: ClientHttp2Session,
  method: M,
  request: MessageInitShape<M["input"]>,
): Promise<void> {
  const message = toBinary(method.input, create(method.input, request));
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ":method": "POST",
      ":path": `/${method.parent.typeName}/${method.name}`,
      "content-type": "application/grpc",
      te: "trailers",
      authorization: `Bearer ${ADMIN_KEY}`,
    });
    let status: unknown;
    const note = (headers: Readonly<Record<string, unknown>>): void => {
      status = headers["grpc-status"] ?? status;
    };
    stream.on("response", note).on("trailers", note).on("error", reject).resume();
    stream.on("close", () => (status === "0" ? resolve() : reject(new Error(`grpc-status is ${String(status)}`))));
    stream.end(frame);
  });
}

/** The heads of the columns that `roundCells` fills. */
export const ROUND_HEADS = ["per second", "p50 ms", "p99 ms", "processor µs"];

/** Returns the cells of a table for the rounds of one kind of call. */
export function roundCells(rounds: readonly Round[]): readonly string[] {
  const of = (name: keyof Round, digits: number): string =>
    spread(
      rounds.map((round) => round[name]),
      digits,
    );
  return [of("callsPerSecond", 0), of("p50Ms", 1), of("p99Ms", 1), of("cpuMicros", 0)];
}
