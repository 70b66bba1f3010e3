/** Raw node:http2 that sends as much to as many watchers as lockkeeper does, and does nothing else: the least that it can cost. */
import { createServer, type ServerHttp2Stream } from "node:http2";
import { parseArgs } from "node:util";

const { values: flags } = parseArgs({
  options: {
    /** Of one event. */
    bytes: { type: "string", default: "265" },
    /** Events a second. */
    rate: { type: "string", default: "5000" },
  },
});
const BYTES = Number(flags.bytes);
/** As long as lockkeeper collects events when it has much to do, in milliseconds. */
const PERIOD_MS = 20;
/** A request that names nothing watches everything. */
const EMPTY_REQUEST_BYTES = 5;

const everything: ServerHttp2Stream[] = [];
const organizations: ServerHttp2Stream[] = [];
let sent = 0;

const server = createServer();
server.on("stream", (stream) => {
  stream.respond({ ":status": 200, "content-type": "application/grpc" });
  stream.write(Buffer.alloc(BYTES));
  // Watchers leave by breaking off.
  stream.on("error", () => undefined);
  stream.once("data", (request: Buffer) => {
    (request.length > EMPTY_REQUEST_BYTES ? organizations : everything).push(stream);
  });
});

const begin = performance.now();
setInterval(() => {
  const due = Math.round((Number(flags.rate) * (performance.now() - begin)) / 1_000);
  const all = Buffer.alloc(BYTES * (due - sent));
  for (const stream of everything) stream.write(all);
  for (; sent < due; sent++) organizations[sent % organizations.length]?.write(Buffer.alloc(BYTES));
}, PERIOD_MS);

server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  process.stdout.write(`listening on http://127.0.0.1:${address.port}\n`);
});
