/** Load by this process: each lane has one call in flight. What no load tool can send, such as pairs of calls. */
import { Agent, request as requestHttp1 } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { type Repeated, type Sample, sampleOf } from "./load.ts";
import { ADMIN_KEY } from "./service.ts";

/** Makes the calls of one step of a lane. `lane`: its number; `step`: how many it has made before, from 0. */
export type Step = (lane: number, step: number) => Promise<void>;

export interface Lanes {
  /** Runs all lanes for so long. The steps go on from where the last round ended. */
  run(seconds: number): Promise<Sample>;
  close(): void;
}

/** `count` lanes over the step function; `close` closes its connections. */
export function createLanes(count: number, step: Step, close: () => void): Lanes {
  const steps = new Array<number>(count).fill(0);
  return {
    run: async (seconds) => {
      const times: number[] = [];
      const begin = performance.now();
      const end = begin + seconds * 1000;
      const run = async (lane: number): Promise<void> => {
        // Whole pairs only, so that a lane leaves the state in which it found it.
        let index = steps[lane] ?? 0;
        for (; index % 2 === 1 || performance.now() < end; index++) {
          const start = performance.now();
          await step(lane, index);
          times.push(performance.now() - start);
        }
        steps[lane] = index;
      };
      await Promise.all(Array.from({ length: count }, (_, lane) => run(lane)));
      return sampleOf(Float64Array.from(times).sort(), (performance.now() - begin) / 1000);
    },
    close,
  };
}

/** gRPC on some connections; lanes share them in turn. */
export interface GrpcConnections {
  call<I extends DescMessage, O extends DescMessage>(
    lane: number,
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
  ): Promise<MessageShape<O>>;
  close(): void;
}

/** Opens connections on which calls are made by hand: a client library would cost as much as the server. */
export function connectGrpc(url: string, connections: number): GrpcConnections {
  const sessions = Array.from({ length: connections }, () => connect(url));
  return {
    call: (lane, method, request) => {
      const session = sessions[lane % sessions.length];
      if (session === undefined) throw new Error("there is no connection");
      return callGrpc(session, method, request);
    },
    close: () => {
      for (const session of sessions) session.close();
    },
  };
}

/** Returns the length-prefixed frame of a message. */
export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  return frame;
}

export const GRPC_HEADERS = {
  "content-type": "application/grpc",
  te: "trailers",
  authorization: `Bearer ${ADMIN_KEY}`,
} as const;

/** Makes a unary call on a session. Rejects for every status but 0. */
export function callGrpc<I extends DescMessage, O extends DescMessage>(
  session: ClientHttp2Session,
  method: DescMethodUnary<I, O>,
  request: MessageInitShape<I>,
): Promise<MessageShape<O>> {
  const path = `/${method.parent.typeName}/${method.name}`;
  const body = framed(toBinary(method.input, create(method.input, request)));
  return requestGrpc(session, { path, method: "POST", headers: GRPC_HEADERS, body }).then((answer) =>
    fromBinary(method.output, answer),
  );
}

/** Makes a unary call from bytes and returns the bytes of its message. Rejects for every status but 0. */
export function requestGrpc(
  session: ClientHttp2Session,
  { path, method, headers: given, body }: Repeated,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ":method": method, ":path": path, ...given });
    const chunks: Buffer[] = [];
    let trailer: Readonly<Record<string, unknown>> = {};
    stream
      .on("response", (headers) => {
        trailer = headers;
      })
      .on("trailers", (headers) => {
        trailer = headers;
      })
      .on("data", (chunk: Buffer) => chunks.push(chunk))
      .on("error", reject)
      .on("close", () => {
        if (trailer["grpc-status"] === "0") resolve(Buffer.concat(chunks).subarray(5));
        else reject(new Error(`${path}: ${String(trailer["grpc-status"])} ${String(trailer["grpc-message"])}`));
      });
    stream.end(body);
  });
}

/** JSON over HTTP/1.1, at most `connections` at once. */
export interface JsonConnections {
  /** Rejects for every status but 200. An empty body is not sent. */
  send(method: "GET" | "POST", path: string, body: string): Promise<void>;
  close(): void;
}

const JSON_HEADERS = { authorization: `Bearer ${ADMIN_KEY}`, "content-type": "application/json" } as const;

export function connectJson(
  url: string,
  connections: number,
  headers: Readonly<Record<string, string>> = JSON_HEADERS,
): JsonConnections {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  return {
    send: (method, path, body) =>
      new Promise((resolve, reject) => {
        const sent = requestHttp1(url + path, { agent, method, headers }, (answer) => {
          const isOk = answer.statusCode === 200;
          answer.resume().once("end", () => (isOk ? resolve() : reject(new Error(`${path}: ${answer.statusCode}`))));
        });
        sent.once("error", reject).end(body === "" ? undefined : body);
      }),
    close: () => agent.destroy(),
  };
}
