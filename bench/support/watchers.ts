/** A thread with many watchers of the feed: how long after its commit an event is with them. */
import { type ClientHttp2Session, connect } from "node:http2";
import { parentPort, Worker, workerData } from "node:worker_threads";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import {
  EventService,
  WatchEventsRequestSchema,
  WatchEventsResponseSchema,
} from "../../gen/lockkeeper/event/v1/event_service_pb.ts";
import { framed, GRPC_HEADERS } from "./lanes.ts";
import { type Sample, sampleOf } from "./load.ts";

export type WatchRequest = MessageInitShape<typeof WatchEventsRequestSchema>;

export interface Watchers {
  /** Returns the delays since the last call, of the watchers that measure them, and how many bytes all have got. */
  take(): Promise<{ readonly delays: Sample; readonly bytes: number }>;
  close(): Promise<void>;
}

interface WatchersData {
  readonly urls: readonly string[];
  readonly requests: readonly WatchRequest[];
  /** So many of them measure; reading what the others get would take the machine from the service. */
  readonly measuring: number;
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
    take: async () => (await ask("take")) as Awaited<ReturnType<Watchers["take"]>>,
    close: async () => {
      await ask("close");
      await worker.terminate();
    },
  };
}

if (parentPort !== null) serve(parentPort, workerData as WatchersData);

function serve(port: NonNullable<typeof parentPort>, { urls, requests, measuring }: WatchersData): void {
  let delays: number[] = [];
  let bytes = 0;
  let since = performance.now();
  const sessions: ClientHttp2Session[] = [];
  const open = async (): Promise<void> => {
    const opened = requests.map((request, index) => {
      const slot = Math.floor(index / STREAMS_PER_CONNECTION);
      const url = urls[slot % urls.length] ?? "";
      const session = sessions[slot] ?? connect(url, { settings: { initialWindowSize: 1024 * 1024 } });
      sessions[slot] = session;
      return watch(session, request, (message, length) => {
        bytes += length;
        if (index >= measuring) return;
        const now = performance.timeOrigin + performance.now();
        for (const { recordTime } of fromBinary(WatchEventsResponseSchema, message).events) {
          if (recordTime !== undefined) delays.push(now - timestampMs(recordTime));
        }
      });
    });
    await Promise.all(opened);
  };
  port.on("message", async (question: string) => {
    if (question === "open") await open();
    if (question === "close") for (const session of sessions) session.destroy();
    const now = performance.now();
    const taken = { delays: sampleOf(Float64Array.from(delays).sort(), (now - since) / 1000), bytes };
    [delays, bytes, since] = [[], 0, now];
    port.postMessage(taken);
  });
}

/** Resolves at the first message. */
function watch(
  session: ClientHttp2Session,
  request: WatchRequest,
  onMessage: (message: Uint8Array, length: number) => void,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const { parent, name } = EventService.method.watchEvents;
  const stream = session.request({ ":method": "POST", ":path": `/${parent.typeName}/${name}`, ...GRPC_HEADERS });
  let rest: Buffer = Buffer.alloc(0);
  stream.on("data", (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      const end = rest.length < 5 ? Infinity : 5 + rest.readUInt32BE(1);
      if (rest.length < end) return;
      onMessage(rest.subarray(5, end), end);
      rest = rest.subarray(end);
      resolve();
    }
  });
  stream.on("error", () => undefined);
  stream.on("close", () => reject(new Error(`a watcher ended with ${stream.rstCode}`)));
  stream.end(framed(toBinary(WatchEventsRequestSchema, create(WatchEventsRequestSchema, request))));
  return promise;
}
