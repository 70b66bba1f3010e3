/** Every wire at the level of HTTP: what a request looks like on it, sent byte for byte, and which RPC code came back. */

import { once } from "node:events";
import * as http from "node:http";
import * as http2 from "node:http2";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { type DescMessage, fromJson, type JsonObject, toBinary } from "@bufbuild/protobuf";
import { UserService } from "../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { type Outcome, type Refusal, refusedByConnectJson, refusedByStatus, refusedByStatusJson } from "./outcome.ts";
import { roundTrip } from "./round-trip.ts";

type FlatHeaders = Readonly<Record<string, string | undefined>>;

export interface RawAnswer {
  readonly status: number;
  readonly headers: FlatHeaders;
  readonly trailers: FlatHeaders;
  readonly body: Buffer;
}

export interface RawRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** False: the body is never ended; the answer must come anyway. */
  readonly ends?: boolean;
}

/** A way to reach UserService, below any client library. */
export interface RawWire {
  readonly name: string;
  readonly http: "1.1" | "2";
  readonly contentType: string;
  /** The request for an RPC of UserService, without a credential. Paths of REST are those of a lock. */
  readonly request: (rpc: string, message: JsonObject) => RawRequest;
}

/** The length-prefixed form of gRPC and gRPC-Web. */
export function frame(message: Uint8Array, flags = 0): Buffer {
  const bytes = Buffer.alloc(5 + message.byteLength);
  bytes.writeUInt8(flags, 0);
  bytes.writeUInt32BE(message.byteLength, 1);
  bytes.set(message, 5);
  return bytes;
}

type Encode = (rpc: string, message: JsonObject) => Buffer;

const json: Encode = (_, message) => Buffer.from(JSON.stringify(message));
const binary: Encode = (rpc, message) => {
  const input = UserService.methods.find(({ name }) => name === rpc)?.input as DescMessage;
  return Buffer.from(toBinary(input, fromJson(input, message)));
};
const framed: Encode = (rpc, message) => frame(binary(rpc, message));
const framedJson: Encode = (rpc, message) => frame(json(rpc, message));
const text: Encode = (rpc, message) => Buffer.from(framed(rpc, message).toString("base64"));

const RPC_WIRES: readonly (readonly [string, string, Encode])[] = [
  ["gRPC", "application/grpc", framed],
  ["gRPC with JSON", "application/grpc+json", framedJson],
  ["gRPC-Web", "application/grpc-web+proto", framed],
  ["gRPC-Web with JSON", "application/grpc-web+json", framedJson],
  ["gRPC-Web in text", "application/grpc-web-text", text],
  ["Connect", "application/proto", binary],
  ["Connect with JSON", "application/json", json],
];

function rpcWire(name: string, contentType: string, encode: Encode, version: "1.1" | "2"): RawWire {
  return {
    name: `${name}, HTTP/${version}`,
    http: version,
    contentType,
    request: (rpc, message) => ({
      path: `/${UserService.typeName}/${rpc}`,
      headers: { "content-type": contentType, ...(version === "2" ? { te: "trailers" } : {}) },
      body: encode(rpc, message),
    }),
  };
}

function restWire(version: "1.1" | "2"): RawWire {
  return {
    name: `REST, HTTP/${version}`,
    http: version,
    contentType: "application/json",
    request: (rpc, { userId, ...rest }) => {
      const verb = rpc.replace(/User$/, "").toLowerCase();
      const path = verb === "create" ? "/v1/users" : `/v1/users/${encodeURIComponent(String(userId))}:${verb}`;
      const body = verb === "create" ? { userId: userId ?? "", ...rest } : rest;
      return { path, headers: { "content-type": "application/json" }, body: Buffer.from(JSON.stringify(body)) };
    },
  };
}

const isGrpc = (contentType: string): boolean => /^application\/grpc(?!-web)/.test(contentType);

/** Each protocol and format over each version of HTTP that it may use. */
export const RAW_WIRES: readonly RawWire[] = [
  ...(["1.1", "2"] as const).flatMap((version) =>
    RPC_WIRES.filter(([, contentType]) => version === "2" || !isGrpc(contentType)).map(([name, contentType, encode]) =>
      rpcWire(name, contentType, encode, version),
    ),
  ),
  restWire("1.1"),
  restWire("2"),
];

/** Sends one request and waits for the end of its answer. Rejects when there is none within the time. */
export class RawClient {
  readonly #url: URL;
  readonly #timeoutMs: number;
  readonly #agent: http.Agent | false;
  #session: http2.ClientHttp2Session | undefined;

  /** `agent`: keeps connections of HTTP/1.1; without one each request has a connection of its own. */
  constructor(url: string, timeoutMs = 30_000, agent: http.Agent | false = false) {
    this.#url = new URL(url);
    this.#timeoutMs = timeoutMs;
    this.#agent = agent;
  }

  async send(version: "1.1" | "2", request: RawRequest): Promise<RawAnswer> {
    const signal = AbortSignal.timeout(this.#timeoutMs);
    const answer = version === "2" ? this.#send2(request) : this.#send1(request, signal);
    return await Promise.race([
      answer,
      new Promise<never>((_, reject) => {
        const late = () => reject(new HangError(`no end of the answer within ${this.#timeoutMs} ms`));
        signal.addEventListener("abort", late);
        answer.then(
          () => signal.removeEventListener("abort", late),
          () => signal.removeEventListener("abort", late),
        );
      }),
    ]);
  }

  /** HTTP/2: the headers, then what is to happen once the server has them, then the body. */
  async sendSlowly(request: RawRequest, meanwhile: () => void): Promise<RawAnswer> {
    return await this.#send2(request, async () => {
      if (this.#session !== undefined) await roundTrip(this.#session);
      meanwhile();
    });
  }

  close(): void {
    this.#session?.destroy();
    if (this.#agent !== false) this.#agent.destroy();
  }

  async #send1({ method = "POST", path, headers, body, ends = true }: RawRequest, signal: AbortSignal) {
    const { hostname, port } = this.#url;
    const length = ends ? { "content-length": body.byteLength } : {};
    const sent = http.request({
      hostname,
      port,
      method,
      path,
      headers: { ...length, ...headers },
      agent: this.#agent,
      signal,
    });
    sent.on("error", () => undefined);
    if (ends) sent.end(body);
    else sent.write(body);
    const [received] = (await once(sent, "response")) as [http.IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of received) chunks.push(chunk as Buffer);
    if (this.#agent === false) sent.destroy();
    return {
      status: received.statusCode ?? 0,
      headers: flatten(received.headers),
      trailers: flatten(received.trailers),
      body: Buffer.concat(chunks),
    };
  }

  async #send2(
    { method = "POST", path, headers, body, ends = true }: RawRequest,
    beforeBody?: () => Promise<void>,
  ): Promise<RawAnswer> {
    if (this.#session === undefined || this.#session.closed || this.#session.destroyed) {
      this.#session = http2.connect(this.#url);
      this.#session.on("error", () => undefined);
    }
    // A GET may have a body, too.
    const stream = this.#session.request({ ":method": method, ":path": path, ...headers }, { endStream: false });
    let trailers: http2.IncomingHttpHeaders = {};
    stream.on("trailers", (received: http2.IncomingHttpHeaders) => {
      trailers = received;
    });
    const closed = new AbortController();
    stream.once("close", () => closed.abort());
    const responded = once(stream, "response", { signal: closed.signal }) as Promise<
      [http2.IncomingHttpHeaders & { ":status"?: number }]
    >;
    await beforeBody?.();
    if (ends) stream.end(body);
    else stream.write(body);
    const [received] = await responded;
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    return {
      status: received[":status"] ?? 0,
      headers: flatten(received),
      trailers: flatten(trailers),
      body: Buffer.concat(chunks),
    };
  }
}

/** Nothing came back in time. */
export class HangError extends Error {
  override readonly name = "HangError";
}

function flatten(headers: http.IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

/** What an answer says: `OK` or the refusal; `undefined`: it is not an answer of its protocol. */
export function readAnswer(answer: RawAnswer): "OK" | Refusal | undefined {
  const type = answer.headers["content-type"] ?? "";
  if (!type.startsWith("application/grpc")) return readJson(answer, type);
  const inBody = isGrpc(type) ? {} : trailersInBody(answer.body, type, answer.headers["grpc-encoding"]);
  const said: FlatHeaders = { ...answer.headers, ...answer.trailers, ...inBody };
  const status = said["grpc-status"] ?? "";
  if (answer.status !== 200 || !/^\d+$/.test(status)) return undefined;
  const details = said["grpc-status-details-bin"];
  const bytes = details === undefined ? undefined : Buffer.from(details, "base64");
  return status === "0" ? "OK" : refusalIn(refusedByStatus(Number(status), said["grpc-message"] ?? "", bytes));
}

/** The RPC code of an answer by its name in Connect-ES, or `OK`. */
export function codeOf(answer: RawAnswer): string | undefined {
  const read = readAnswer(answer);
  return typeof read === "object" ? read.code : read;
}

function readJson({ status, body }: RawAnswer, type: string): "OK" | Refusal | undefined {
  if (status === 200) return "OK";
  if (type !== "application/json") return undefined;
  const document = JSON.parse(body.toString()) as JsonObject;
  return refusalIn(typeof document.code === "string" ? refusedByConnectJson(document) : refusedByStatusJson(document));
}

function refusalIn(outcome: Outcome): Refusal | undefined {
  return "refusal" in outcome ? outcome.refusal : undefined;
}

/** gRPC-Web ends its body with a frame of trailers. */
function trailersInBody(body: Buffer, type: string, encoding: string | undefined): Record<string, string> {
  const bytes = type.startsWith("application/grpc-web-text") ? decodeGroups(body.toString()) : body;
  for (let at = 0; at + 5 <= bytes.byteLength; ) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    const flags = bytes.readUInt8(at);
    if ((flags & 0x80) !== 0) {
      const sent = bytes.subarray(at + 5, end);
      const plain = (flags & 1) === 0 ? sent : encoding === "br" ? brotliDecompressSync(sent) : gunzipSync(sent);
      const lines = plain.toString("latin1").split("\r\n");
      return Object.fromEntries(lines.map((line) => line.split(/: ?(.*)/s, 2) as [string, string]));
    }
    at = end;
  }
  return {};
}

/** Text may be padded anywhere: decoded in one go it would end at the first padding. */
function decodeGroups(body: string): Buffer {
  return Buffer.concat((body.match(/.{4}/g) ?? []).map((group) => Buffer.from(group, "base64")));
}

/** Calls an RPC of UserService about `alice`, or the user that the message names, with a token. */
export async function ask(client: RawClient, wire: RawWire, token: string, rpc = "LockUser", message: JsonObject = {}) {
  const request = wire.request(rpc, { userId: "alice", ...message });
  const headers = { ...request.headers, authorization: `Bearer ${token}` };
  return await client.send(wire.http, { ...request, headers });
}
