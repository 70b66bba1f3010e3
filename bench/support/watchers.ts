/** A thread with many watchers of the feed: how long after its commit an event is with them. */
import { parentPort, Worker, workerData } from "node:worker_threads";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import {
  EventService,
  WatchEventsRequestSchema,
  WatchEventsResponseSchema,
} from "../../gen/lockkeeper/event/v1/event_service_pb.ts";
import { type ReadStream, readStreams } from "./frame-reader.ts";
import { framed, GRPC_HEADERS } from "./lanes.ts";
import { type Sample, sampleOf } from "./load.ts";

export type WatchRequest = MessageInitShape<typeof WatchEventsRequestSchema>;

/** What has come since it was last asked for. */
export interface Received {
  /** Of the watchers that read what they get. */
  readonly delays: Sample;
  /** Of all watchers. */
  readonly bytes: number;
  /** Of the thread that receives, in seconds. */
  readonly cpuSeconds: number;
}

export interface Watchers {
  /** Rejects if a watcher has ended. */
  take(): Promise<Received>;
  close(): Promise<void>;
}

interface WatchersData {
  readonly urls: readonly string[];
  readonly requests: readonly WatchRequest[];
  /** The watchers that read what they get; of the others the bytes are counted: reading would take time from the service. */
  readonly reading: readonly number[];
}

const STREAMS_PER_CONNECTION = 50;

/** Opens watchers, spread over the services. Resolves when each has its first message. */
export async function openWatchers(data: WatchersData): Promise<Watchers> {
  const worker = new Worker(import.meta.filename, { workerData: data });
  const ask = (question: string): Promise<unknown> =>
    new Promise((resolve, reject) => {
      worker.once("error", reject);
      worker.once("message", (answer) => {
        worker.off("error", reject);
        resolve(answer);
      });
      worker.postMessage(question);
    });
  await ask("open");
  return {
    take: async () => (await ask("take")) as Received,
    close: async () => {
      await ask("close");
      await worker.terminate();
    },
  };
}

if (parentPort !== null) serve(parentPort, workerData as WatchersData);

function serve(port: NonNullable<typeof parentPort>, { urls, requests, reading }: WatchersData): void {
  let delays: number[] = [];
  let bytes = 0;
  let ended: string | undefined;
  let since = performance.now();
  let cpu = process.threadCpuUsage();
  const closers: (() => void)[] = [];
  const onMessage = (message: Uint8Array): void => {
    const now = performance.timeOrigin + performance.now();
    for (const { recordTime } of fromBinary(WatchEventsResponseSchema, message).events) {
      if (recordTime !== undefined) delays.push(now - timestampMs(recordTime));
    }
  };
  const open = async (): Promise<void> => {
    const isReading = new Set(reading);
    const opened: Promise<void>[] = [];
    const streams = requests.map((request, index) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      opened.push(promise);
      const read = isReading.has(index) ? messageReader(onMessage) : undefined;
      const onData = (piece: Buffer): void => {
        bytes += piece.length;
        resolve();
        read?.(piece);
      };
      const onEnd = (reason: string): void => {
        ended ??= `a watcher ended: ${reason}`;
        reject(new Error(ended));
      };
      return streamOf(request, onData, onEnd);
    });
    for (let first = 0; first < streams.length; first += STREAMS_PER_CONNECTION) {
      const url = urls[closers.length % urls.length] ?? "";
      closers.push(readStreams(url, streams.slice(first, first + STREAMS_PER_CONNECTION)));
    }
    await Promise.all(opened);
  };
  port.on("message", async (question: string) => {
    if (question === "open") await open();
    if (ended !== undefined) throw new Error(ended);
    if (question === "close") for (const close of closers) close();
    const now = performance.now();
    const { user, system } = process.threadCpuUsage(cpu);
    const taken: Received = {
      delays: sampleOf(Float64Array.from(delays).sort(), (now - since) / 1000),
      bytes,
      cpuSeconds: (user + system) / 1e6,
    };
    [delays, bytes, since, cpu] = [[], 0, now, process.threadCpuUsage()];
    port.postMessage(taken);
  });
}

function streamOf(request: WatchRequest, onData: ReadStream["onData"], onEnd: ReadStream["onEnd"]): ReadStream {
  const { parent, name } = EventService.method.watchEvents;
  const body = framed(toBinary(WatchEventsRequestSchema, create(WatchEventsRequestSchema, request)));
  return { path: `/${parent.typeName}/${name}`, headers: GRPC_HEADERS, body, onData, onEnd };
}

/** Returns a function that takes the pieces of a stream and passes its messages on. */
function messageReader(onMessage: (message: Uint8Array) => void): (piece: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (piece) => {
    rest = Buffer.concat([rest, piece]);
    for (;;) {
      const end = rest.length < 5 ? Infinity : 5 + rest.readUInt32BE(1);
      if (rest.length < end) return;
      onMessage(rest.subarray(5, end));
      rest = rest.subarray(end);
    }
  };
}
