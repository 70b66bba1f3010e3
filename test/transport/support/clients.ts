/** The clients that people use: each makes one call of the lab service, and all outcomes have one form. */
import {
  create,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonObject,
  type Message,
  toBinary,
} from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { type Client, type Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { codeFromString } from "@connectrpc/connect/protocol-connect";
import {
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import * as connectWeb from "@connectrpc/connect-web";
import * as grpc from "@grpc/grpc-js";
import grpcWeb from "grpc-web";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../../gen/google/rpc/status_pb.ts";
import type { Wire } from "../../../src/transport/mount.ts";
import { EchoRequestSchema, EchoResponseSchema, LabService } from "./lab-service.ts";
import { NodeXhr } from "./xhr.ts";

export type Outcome =
  | {
      readonly answer: {
        readonly text: string;
        readonly number: bigint;
        readonly wire: string;
        readonly admission: string;
      };
    }
  | { readonly code: Code; readonly message: string; readonly reason: string | undefined };

/** Calls `Say`. Without a credential `authorization` is not sent. */
export type Say = (message: Record<string, unknown>, credential: string | undefined) => Promise<Outcome>;

export interface LabClient {
  readonly name: string;
  readonly wire: Wire;
  readonly say: Say;
  close(): void;
}

export function labClients(url: string): LabClient[] {
  const host = url.replace("http://", "");
  return [
    ...connectNodeClients(url),
    ofTransport("connect-web, Connect", "connect", connectWeb.createConnectTransport({ baseUrl: url })),
    ofTransport("connect-web, gRPC-Web", "grpc-web", connectWeb.createGrpcWebTransport({ baseUrl: url })),
    grpcJsClient(host),
    grpcWebClient(url, "text"),
    grpcWebClient(url, "binary"),
    { name: "JSON POST on the Connect path", wire: "connect", say: jsonSay(url, "/lab.v1.LabService/Say"), close() {} },
    { name: "JSON POST on the REST path", wire: "rest", say: jsonSay(url, "/v1/say"), close() {} },
  ];
}

function connectNodeClients(baseUrl: string): LabClient[] {
  const zipped = { sendCompression: compressionGzip, acceptCompression: [compressionGzip], compressMinBytes: 1 };
  const clients: LabClient[] = [];
  const add = (name: string, wire: Wire, make: (session: Http2SessionManager) => Transport): void => {
    const session = new Http2SessionManager(baseUrl);
    clients.push({ ...ofTransport(`connect-node, ${name}`, wire, make(session)), close: () => session.abort() });
  };
  add("gRPC", "grpc", (sessionManager) => createGrpcTransport({ baseUrl, sessionManager }));
  add("gRPC, gzip", "grpc", (sessionManager) => createGrpcTransport({ baseUrl, sessionManager, ...zipped }));
  add("gRPC, JSON", "grpc", (sessionManager) =>
    createGrpcTransport({ baseUrl, sessionManager, useBinaryFormat: false }),
  );
  for (const useBinaryFormat of [true, false]) {
    const format = useBinaryFormat ? "binary" : "JSON";
    add(`Connect, HTTP/1.1, ${format}`, "connect", () =>
      createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat }),
    );
    add(`Connect, HTTP/2, ${format}`, "connect", (sessionManager) =>
      createConnectTransport({ baseUrl, httpVersion: "2", useBinaryFormat, sessionManager }),
    );
    add(`Connect, HTTP/1.1, ${format}, gzip`, "connect", () =>
      createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat, ...zipped }),
    );
  }
  add("gRPC-Web, HTTP/1.1", "grpc-web", () => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }));
  add("gRPC-Web, HTTP/2", "grpc-web", (sessionManager) =>
    createGrpcWebTransport({ baseUrl, httpVersion: "2", sessionManager }),
  );
  return clients;
}

type LooseClient = Partial<Record<string, (message: object, options: object) => Promise<unknown>>>;

export function looseClient(transport: Transport): LooseClient {
  return createClient(LabService, transport) as Client<typeof LabService> as unknown as LooseClient;
}

function ofTransport(name: string, wire: Wire, transport: Transport): LabClient {
  const client = looseClient(transport);
  const say: Say = async (message, credential) => {
    try {
      return { answer: toAnswer(await client.say?.(message, { headers: headersOf(credential) })) };
    } catch (reason) {
      const error = ConnectError.from(reason);
      return { code: error.code, message: error.rawMessage, reason: error.findDetails(ErrorInfoSchema)[0]?.reason };
    }
  };
  return { name, wire, say, close() {} };
}

function grpcJsClient(host: string): LabClient {
  const client = new grpc.Client(host, grpc.credentials.createInsecure());
  const say: Say = (message, credential) => {
    const metadata = new grpc.Metadata();
    for (const [name, value] of Object.entries(headersOf(credential))) metadata.set(name, value);
    return new Promise((resolve) => {
      client.makeUnaryRequest(
        "/lab.v1.LabService/Say",
        (value: Message) => Buffer.from(toBinary(EchoRequestSchema, value)),
        (bytes: Buffer) => fromBinary(EchoResponseSchema, bytes),
        create(EchoRequestSchema, message),
        metadata,
        (error, value) => {
          const [status] = error?.metadata.get("grpc-status-details-bin") ?? [];
          resolve(
            error === null ? { answer: toAnswer(value) } : toRefusal(error.code, error.details, status as Buffer),
          );
        },
      );
    });
  };
  return { name: "@grpc/grpc-js", wire: "grpc", say, close: () => client.close() };
}

function grpcWebClient(url: string, format: "text" | "binary"): LabClient {
  Object.assign(globalThis, { XMLHttpRequest: NodeXhr });
  const client = new grpcWeb.GrpcWebClientBase({ format });
  const anyMessage = Object as unknown as new () => Message;
  const method = new grpcWeb.MethodDescriptor<Message, Message>(
    "/lab.v1.LabService/Say",
    grpcWeb.MethodType.UNARY,
    anyMessage,
    anyMessage,
    (value: Message) => toBinary(EchoRequestSchema, value),
    (bytes: Uint8Array) => fromBinary(EchoResponseSchema, bytes),
  );
  const say: Say = (message, credential) =>
    new Promise((resolve) => {
      const path = `${url}/lab.v1.LabService/Say`;
      client.rpcCall(path, create(EchoRequestSchema, message), headersOf(credential), method, (error, value) => {
        const status = error?.metadata?.["grpc-status-details-bin"];
        resolve(
          error === null || error === undefined
            ? { answer: toAnswer(value) }
            : toRefusal(error.code, error.message, status === undefined ? undefined : Buffer.from(status, "base64")),
        );
      });
    });
  return { name: `npm grpc-web, ${format}`, wire: "grpc-web", say, close() {} };
}

function jsonSay(url: string, path: string): Say {
  return async (message, credential) => {
    const response = await fetch(url + path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headersOf(credential) },
      body: JSON.stringify(message, (_, value) => (typeof value === "bigint" ? String(value) : value)),
    });
    const json = (await response.json()) as JsonObject;
    if (response.ok) return { answer: toAnswer(fromJson(EchoResponseSchema, json)) };
    const code = typeof json.code === "string" ? codeFromString(json.code) : json.code;
    const [detail] = (json.details ?? []) as { reason?: string; value?: string }[];
    const reason = detail?.value === undefined ? detail?.reason : errorReason(base64Decode(detail.value));
    return { code: code as Code, message: json.message as string, reason };
  };
}

function headersOf(credential: string | undefined): Record<string, string> {
  return credential === undefined ? {} : { authorization: `Bearer ${credential}` };
}

function toAnswer(message: unknown): { text: string; number: bigint; wire: string; admission: string } {
  const { text, number, wire, admission } = message as {
    text: string;
    number: bigint;
    wire: string;
    admission: string;
  };
  return { text, number, wire, admission };
}

function toRefusal(code: number, message: string, statusBytes: Uint8Array | undefined): Outcome {
  const any = statusBytes === undefined ? undefined : fromBinary(StatusSchema, statusBytes).details[0];
  return { code, message, reason: any === undefined ? undefined : errorReason(any.value) };
}

function errorReason(bytes: Uint8Array): string {
  return fromBinary(ErrorInfoSchema as DescMessage, bytes)["reason" as never];
}
