/** Two serving threads: what holds for the process holds however its connections are spread. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ADMIN_KEY, type Child, ended, spawnService, temporaryFolder } from "../../support/service.ts";
import { until } from "../../support/until.ts";

/** The members of all answers that these tests read. */
interface Body {
  readonly token?: string;
  readonly active?: boolean;
  readonly admitted?: boolean;
  readonly secret?: string;
  readonly user?: { readonly state: string };
  readonly apiKey?: { readonly apiKeyId: string };
  readonly details?: readonly { readonly reason?: string }[];
}

interface Answer {
  readonly status: number;
  readonly json: Body | undefined;
  readonly text: string;
}

/** One connection of its own. */
class Connection {
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(t: TestContext, url: string) {
    this.#url = url;
    t.after(() => this.#agent.destroy());
  }

  call(path: string, body?: object, key: string = ADMIN_KEY): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const method = body === undefined ? "GET" : "POST";
      const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
      const sent = request(`${this.#url}${path}`, { agent: this.#agent, method, headers }, (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (part: string) => (text += part));
        answer.on("end", () => {
          const json = text.startsWith("{") ? (JSON.parse(text) as Body) : undefined;
          resolve({ status: answer.statusCode ?? 0, json, text });
        });
      });
      sent.on("error", reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}

/** Begins a call on a connection of its own: the last byte of its body is sent by `finish`, which returns the status. */
function beginCall(url: string, path: string, message: object): { finish(): Promise<number | undefined> } {
  const body = Buffer.from(JSON.stringify(message));
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, "content-type": "application/json" };
  const sent = request(`${url}${path}`, { method: "POST", headers: { ...headers, "content-length": body.length } });
  sent.write(body.subarray(0, -1));
  return {
    finish: () =>
      new Promise((resolve, reject) => {
        sent.on("response", (answer) => answer.resume().on("end", () => resolve(answer.statusCode)));
        sent.on("error", reject);
        sent.end(body.subarray(-1));
      }),
  };
}

/** Whether nobody accepts connections there any more. */
function isClosed(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => {
      socket.destroy();
      resolve(false);
    });
    socket.on("error", () => resolve(true));
  });
}

async function start(t: TestContext, ...args: readonly string[]): Promise<Child & { connect: () => Connection }> {
  const path = join(await temporaryFolder(t), "lockkeeper.db");
  const child = await spawnService(t, { path, arguments: ["--threads", "2", "--stop-grace", "2s", ...args] });
  return { ...child, connect: () => new Connection(t, child.url) };
}

/** Connections that are open at the same time: the threads take turns. */
async function open(service: { connect: () => Connection }, count: number): Promise<readonly Connection[]> {
  const all = Array.from({ length: count }, () => service.connect());
  for (const each of all) assert.equal((await each.call("/readyz")).status, 200);
  return all;
}

/** Failures before a lock, by default. */
const LIMIT = 10;

const reasonOf = ({ json }: Answer): string => json?.details?.[0]?.reason ?? "none";

test("what one thread has answered holds in the other at once", async (t) => {
  const service = await start(t);
  const [a, b] = (await open(service, 2)) as [Connection, Connection];
  for (let i = 0; i < 20; i++) {
    await a.call("/v1/users", { userId: `u${i}` });
    const { json } = await a.call("/v1/sessions", { userId: `u${i}` });
    const verify = { token: json?.token };
    assert.equal((await b.call("/v1/sessions:verify", verify)).json?.active, true, JSON.stringify(json));
    await a.call(`/v1/users/u${i}:ban`, {});
    assert.equal((await b.call(`/v1/users/u${i}`)).json?.user?.state, "STATE_BANNED");
    assert.notEqual((await b.call("/v1/sessions:verify", verify)).json?.active, true);
    const key = (await a.call("/v1/apiKeys", { displayName: "k", role: "viewer" })).json;
    assert.equal((await b.call("/v1/users/u0", undefined, key?.secret)).status, 200);
    await a.call(`/v1/apiKeys/${key?.apiKey?.apiKeyId}:revoke`, {});
    assert.equal((await b.call("/v1/users/u0", undefined, key?.secret)).status, 401);
  }
});

/** Begins an attempt; the caller waits for a place as long as it may. */
const begin = (connection: Connection, number: number): Promise<Answer> =>
  connection.call("/v1/attempts", {
    attemptId: `attempt-${number}-0123456789`,
    subject: { userId: "alice" },
    factor: "FACTOR_PASSWORD",
  });

test("P1 attempts through both threads never exceed the limit, and one that waits gets a place", async (t) => {
  const service = await start(t);
  const all = await open(service, 20);
  await all[0]?.call("/v1/users", { userId: "alice" });
  const admitted: number[] = [];
  const under = all.map((each, i) =>
    begin(each, i).then((answer) => {
      if (answer.json?.admitted === true) admitted.push(i);
      return answer;
    }),
  );
  const isFull = (): boolean => admitted.length >= LIMIT;
  await until(isFull, "the limit to be filled");
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(admitted.length, LIMIT);
  // A success frees its place; calls that wait, in whichever thread, get it.
  const done = service.connect();
  const first = `attempt-${admitted[0]}-0123456789`;
  const completed = await done.call(`/v1/attempts/${first}:complete`, { outcome: "ATTEMPT_OUTCOME_SUCCEEDED" });
  assert.equal(completed.status, 200, completed.text);
  await until(() => admitted.length > LIMIT, "those that wait to get a place");
  service.process.kill("SIGKILL");
  await Promise.allSettled(under);
});

test("failures of an address are counted once for the process", async (t) => {
  const service = await start(t);
  const all = await open(service, 40);
  const answers = await Promise.all(all.map((each) => each.call("/v1/users/u", undefined, "wrong")));
  const reasons = answers.map(reasonOf);
  assert.equal(reasons.filter((each) => each === "CREDENTIAL_INVALID").length, 20, reasons.join());
  assert.equal(reasons.filter((each) => each === "AUTHENTICATION_RATE").length, 20);
});

test("a rate of addresses holds for calls and for unknown paths of both threads", async (t) => {
  const service = await start(t, "--rate-limit-address", "1/m:30");
  const all = await open(service, 4);
  const paths = ["/v1/users/u", "/nothing"];
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, i) => (all[i % 4] as Connection).call(paths[(i >> 2) % 2] as string)),
  );
  assert.equal(answers.filter(({ status }) => status === 429).length, 10, answers.map(({ status }) => status).join());
});

test("a scrape has the sum of both threads", async (t) => {
  const service = await start(t);
  const all = await open(service, 6);
  await Promise.all(all.flatMap((each) => Array.from({ length: 10 }, () => each.call("/v1/users/nobody"))));
  const { text } = await (all[0] as Connection).call("/metrics");
  const count = /lockkeeper_call_duration_seconds_count\{[^}]*GetUser[^}]*\} (\d+)/.exec(text)?.[1];
  assert.equal(count, "60");
  assert.match(text, /^lockkeeper_connections 6$/m);
});

/** Ends the serving thread that finds the file first, as an error that nobody catches does. */
const CRASH = `import { isMainThread, workerData } from "node:worker_threads"; import { rmSync } from "node:fs";
if (!isMainThread && workerData?.times) setInterval(() => {
  try { rmSync(process.env.CRASH_FILE); } catch { return; }
  throw new Error("crashed by the test");
}, 10);`;

test("a thread that crashes is replaced, the other one serves meanwhile, and counters do not fall", async (t) => {
  const folder = await temporaryFolder(t);
  const file = join(folder, "crash");
  const service = await spawnService(t, {
    path: join(folder, "lockkeeper.db"),
    arguments: ["--threads", "2"],
    environment: { CRASH_FILE: file, LOCKKEEPER_LOG_LEVEL: "info" },
    nodeArguments: ["--import", `data:text/javascript,${encodeURIComponent(CRASH)}`],
  });
  const all = await open({ connect: () => new Connection(t, service.url) }, 4);
  await all[0]?.call("/v1/users", { userId: "alice" });
  await all[0]?.call("/metrics");
  writeFileSync(file, "");
  await until(() => /a serving thread ended and is replaced/.test(service.stderr()), "the end of a thread");
  assert.equal((await new Connection(t, service.url).call("/v1/users/alice")).status, 200);
  await until(() => /a serving thread was replaced/.test(service.stderr()), "its replacement");
  const fresh = await open({ connect: () => new Connection(t, service.url) }, 4);
  for (const each of fresh) assert.equal((await each.call("/v1/users/alice")).status, 200);
  const { text } = await (fresh[0] as Connection).call("/metrics");
  assert.match(text, /lockkeeper_call_duration_seconds_count\{[^}]*CreateUser[^}]*\} 1/);
  // Two of the first four, one between, and four: those of the thread that ended hold no places.
  assert.match(text, /^lockkeeper_connections 7$/m);
  service.process.kill("SIGTERM");
  assert.equal(await ended(service), 0, service.stderr());
});

test("threads that crash again and again end the process with a sentence", async (t) => {
  const folder = await temporaryFolder(t);
  const file = join(folder, "crash");
  const service = await spawnService(t, {
    path: join(folder, "lockkeeper.db"),
    arguments: ["--threads", "2"],
    environment: { CRASH_FILE: file },
    nodeArguments: ["--import", `data:text/javascript,${encodeURIComponent(CRASH)}`],
  });
  const timer = setInterval(() => writeFileSync(file, ""), 50);
  t.after(() => clearInterval(timer));
  assert.equal(await ended(service), 1);
  clearInterval(timer);
  // What it wrote last may come after its end.
  const sentence = /the service ends.*serving threads ended 6 times within 60 s/s;
  await until(() => sentence.test(service.stderr()), "the sentence");
});

test("SIGTERM answers what is under way and ends with 0", async (t) => {
  const service = await start(t);
  const [watcher] = (await open(service, 1)) as [Connection];
  const users = Array.from({ length: 8 }, (_, i) => `user-${i}`);
  const calls = users.map((userId) => beginCall(service.url, "/v1/users", { userId }));
  await until(
    async () => /^lockkeeper_requests_in_flight 9$/m.test((await watcher.call("/metrics")).text),
    "all calls to be under way",
  );
  service.process.kill("SIGTERM");
  await until(() => isClosed(service.url), "the port to close");
  const statuses = await Promise.all(calls.map((call) => call.finish()));
  assert.deepEqual(
    statuses,
    users.map(() => 200),
  );
  assert.equal(await ended(service), 0, service.stderr());
});

test("connections that are reset at once leak nothing", async (t) => {
  const service = await start(t);
  const [watcher] = (await open(service, 1)) as [Connection];
  for (let round = 0; round < 10; round++) {
    await Promise.all(
      Array.from(
        { length: 50 },
        (_, i) =>
          new Promise<void>((resolve) => {
            const socket = connect(Number(new URL(service.url).port), "127.0.0.1", () => {
              if (i % 2 === 0) socket.resetAndDestroy();
              else socket.end("GET / HT");
            });
            socket.on("error", () => undefined);
            socket.on("close", () => resolve());
            socket.resume();
          }),
      ),
    );
  }
  await until(
    async () => /^lockkeeper_connections 1$/m.test((await watcher.call("/metrics")).text),
    "all connections to be gone",
  );
});
