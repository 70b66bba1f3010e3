/** Runs in a browser: UserService through connect-web and the npm grpc-web client, as a page uses them. */
import {
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonObject,
  type Message,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import * as grpcWebModule from "grpc-web";
import { UserService } from "../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { type Outcome, refusedByError, refusedByStatus } from "./outcome.ts";

/** One call by a page. It crosses into the browser, so it is plain data. */
export interface PageCall {
  readonly client: string;
  readonly url: string;
  readonly rpc: string;
  readonly request: JsonObject;
  readonly key?: string;
}

type Act = (call: PageCall) => Promise<Outcome>;

const TRANSPORTS: Readonly<Record<string, (baseUrl: string) => Transport>> = {
  "connect-web Connect, binary": (baseUrl) => createConnectTransport({ baseUrl, useBinaryFormat: true }),
  "connect-web Connect, JSON": (baseUrl) => createConnectTransport({ baseUrl }),
  "connect-web gRPC-Web, binary": (baseUrl) => createGrpcWebTransport({ baseUrl }),
  "connect-web gRPC-Web, JSON": (baseUrl) => createGrpcWebTransport({ baseUrl, useBinaryFormat: false }),
};

function byTransport(make: (baseUrl: string) => Transport): Act {
  return async ({ url, rpc, request, key }) => {
    const method = methodOf(rpc);
    const client = createClient(UserService, make(url)) as unknown as Readonly<
      Record<string, (request: Message, options: object) => Promise<Message>>
    >;
    try {
      const answer = await client[method.localName]?.(fromJson(method.input, request), { headers: headersOf(key) });
      return { answer: toJson<DescMessage>(method.output, answer as Message) as JsonObject };
    } catch (reason) {
      return refusedByError(reason);
    }
  };
}

/** CommonJS in Node, a module with names of its own in a browser. */
const grpcWeb = ("default" in grpcWebModule ? grpcWebModule.default : grpcWebModule) as typeof grpcWebModule;

function byGrpcWeb(format: "binary" | "text"): Act {
  const client = new grpcWeb.GrpcWebClientBase({ format });
  const anyType = Object as unknown as new () => Message;
  return ({ url, rpc, request, key }) =>
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
      client.rpcCall(url + path, fromJson<DescMessage>(input, request), headersOf(key), descriptor, (error, answer) => {
        const status = error?.metadata?.["grpc-status-details-bin"] ?? "";
        if (!error) resolve({ answer: toJson<DescMessage>(output, answer) as JsonObject });
        else resolve(refusedByStatus(error.code, error.message, status === "" ? undefined : base64Decode(status)));
      });
    });
}

function methodOf(rpc: string): (typeof UserService.methods)[number] {
  const method = UserService.methods.find(({ name }) => name === rpc);
  if (method === undefined) throw new Error(`UserService has no ${rpc}`);
  return method;
}

function headersOf(key: string | undefined): Record<string, string> {
  return key === undefined ? {} : { authorization: `Bearer ${key}` };
}

const CLIENTS: Readonly<Record<string, Act>> = {
  ...Object.fromEntries(Object.entries(TRANSPORTS).map(([name, make]) => [name, byTransport(make)])),
  "npm grpc-web, binary": byGrpcWeb("binary"),
  "npm grpc-web, text": byGrpcWeb("text"),
};

/** What the test calls in the page. */
export interface Page {
  readonly clients: readonly string[];
  readonly call: (call: PageCall) => Promise<Outcome>;
}

const page: Page = {
  clients: Object.keys(CLIENTS),
  call: (call) => CLIENTS[call.client]?.(call) ?? Promise.reject(new Error(`there is no client ${call.client}`)),
};

Object.assign(globalThis, { page });
