/** Watchers of the feed on every wire, and one that is killed and resumes. */
import { type ClientHttp2Stream, connect } from "node:http2";
import { setTimeout as delay } from "node:timers/promises";
import { ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { EventService } from "../../../gen/lockkeeper/event/v1/event_service_pb.ts";
import { defer, type Scope } from "../../support/cleanup.ts";
import { ADMIN_KEY } from "../../support/service.ts";
import { frame, type RawRequest } from "../../support/wires.ts";

/** An event as far as the order of the feed is concerned. */
export interface Seen {
  readonly cursor: string;
  readonly userId: string;
  readonly sequence: number;
}

export interface SeenMessage {
  readonly events: readonly Seen[];
  readonly cursor: string;
}

export interface WatchRequest {
  readonly cursor?: string;
  readonly organizationId?: string;
  readonly filter?: string;
}

/** Watches until the signal aborts or the service ends the stream; both reject. */
export type Watch = (
  url: string,
  key: string,
  request: WatchRequest,
  signal: AbortSignal,
) => AsyncIterable<SeenMessage>;

const TRANSPORTS = {
  gRPC: (baseUrl: string) => createGrpcTransport({ baseUrl }),
  "gRPC-Web": (baseUrl: string) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
  Connect: (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: "2" }),
  "Connect with JSON": (baseUrl: string) =>
    createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false }),
} as const;

function overRpc(transportOf: (url: string) => ReturnType<typeof createGrpcTransport>): Watch {
  return async function* watch(url, key, request, signal) {
    const client = createClient(EventService, transportOf(url));
    const headers = { authorization: `Bearer ${key}` };
    for await (const { events, cursor } of client.watchEvents(request, { headers, signal })) {
      yield { cursor, events: events.map((event) => ({ ...event, sequence: Number(event.sequence) })) };
    }
    throw new Error("the stream ended without an error");
  };
}

interface StreamedJson {
  readonly result?: { readonly events?: readonly { readonly [name: string]: string }[]; readonly cursor: string };
  readonly error?: { readonly message: string };
}

/** Opens a stream over REST. `accept`: the format. */
export async function openStream(
  url: string,
  key: string,
  {
    request,
    accept,
    headers = {},
    signal,
  }: {
    readonly request: WatchRequest;
    readonly accept: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly signal?: AbortSignal;
  },
): Promise<Response> {
  const query = new URLSearchParams({ ...request });
  return await fetch(`${url}/v1/events:watch?${query}`, {
    headers: { authorization: `Bearer ${key}`, accept, ...headers },
    ...(signal === undefined ? {} : { signal }),
  });
}

const RPC = { path: "/lockkeeper.event.v1.EventService/WatchEvents", body: frame(new Uint8Array(0)) };
const REST = { method: "GET", path: "/v1/events:watch", body: new Uint8Array(0) };

/** WatchEvents on every wire, over HTTP/2: only there a client decides how much may be under way. */
export const STALLED_WIRES = {
  gRPC: { ...RPC, headers: { "content-type": "application/grpc" } },
  "gRPC-Web": { ...RPC, headers: { "content-type": "application/grpc-web+proto" } },
  Connect: { ...RPC, headers: { "content-type": "application/connect+proto" } },
  "newline-delimited JSON": { ...REST, headers: { accept: "application/x-ndjson" } },
  "server-sent events": { ...REST, headers: { accept: "text/event-stream" } },
} as const satisfies Readonly<Record<string, RawRequest>>;

/** Opens a stream over gRPC that reads nothing before it is told to. */
export async function openSlowStream(t: Scope, url: string): Promise<ClientHttp2Stream> {
  return (await openStalled(t, url, STALLED_WIRES.gRPC)).stream;
}

/** How much a slow client is sent before it reads. */
export const SLOW_WINDOW_BYTES = 1_000;

/** Opens a stream from a client with a small window, which reads nothing before it is told to. */
export async function openStalled(
  t: Scope,
  url: string,
  { method = "POST", path, headers, body }: RawRequest,
  key: string = ADMIN_KEY,
): Promise<{ readonly status: number; readonly stream: ClientHttp2Stream }> {
  const session = connect(url, { settings: { initialWindowSize: SLOW_WINDOW_BYTES } });
  defer(t, () => session.destroy());
  const authorization = `Bearer ${key}`;
  const stream = session.request({ ":method": method, ":path": path, authorization, te: "trailers", ...headers });
  // A GET has ended already.
  if (method !== "GET") stream.end(body);
  const status = await new Promise<number>((resolve) => {
    stream.once("response", (head) => resolve(Number(head[":status"])));
  });
  return { status, stream };
}

/** Yields the lines of a body as they come. */
export async function* linesOf({ body }: Response): AsyncGenerator<string> {
  let rest = "";
  for await (const text of (body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

function toSeen(line: string): SeenMessage {
  const { result, error } = JSON.parse(line) as StreamedJson;
  if (result === undefined) throw new Error(error?.message ?? line);
  const events = (result.events ?? []).map(({ cursor = "", userId = "", sequence }) => ({
    cursor,
    userId,
    sequence: Number(sequence),
  }));
  return { cursor: result.cursor, events };
}

async function* overNdjson(url: string, key: string, request: WatchRequest, signal: AbortSignal) {
  const answer = await openStream(url, key, { request, accept: "application/x-ndjson", signal });
  for await (const line of linesOf(answer)) yield toSeen(line);
  throw new Error("the stream ended without an error");
}

/** Resumes by `Last-Event-ID`, as a browser does. */
async function* overSse(url: string, key: string, { cursor, ...request }: WatchRequest, signal: AbortSignal) {
  const headers: Record<string, string> = cursor === undefined ? {} : { "last-event-id": cursor };
  const answer = await openStream(url, key, { request, accept: "text/event-stream", headers, signal });
  let id = "";
  for await (const line of linesOf(answer)) {
    if (line.startsWith("id: ")) id = line.slice(4);
    if (line.startsWith("data: ")) yield { ...toSeen(line.slice(6)), cursor: id };
  }
  throw new Error("the stream ended without an error");
}

export const WATCHES: Readonly<Record<string, Watch>> = {
  ...Object.fromEntries(Object.entries(TRANSPORTS).map(([name, transportOf]) => [name, overRpc(transportOf)])),
  "newline-delimited JSON": overNdjson,
  "server-sent events": overSse,
};

export interface Kills {
  readonly isDone: (seen: readonly Seen[]) => boolean;
  /** Returns after how many messages the next connection is broken. */
  readonly killAfter: () => number;
  /** Whether a connection may break by itself, because services are killed too; the default is false. */
  readonly mayBreak?: boolean;
}

/**
 * Watches from the first event on until `isDone`. The connection is broken after a random number of messages, and the
 * watcher resumes at the cursor of the last one, at `urlOf` its next life.
 */
export async function watchWithKills(
  watch: Watch,
  urlOf: (life: number) => string,
  key: string,
  { isDone, killAfter, mayBreak = false }: Kills,
): Promise<readonly Seen[]> {
  const seen: Seen[] = [];
  let cursor = "0";
  for (let life = 0; !isDone(seen); life++) {
    const controller = new AbortController();
    let left = killAfter();
    try {
      for await (const message of watch(urlOf(life), key, { cursor }, controller.signal)) {
        seen.push(...message.events);
        ({ cursor } = message);
        if (isDone(seen) || left-- <= 0) break;
      }
    } catch (error) {
      if (!mayBreak || !isBroken(error)) throw error;
      // It may be a while until the service is there again.
      await delay(5);
    } finally {
      controller.abort();
    }
  }
  return seen;
}

/** Returns whether a connection broke: neither a refusal, which has its reason, nor a fault of the test. */
function isBroken(error: unknown): boolean {
  if (error instanceof ConnectError) return error.findDetails(ErrorInfoSchema).length === 0;
  // As `fetch` has it.
  return error instanceof TypeError;
}
