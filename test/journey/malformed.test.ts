/** Corrupt requests on every wire against the whole service: it answers or closes, lives on, and is never at fault. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import * as http2 from "node:http2";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { CALLERS_FAULT } from "../support/hostile-run.ts";
import { mutate, mutateRequest, randomBytes } from "../support/mutation.ts";
import { type Random, seededRandom } from "../support/random.ts";
import { scaled } from "../support/scale.ts";
import { ADMIN_KEY, type Running, type RunOptions, startService } from "../support/service.ts";
import { until } from "../support/until.ts";
import {
  codeOf,
  HangError,
  RAW_WIRES,
  type RawAnswer,
  RawClient,
  type RawRequest,
  type RawWire,
  readAnswer,
} from "../support/wires.ts";

const REQUESTS = scaled({ quick: 2_000, soak: 20_000 });
const BURSTS = scaled({ quick: 3, soak: 20 });
const CONCURRENT = 8;
/** Less than the time that the service gives a client for its headers: it must close at once. */
const HANG_MS = 9_000;

/** What the service is at fault for, whatever it was sent. */
const FAULTS = ["Internal", "Unknown", "DataLoss"];

const AUTHORIZATION = { authorization: `Bearer ${ADMIN_KEY}` };

/** Requests that are right, with something of every kind in them. */
const MESSAGES: readonly (readonly [string, JsonObject])[] = [
  ["LockUser", { userId: "u1", reasonCode: "ABUSE", note: "grüße 🎈", duration: "3600s", expectedSequence: "1" }],
  ["UnlockUser", { userId: "u2", requestId: "0a6e3f0c-52b6-4a0e-9a51-7d2c7a9f2b11" }],
  ["BanUser", { userId: "u3", startTime: "2100-01-01T00:00:00.5Z", never: true }],
  ["DeactivateUser", { userId: "u4", cause: "CAUSE_DIRECTORY", validateOnly: true }],
  [
    "CreateUser",
    {
      userId: "neu",
      profile: { username: "ada", email: "ada@example.com", emailVerified: true, locale: "de-CH" },
      attributes: { billing: { plan: "free", seats: [1, 2.5, null, true, { deep: { deeper: "x" } }] }, crm: {} },
    },
  ],
];

async function start(
  t: TestContext,
  options: RunOptions = {},
): Promise<{ service: Running; client: RawClient; random: Random }> {
  const random = seededRandom(t);
  const service = await startService(t, options);
  for (const userId of ["u1", "u2", "u3", "u4"]) await service.users.createUser({ userId });
  const client = new RawClient(service.url, HANG_MS);
  t.after(() => client.close());
  return { service, client, random };
}

/** Runs `act` so many times, a few at once; what it finds wrong is collected. */
async function burst(count: number, act: (index: number) => Promise<string | undefined>): Promise<void> {
  const found: string[] = [];
  let index = 0;
  const runner = async (): Promise<void> => {
    while (index < count && found.length < 10) {
      const wrong = await act(index++);
      if (wrong !== undefined) found.push(wrong);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT }, runner));
  assert.deepEqual(found, []);
}

/** A good call on each wire succeeds, and the log tells of no fault of the service's own. */
async function assertLives({ url, log }: Running, round: number): Promise<void> {
  const client = new RawClient(url, HANG_MS);
  for (const { name, http, request } of RAW_WIRES) {
    const sent = request("CreateUser", { userId: `${name} ${round}` });
    const answer = await client.send(http, { ...sent, headers: { ...sent.headers, ...AUTHORIZATION } });
    assert.equal(codeOf(answer), "OK", `${name}: ${answer.body}`);
  }
  client.close();
  const faults = log()
    .split("\n")
    .filter((line) => /"level":"(?:warn|error)"|"code":"(?:INTERNAL|UNKNOWN|DATA_LOSS)"/.test(line))
    .filter((line) => !/"reason":"REQUEST_MALFORMED"/.test(line));
  assert.deepEqual(faults, []);
}

/** HTTP has answers of its own: to OPTIONS, to `GET /`, and refusals of a method, a media type, a path. */
function isHttpAnswer({ status }: RawAnswer): boolean {
  return status === 204 || status === 302 || (status >= 400 && status < 500);
}

function goodRequests(): readonly { readonly wire: RawWire; readonly request: RawRequest }[] {
  return RAW_WIRES.flatMap((wire) =>
    MESSAGES.map(([rpc, message]) => {
      const request = wire.request(rpc, message);
      return { wire, request: { ...request, headers: { ...request.headers, ...AUTHORIZATION } } };
    }),
  );
}

test(`${REQUESTS} corrupt requests get an answer of their protocol or a closed connection`, async (t) => {
  const { service, client, random } = await start(t);
  const good = goodRequests();
  const others = good.map(({ request }) => request.body);
  const said = new Map<string, number>();
  const send = async (): Promise<string | undefined> => {
    const { wire, request } = random.pick(good);
    const spoilt = mutateRequest(random, request, others);
    const shown = (): string => `${wire.name}: ${JSON.stringify({ ...spoilt, body: spoilt.body.toString() })}`;
    const count = (what: string): undefined => void said.set(what, (said.get(what) ?? 0) + 1);
    try {
      const answer = await client.send(wire.http, spoilt);
      // HTTP has refusals of its own: of a method, a media type, a path.
      const code = codeOf(answer) ?? (isHttpAnswer(answer) ? `HTTP ${answer.status}` : undefined);
      const read = readAnswer(answer);
      const isCallers = typeof read === "object" && CALLERS_FAULT.test(read.message);
      if (code !== undefined && (isCallers || !FAULTS.includes(code))) return count(code);
      return `${shown()} → ${answer.status} ${JSON.stringify(readAnswer(answer))} ${answer.body}`;
    } catch (error) {
      return error instanceof HangError ? `${shown()} → ${error}` : count("closed");
    }
  };
  for (let round = 0; round < BURSTS; round++) {
    await burst(REQUESTS / BURSTS, send);
    await assertLives(service, round);
  }
  t.diagnostic([...said].map(([code, count]) => `${code} ${count}`).join(", "));
  assert.ok((said.get("OK") ?? 0) < REQUESTS / 2, "the requests are hardly corrupt");
  assert.ok((said.get("closed") ?? 0) < REQUESTS / 4, "most were not answered");
});

/** The bytes that a client sends for a request, taken off the wire. */
async function recordHttp2({ method = "POST", path, headers, body }: RawRequest): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const server = createServer((socket) => {
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("error", () => undefined);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const session = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  session.on("error", () => undefined);
  const stream = session.request({ ":method": method, ":path": path, ...headers });
  stream.on("error", () => undefined);
  stream.end(body);
  const isWhole = (): boolean => Buffer.concat(chunks).includes(Buffer.from(body));
  await until(isWhole, "the whole request");
  session.destroy();
  server.close();
  return Buffer.concat(chunks);
}

function writeHttp1({ method = "POST", path, headers, body }: RawRequest): Buffer {
  const lines = Object.entries({ host: "x", "content-length": `${body.byteLength}`, connection: "close", ...headers });
  const head = [`${method} ${path} HTTP/1.1`, ...lines.map(([name, value]) => `${name}: ${value}`)];
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]);
}

/**
 * Resolves with what came when the connection is closed. `more`: the client may say more; one that has closed its half is
 * taken to be gone, so that nothing is done any more for a client that does not wait for the answer.
 */
function exchange(url: string, bytes: Uint8Array, { more = false } = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const socket: Socket = connect(Number(port), hostname);
    let received = "";
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new HangError(`not closed after ${HANG_MS} ms, received ${JSON.stringify(received)}`));
    }, HANG_MS);
    socket.setEncoding("latin1").on("data", (text: string) => {
      received += text;
    });
    socket.on("error", () => undefined);
    socket.once("close", () => {
      clearTimeout(timer);
      resolve(received);
    });
    if (more) socket.write(bytes);
    else socket.end(bytes);
  });
}

test(`${REQUESTS} connections with corrupt bytes, HTTP/1.1 and HTTP/2 alike, are closed and harm no other`, async (t) => {
  const { service, random } = await start(t);
  const good = goodRequests();
  const recordings: Buffer[] = [];
  for (const { wire, request } of good) {
    recordings.push(wire.http === "2" ? await recordHttp2(request) : writeHttp1(request));
  }
  const control = await exchange(
    service.url,
    recordings[good.findIndex(({ wire }) => wire.http === "1.1")] ?? Buffer.alloc(0),
    { more: true },
  );
  assert.match(control, /^HTTP\/1\.1 200 /, "the recordings are no requests");
  const send = async (index: number): Promise<string | undefined> => {
    const bytes = index % 10 === 0 ? randomBytes(random, 600) : mutate(random, random.pick(recordings), recordings);
    try {
      await exchange(service.url, bytes);
      return undefined;
    } catch (error) {
      return `${bytes.toString("base64")} → ${error}`;
    }
  };
  for (let round = 0; round < BURSTS; round++) {
    await burst(REQUESTS / BURSTS, send);
    await assertLives(service, round);
  }
});

test("an HTTP/2 connection that its client has closed is not kept", async (t) => {
  const { service } = await start(t);
  const { request } = goodRequests().find(({ wire }) => wire.http === "2") ?? assert.fail("there is no HTTP/2");
  await exchange(service.url, await recordHttp2(request));
});

/** Sends LockUser with a deadline of 0 on every wire, once as it should be and once broken; returns the codes. */
async function sendTooLate(client: RawClient): Promise<readonly (string | undefined)[]> {
  const said: (string | undefined)[] = [];
  for (const { name, http, contentType, request } of RAW_WIRES) {
    const sent = request("LockUser", { userId: "u1" });
    const isGrpc = contentType.startsWith("application/grpc");
    const timeout = isGrpc ? { "grpc-timeout": "0S" } : { "connect-timeout-ms": "0" };
    const hurried: RawRequest = { ...sent, headers: { ...sent.headers, ...AUTHORIZATION, ...timeout } };
    said.push(codeOf(await client.send(http, hurried)));
    assert.equal(said.at(-1), "DeadlineExceeded", name);
    said.push(codeOf(await client.send(http, { ...hurried, body: Buffer.from([0, 0, 0, 0, 1, 2, 3]) })));
    assert.match(said.at(-1) ?? "", /^(?:DeadlineExceeded|InvalidArgument)$/, name);
  }
  return said;
}

test("a deadline of 0 has passed on every wire, for what can be decoded and what cannot", async (t) => {
  const { service, client } = await start(t);
  await sendTooLate(client);
  assert.equal((await service.users.getUser({ userId: "u1" })).user?.details?.sequence, 1n);
});

test("the log has each call whose deadline has passed", async (t) => {
  // With ids of its own a service has one thread, whose log a test can read.
  const { service, client } = await start(t, { newId: randomUUID });
  const said = await sendTooLate(client);
  const locks = service.log().matchAll(/"rpc":"[^"]*LockUser".*?"code":"(\w+)"/g);
  const toCode = (text: string): string =>
    text.toLowerCase().replaceAll(/(?:^|_)(\w)/g, (_, c: string) => c.toUpperCase());
  assert.deepEqual([...locks].map(([, code = ""]) => toCode(code)).sort(), [...said].sort());
});
