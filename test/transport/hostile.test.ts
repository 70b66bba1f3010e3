/** Malformed bytes on every wire: an answer or a closed connection within the limits, and the next caller is served. */
import assert from "node:assert/strict";
import { once } from "node:events";
import * as http2 from "node:http2";
import { type AddressInfo, connect, createServer } from "node:net";
import { after, before, describe, it } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { type Lab, startLab } from "./support/lab.ts";
import { EchoRequestSchema } from "./support/lab-service.ts";
import { frame, grpcHeader, open, openSocket, receive } from "./support/raw.ts";

const hello = frame(toBinary(EchoRequestSchema, create(EchoRequestSchema, { text: "hello", number: 7n })));

/** The bytes that Node's own client sends for one gRPC call: preface, settings, headers, data. */
async function recordHttp2(lab: Lab): Promise<Buffer> {
  const sent: Buffer[] = [];
  const proxy = createServer((client) => {
    const server = connect(lab.port, lab.host);
    client.on("data", (chunk: Buffer) => {
      sent.push(chunk);
      server.write(chunk);
    });
    server.pipe(client);
    client.on("close", () => server.destroy());
    server.on("error", () => undefined);
    client.on("error", () => undefined);
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const session = http2.connect(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
  const stream = open(session, { path: "/lab.v1.LabService/Say", header: grpcHeader, body: hello });
  stream.resume();
  await once(stream, "close");
  const bytes = Buffer.concat(sent);
  session.destroy();
  proxy.close();
  return bytes;
}

function post(path: string, contentType: string, body: Buffer, more = ""): Buffer {
  const head =
    `POST ${path} HTTP/1.1\r\nHost: lab\r\nAuthorization: Bearer one\r\nContent-Type: ${contentType}\r\n` +
    `Content-Length: ${body.byteLength}\r\n${more}\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

function mutate(bytes: Buffer, changes: readonly (readonly [where: number, what: number])[], keep: number): Buffer {
  const mutated = Buffer.from(bytes);
  for (const [where, what] of changes) mutated[Math.floor(where * mutated.byteLength)] = what;
  return mutated.subarray(0, Math.ceil(keep * mutated.byteLength));
}

describe("hostile bytes", { concurrency: true }, () => {
  let lab: Lab;
  const limits = { headerTimeoutMs: 100, requestTimeoutMs: 100, idleTimeoutMs: 100, lingerMs: 20, bodyBytesMax: 1_000 };
  before(async () => {
    lab = await startLab({ limits });
  });
  after(() => lab.stop());

  const fraction = fc.double({ min: 0, max: 0.999, noNaN: true });
  const changes = fc.array(fc.tuple(fraction, fc.nat(255)), { maxLength: 5 });
  const ending = fc.oneof(fc.constant(1), fraction);

  /** Runs sixteen connections at a time: most of them wait for a limit. */
  async function survives(bytes: Buffer): Promise<void> {
    const batch = fc.array(fc.tuple(changes, ending, fc.boolean()), { minLength: 16, maxLength: 16 });
    const property = fc.asyncProperty(batch, async (cases) => {
      await Promise.all(
        cases.map(async ([change, keep, halfClose]) => {
          const socket = await openSocket(lab);
          const received = receive(socket);
          socket.write(mutate(bytes, change, keep));
          if (halfClose) socket.end();
          const text = await received;
          assert.ok(text === "" || /^HTTP\/1\.1 \d{3} /.test(text) || text.charCodeAt(3) === 4, JSON.stringify(text));
        }),
      );
    });
    await fc.assert(property, { numRuns: 5, endOnFailure: true });
    assert.equal((await fetch(`${lab.url}/healthz`, { headers: { connection: "close" } })).status, 200);
    assert.deepEqual(lab.internals.map(String), []);
  }

  const json = Buffer.from('{"text": "héllo", "number": "18446744073709551615", "nested": {"data": "AAEC"}}');
  const text = Buffer.from(hello.toString("base64"));
  const wires: [string, () => Buffer | Promise<Buffer>][] = [
    ["Connect JSON", () => post("/lab.v1.LabService/Say", "application/json", json)],
    ["Connect binary", () => post("/lab.v1.LabService/Say", "application/proto", hello.subarray(5))],
    [
      "Connect streaming",
      () => post("/lab.v1.LabService/Count", "application/connect+proto", frame(Buffer.from([8, 3]))),
    ],
    ["gRPC-Web", () => post("/lab.v1.LabService/Say", "application/grpc-web+proto", hello)],
    ["gRPC-Web text", () => post("/lab.v1.LabService/Say", "application/grpc-web-text", text)],
    ["REST", () => post("/v1/say", "application/json", json, "Accept-Encoding: gzip\r\nGrpc-Timeout: 10S\r\n")],
    ["gRPC over HTTP/2", () => recordHttp2(lab)],
  ];
  for (const [name, bytes] of wires) {
    it(`do no harm: ${name}`, async () => {
      await survives(await bytes());
    });
  }
});
