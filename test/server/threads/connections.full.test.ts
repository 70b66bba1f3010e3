/** The bounds of connections with two serving threads: their number is that of the process, slow headers end in each thread. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ADMIN_KEY, type ChildOptions, spawnService, temporaryFolder } from "../../support/service.ts";
import { until } from "../../support/until.ts";

/** A connection whose bytes are written and read by hand. */
interface Raw {
  readonly socket: Socket;
  /** What came until now. */
  received(): string;
}

const HEAD = "GET /v1/whoami HTTP/1.1\r\nHost: localhost\r\n";
const CALL = `${HEAD}Authorization: Bearer ${ADMIN_KEY}\r\n\r\n`;

async function start(t: TestContext, options: Partial<ChildOptions> = {}): Promise<() => Promise<Raw>> {
  const path = join(await temporaryFolder(t), "lockkeeper.db");
  const { url } = await spawnService(t, { path, arguments: ["--threads", "2"], ...options });
  return async () => {
    let text = "";
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    t.after(() => socket.destroy());
    socket.on("error", () => undefined).on("data", (part) => (text += part.toString()));
    await once(socket, "connect");
    return { socket, received: () => text };
  };
}

/** Makes a call; several on one connection are answered there in turn. */
async function call({ socket, received }: Raw): Promise<void> {
  const before = answersIn(received());
  socket.write(CALL);
  await until(() => answersIn(received()) > before, "an answer of 200");
}

const answersIn = (text: string): number => text.split("HTTP/1.1 200").length - 1;

test("at the limit of the process the oldest connection without a call gives way, whichever thread has it", async (t) => {
  const OPEN_FILES = 256;
  const CONNECTIONS = 128;
  const SURPLUS = 5;
  const open = await start(t, { command: ["sh", "-c", `ulimit -n ${OPEN_FILES}; exec "$@"`, "sh"] });
  const used: Raw[] = [];
  // Both threads have some of each: they take turns.
  for (let i = 0; i < 4; i++) used.push(await open());
  for (const each of used) await call(each);
  const idle: Raw[] = [];
  for (let i = used.length; i < CONNECTIONS; i++) idle.push(await open());
  // What was accepted is handed over in this order: an answer here says that all before it are counted.
  await call(idle.at(-1) as Raw);
  assert.ok([...used, ...idle].every(({ socket }) => !socket.closed));
  for (let i = 0; i < SURPLUS; i++) await call(await open());
  await until(() => idle.filter(({ socket }) => socket.closed).length === SURPLUS, "the surplus to be closed");
  assert.ok(idle.slice(0, SURPLUS).every(({ socket }) => socket.closed));
  for (const each of used) await call(each);
});

test("slow headers and silent connections end in each thread", { timeout: 60_000 }, async (t) => {
  const open = await start(t);
  const all: Raw[] = [];
  for (let i = 0; i < 8; i++) all.push(await open());
  // Two neighbours for each kind: one of each thread.
  const isSilent = (index: number): boolean => index % 4 > 1;
  const closed = all.map(({ socket }) => once(socket, "close"));
  for (const [index, { socket }] of all.entries()) if (!isSilent(index)) socket.write(HEAD);
  await Promise.all(closed);
  for (const [index, { received }] of all.entries()) {
    assert.match(received(), isSilent(index) ? /^$/ : /^HTTP\/1\.1 408 /);
  }
});
