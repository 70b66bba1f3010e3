/** Raw node:http and node:http2 as servers that do nothing: the least that anything on Node can cost. */
import { createServer as createHttp1 } from "node:http";
import { createServer as createHttp2 } from "node:http2";
import { parseArgs } from "node:util";
import { GRPC_ANSWERS, USER_JSON } from "./answers.ts";

const { values: flags } = parseArgs({ options: { http2: { type: "boolean", default: false } } });

function startHttp1() {
  const body = Buffer.from(USER_JSON);
  return createHttp1((request, response) => {
    request.resume().once("end", () => {
      response.writeHead(200, { "content-type": "application/json", "content-length": body.length }).end(body);
    });
  });
}

function startHttp2() {
  const frames = new Map([...GRPC_ANSWERS].map(([path, bytes]) => [path, framed(bytes)]));
  const server = createHttp2();
  server.on("stream", (stream, headers) => {
    stream.resume().once("end", () => {
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end(frames.get(String(headers[":path"])));
    });
  });
  return server;
}

function framed(message: Buffer): Buffer {
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  return frame;
}

const server = flags.http2 ? startHttp2() : startHttp1();
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  process.stdout.write(`listening on http://127.0.0.1:${address.port}\n`);
});
