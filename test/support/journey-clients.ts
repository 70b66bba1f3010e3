/** Every kind of client that runs in Node, driven to LockUser, UnlockUser and BanUser. */
import { join } from "node:path";
import {
  create,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonObject,
  type JsonValue,
  type Message,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import { createClient, type Transport } from "@connectrpc/connect";
import {
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import * as connectWeb from "@connectrpc/connect-web";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import grpcWeb from "grpc-web";
import { UserService } from "../../gen/lockkeeper/user/v1/user_service_pb.ts";
import type { Wire } from "../../src/transport/mount.ts";
import { NodeXhr } from "../transport/support/xhr.ts";
import { type Outcome, refusedByError, refusedByStatus } from "./outcome.ts";

export type Rpc = "LockUser" | "UnlockUser" | "BanUser";

/** How many bodies a client sent and received compressed. */
export interface Codings {
  sent: number;
  received: number;
}

export interface JourneyClient {
  readonly name: string;
  readonly wire: Wire;
  /** The request is proto3 JSON. Without a key nothing is sent in `authorization`. */
  readonly call: (rpc: Rpc, request: JsonObject, key: string | undefined) => Promise<Outcome>;
  /** Absent: the client does not show it. */
  readonly codings?: Codings;
  readonly close: () => void;
}

export function headersOf(key: string | undefined): Record<string, string> {
  return key === undefined ? {} : { authorization: `Bearer ${key}` };
}

export function methodOf(rpc: Rpc): (typeof UserService.methods)[number] {
  const method = UserService.methods.find(({ name }) => name === rpc);
  if (method === undefined) throw new Error(`UserService has no ${rpc}`);
  return method;
}

/** All of them. Each has connections of its own. */
export function nodeClients(url: string): JourneyClient[] {
  return [
    ...connectNodeClients(url),
    ...connectWebClients(url),
    grpcJsClient(url, false),
    grpcJsClient(url, true),
    grpcWebClient(url, "binary"),
    grpcWebClient(url, "text"),
  ];
}

interface NodeOptions {
  readonly baseUrl: string;
  readonly useBinaryFormat: boolean;
  readonly acceptCompression: (typeof compressionGzip)[];
  readonly sendCompression?: typeof compressionGzip;
  readonly compressMinBytes: number;
}

/** Protocol × HTTP version × format × compression, as far as the protocol allows. */
function connectNodeClients(baseUrl: string): JourneyClient[] {
  const clients: JourneyClient[] = [];
  for (const useBinaryFormat of [true, false]) {
    for (const zipped of [false, true]) {
      const form = `${useBinaryFormat ? "binary" : "JSON"}, ${zipped ? "gzip" : "identity"}`;
      const add = (name: string, wire: Wire, make: (options: NodeOptions, h2: Http2SessionManager) => Transport) => {
        const codings: Codings = { sent: 0, received: 0 };
        const gzip = countingGzip(codings);
        const options: NodeOptions = {
          baseUrl,
          useBinaryFormat,
          acceptCompression: zipped ? [gzip] : [],
          ...(zipped ? { sendCompression: gzip } : {}),
          compressMinBytes: 1,
        };
        const h2 = new Http2SessionManager(baseUrl);
        const client = ofTransport(`connect-node ${name}, ${form}`, wire, make(options, h2));
        clients.push({ ...client, codings, close: () => h2.abort() });
      };
      const h1 = { httpVersion: "1.1" } as const;
      add("gRPC, HTTP/2", "grpc", (o, h2) => createGrpcTransport({ ...o, sessionManager: h2 }));
      add("gRPC-Web, HTTP/1.1", "grpc-web", (o) => createGrpcWebTransport({ ...o, ...h1 }));
      add("gRPC-Web, HTTP/2", "grpc-web", (o, h2) =>
        createGrpcWebTransport({ ...o, httpVersion: "2", sessionManager: h2 }),
      );
      add("Connect, HTTP/1.1", "connect", (o) => createConnectTransport({ ...o, ...h1 }));
      add("Connect, HTTP/2", "connect", (o, h2) =>
        createConnectTransport({ ...o, httpVersion: "2", sessionManager: h2 }),
      );
    }
  }
  return clients;
}

function countingGzip(codings: Codings): typeof compressionGzip {
  return {
    name: "gzip",
    compress: (bytes) => {
      codings.sent++;
      return compressionGzip.compress(bytes);
    },
    decompress: (bytes, readMaxBytes) => {
      codings.received++;
      return compressionGzip.decompress(bytes, readMaxBytes);
    },
  };
}

function connectWebClients(baseUrl: string): JourneyClient[] {
  return [true, false].flatMap((useBinaryFormat) => {
    const options = { baseUrl, useBinaryFormat };
    const form = useBinaryFormat ? "binary" : "JSON";
    return [
      ofTransport(`connect-web Connect, ${form}`, "connect", connectWeb.createConnectTransport(options)),
      ofTransport(`connect-web gRPC-Web, ${form}`, "grpc-web", connectWeb.createGrpcWebTransport(options)),
    ];
  });
}

type LooseClient = Readonly<Record<string, (message: Message, options: object) => Promise<Message>>>;

function ofTransport(name: string, wire: Wire, transport: Transport): JourneyClient {
  const client = createClient(UserService, transport) as unknown as LooseClient;
  return {
    name,
    wire,
    close: () => undefined,
    async call(rpc, request, key) {
      const { input, output, localName } = methodOf(rpc);
      try {
        const answer = await client[localName]?.(fromJson(input, request), { headers: headersOf(key) });
        return { answer: toJson<DescMessage>(output, answer as Message) as JsonObject };
      } catch (reason) {
        return refusedByError(reason);
      }
    },
  };
}

type GrpcCall = (
  request: object,
  metadata: grpc.Metadata,
  answered: (error: grpc.ServiceError | null, answer: JsonObject) => void,
) => void;

const root = join(import.meta.dirname, "../..");

/** Knows the service from the proto files alone, as someone does who never saw this repository's code. */
function grpcJsClient(url: string, zipped: boolean): JourneyClient {
  const definition = loadSync("lockkeeper/user/v1/user_service.proto", {
    includeDirs: [join(root, "proto"), join(root, "node_modules/google-gax/build/protos")],
    longs: String,
    enums: String,
  });
  const loaded = grpc.loadPackageDefinition(definition) as unknown as {
    lockkeeper: { user: { v1: { UserService: grpc.ServiceClientConstructor } } };
  };
  const client = new loaded.lockkeeper.user.v1.UserService(
    url.replace("http://", ""),
    grpc.credentials.createInsecure(),
    zipped ? { "grpc.default_compression_algorithm": grpc.compressionAlgorithms.gzip } : {},
  );
  return {
    name: `@grpc/grpc-js, ${zipped ? "gzip" : "identity"}`,
    wire: "grpc",
    close: () => client.close(),
    call: (rpc, request, key) =>
      new Promise((resolve) => {
        const metadata = new grpc.Metadata();
        for (const [name, value] of Object.entries(headersOf(key))) metadata.set(name, value);
        const method = (client[rpc] as GrpcCall).bind(client);
        method(request, metadata, (error, answer) => {
          const [status] = error?.metadata.get("grpc-status-details-bin") ?? [];
          if (error === null) resolve({ answer: withTimes(answer) as JsonObject });
          else resolve(refusedByStatus(error.code, error.details, status as Buffer | undefined));
        });
      }),
  };
}

/** proto-loader shows a Timestamp as seconds and nanos; here it becomes the text of proto3 JSON. */
function withTimes(value: JsonValue): JsonValue {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(withTimes);
  const { seconds, nanos } = value;
  if (typeof seconds === "string") {
    return toJson(TimestampSchema, create(TimestampSchema, { seconds: BigInt(seconds), nanos: Number(nanos ?? 0) }));
  }
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, withTimes(inner)]));
}

function grpcWebClient(url: string, format: "binary" | "text"): JourneyClient {
  Object.assign(globalThis, { XMLHttpRequest: NodeXhr });
  const client = new grpcWeb.GrpcWebClientBase({ format });
  const anyType = Object as unknown as new () => Message;
  return {
    name: `npm grpc-web, ${format}`,
    wire: "grpc-web",
    close: () => undefined,
    call: (rpc, request, key) =>
      new Promise((resolve) => {
        const { input, output } = methodOf(rpc);
        const path = `/${UserService.typeName}/${rpc}`;
        const descriptor = new grpcWeb.MethodDescriptor<Message, Message>(
          path,
          grpcWeb.MethodType.UNARY,
          anyType,
          anyType,
          (message: Message) => toBinary<DescMessage>(input, message),
          (bytes: Uint8Array) => fromBinary<DescMessage>(output, bytes),
        );
        client.rpcCall(
          url + path,
          fromJson<DescMessage>(input, request),
          headersOf(key),
          descriptor,
          (error, answer) => {
            const status = error?.metadata?.["grpc-status-details-bin"] ?? "";
            if (!error) resolve({ answer: toJson<DescMessage>(output, answer) as JsonObject });
            else
              resolve(
                refusedByStatus(error.code, error.message, status === "" ? undefined : Buffer.from(status, "base64")),
              );
          },
        );
      }),
  };
}
