/** The service as a process: how it stops, what it leaves to its neighbour, and what it says of a wrong command line. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import * as http2 from "node:http2";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { State } from "../../gen/lockkeeper/user/v1/user_pb.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { ROOT, strangersEnvironment } from "../support/npm-start.ts";
import { roundTrip } from "../support/round-trip.ts";
import { type CommandResult, runCommand } from "../support/run-command.ts";
import { ADMIN_KEY, type Child, clientsOf, ended, spawnService, temporaryFolder } from "../support/service.ts";
import { until } from "../support/until.ts";
import { RAW_WIRES } from "../support/wires.ts";

const MAIN = join(ROOT, "src/main.ts");

/** A lock over HTTP/1.1 without the last byte of its body. */
async function openLock(url: string, userId: string): Promise<{ finish: () => Promise<string>; socket: Socket }> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let received = "";
  socket.setEncoding("utf8").on("data", (text: string) => {
    received += text;
  });
  const closed = new Promise<string>((resolve) => socket.once("close", () => resolve(received)));
  socket.on("error", () => undefined);
  const body = '{"reasonCode":"ABUSE"}';
  const head = [
    `POST /v1/users/${userId}:lock HTTP/1.1`,
    `Host: ${hostname}:${port}`,
    `Authorization: Bearer ${ADMIN_KEY}`,
    "Content-Type: application/json",
    `Content-Length: ${body.length}`,
    "Expect: 100-continue",
  ];
  // The service says so once it has the head.
  const begun = once(socket, "data");
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  await begun;
  socket.write(body.slice(0, -1));
  return {
    socket,
    finish: () => {
      socket.write(body.slice(-1));
      return closed;
    },
  };
}

/** A ban by gRPC without the last byte of its message. */
async function openBan(url: string, userId: string): Promise<() => Promise<string | undefined>> {
  const session = http2.connect(url);
  session.on("error", () => undefined);
  const wire = RAW_WIRES.find(({ contentType }) => contentType === "application/grpc");
  const { path, headers, body } = wire?.request("BanUser", { userId }) ?? assert.fail("there is no gRPC");
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    ...headers,
    authorization: `Bearer ${ADMIN_KEY}`,
  });
  stream.on("error", () => undefined);
  const status = new Promise<string | undefined>((resolve) => {
    stream.once("trailers", (trailers: http2.IncomingHttpHeaders) => resolve(trailers["grpc-status"] as string));
    stream.once("close", () => resolve(undefined));
  });
  stream.resume();
  stream.write(body.subarray(0, -1));
  await roundTrip(session);
  return async () => {
    stream.end(body.subarray(-1));
    const said = await status;
    session.destroy();
    return said;
  };
}

/** The first that a stop does, as far as others see it. */
async function untilClosed(url: string): Promise<void> {
  const isClosed = (): Promise<boolean> =>
    fetch(`${url}/healthz`, { headers: { connection: "close" } }).then(
      () => false,
      () => true,
    );
  await until(isClosed, "the end of the port");
}

async function startWithUser(t: TestContext, grace: string): Promise<{ child: Child; path: string }> {
  const path = join(await temporaryFolder(t), "lockkeeper.db");
  const child = await spawnService(t, {
    path,
    arguments: ["--stop-grace", grace],
    environment: { LOCKKEEPER_LOG_LEVEL: "info" },
  });
  const { users } = clientsOf(child.url, ADMIN_KEY);
  await users.createUser({ userId: "u1" });
  await users.createUser({ userId: "u2" });
  return { child, path };
}

test("SIGTERM lets calls under way finish, takes no new ones, and ends with exit code 0", async (t) => {
  const { child, path } = await startWithUser(t, "60m");
  const lock = await openLock(child.url, "u1");
  const ban = await openBan(child.url, "u2");
  child.process.kill("SIGTERM");
  await untilClosed(child.url);
  assert.equal(child.process.exitCode, null, "it did not wait");
  const answer = await lock.finish();
  assert.match(answer, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
  assert.match(answer, /"state":"STATE_LOCKED"/);
  assert.match(answer, /^connection: close\r$/im);
  assert.equal(await ban(), "0");
  assert.equal(await ended(child), 0, child.stderr());

  const next = await spawnService(t, { path });
  const { users } = clientsOf(next.url, ADMIN_KEY);
  assert.equal((await users.getUser({ userId: "u1" })).user?.state, State.LOCKED);
  assert.equal((await users.getUser({ userId: "u2" })).user?.state, State.BANNED);
});

test("a call that does not finish is cut off when the grace time ends, and the exit code is still 0", async (t) => {
  const { child } = await startWithUser(t, "500ms");
  const { socket } = await openLock(child.url, "u1");
  child.process.kill("SIGTERM");
  assert.equal(await ended(child), 0, child.stderr());
  socket.destroy();
});

test("a second signal ends it at once, with exit code 1", async (t) => {
  const { child } = await startWithUser(t, "60m");
  const { socket } = await openLock(child.url, "u1");
  child.process.kill("SIGTERM");
  await untilClosed(child.url);
  child.process.kill("SIGINT");
  assert.equal(await ended(child), 1);
  socket.destroy();
});

function serve(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<CommandResult> {
  return runCommand(process.execPath, [MAIN, ...args], {
    environment: strangersEnvironment(environment),
    timeoutMs: 20_000,
  });
}

/** One line on standard error, `lockkeeper: …`; nothing else anywhere. */
function assertOneSentence({ code, stdout, stderr }: CommandResult, wanted: { code: number; says: RegExp }): void {
  assert.equal(stdout, "");
  assert.match(stderr, /^lockkeeper: [^\n]+\n$/);
  assert.match(stderr, wanted.says);
  assert.equal(code, wanted.code, stderr);
}

test("a second process on the same file is refused in one sentence, and the first one is not disturbed", async (t) => {
  const { child, path } = await startWithUser(t, "1s");
  const args = ["serve", "--listen", "127.0.0.1:0", "--database", `sqlite:${path}`];
  assertOneSentence(await serve(args), { code: 1, says: /another process/ });
  const { users } = clientsOf(child.url, ADMIN_KEY);
  assert.equal((await users.lockUser({ userId: "u1" })).user?.state, State.LOCKED);
});

test("a port that is taken is refused in one sentence, and a first start that fails so leaves nothing and has not spent its key", async (t) => {
  const { child } = await startWithUser(t, "1s");
  const folder = await temporaryFolder(t);
  const path = join(folder, "other.db");
  const args = ["serve", "--listen", new URL(child.url).host, "--database", `sqlite:${path}`];
  const says =
    /^lockkeeper: --listen, LOCKKEEPER_LISTEN: port \d+ of 127\.0\.0\.1 is in use by another process; .*\(0 picks a free one\)$/m;
  for (const _ of ["once", "twice"]) {
    assertOneSentence(await serve(args), { code: 1, says });
    assert.deepEqual(readdirSync(folder), []);
  }
  const next = await spawnService(t, { path, environment: { LOCKKEEPER_ADMIN_KEY: "" } });
  const key = /^admin key, shown this once: (lk_\w+)$/m.exec(next.stdout())?.[1] ?? assert.fail(next.stdout());
  assert.equal((await clientsOf(next.url, key).users.createUser({})).details?.sequence, 1n);
});

test("a start says what it made, which databases lie next to it, and what runs; a stop says when it is over", async (t) => {
  const folder = await temporaryFolder(t);
  const environment = { LOCKKEEPER_LOG_LEVEL: "info", LOCKKEEPER_ADMIN_KEY: ADMIN_KEY };
  const first = await spawnService(t, { path: join(folder, "lockkeeper.db"), environment });
  assert.match(first.stdout(), /^new, empty database \S+\/lockkeeper\.db\nlistening on /);
  first.process.kill("SIGTERM");
  assert.equal(await ended(first), 0);
  const mistyped = await spawnService(t, {
    path: join(folder, "lockeeper.db"),
    listen: "0.0.0.0:0",
    arguments: ["--cors-origins", "*"],
    environment: { ...environment, LOCKKEEPER_DATBASE: "sqlite:secret-path", LOCKKEEPER_X: "1" },
  });
  assert.match(
    mistyped.stdout(),
    /^new, empty database \S+\/lockeeper\.db\n {2}the folder also has lockkeeper\.db; if it was meant, stop /,
  );
  mistyped.process.kill("SIGTERM");
  assert.equal(await ended(mistyped), 0);
  const log = mistyped.stderr();
  assert.match(
    log,
    / warn the environment variable LOCKKEEPER_DATBASE is not known and has no effect; did you mean LOCKKEEPER_DATABASE\?\n/,
  );
  assert.match(
    log,
    / warn the environment variable LOCKKEEPER_X is not known .*; lockkeeper serve --help lists those of the service\n/,
  );
  assert.doesNotMatch(log, /secret-path/);
  assert.match(log, / warn --listen 0\.0\.0\.0 accepts connections from other machines in cleartext: /);
  assert.match(log, / warn --cors-origins '\*' lets the pages of every origin call from a browser; /);
  assert.match(
    log,
    / info started version=\S+ node=v\S+ url=\S+ database=\S+ schema=00\d\d-\S+ generation=1 console=\S+\/console dialects=none tls=off\n/,
  );
  assert.match(log, / info stopping signal=SIGTERM\n(?:.*\n)* ?.* info stopped ms=\d+\n$/);

  const again = await spawnService(t, { path: join(folder, "lockkeeper.db"), environment });
  assert.equal(again.stdout(), `listening on ${again.url}\n`);
  assert.doesNotMatch(again.stderr(), / warn /);
});

test("--create-database false refuses a path where there is no database, and makes nothing", async (t) => {
  const folder = await temporaryFolder(t);
  const args = ["serve", "--create-database", "false", "--database", `sqlite:${folder}/none/lockkeeper.db`];
  const says =
    /^lockkeeper: --database: there is no database \S+\/none\/lockkeeper\.db, and --create-database is false$/m;
  assertOneSentence(await serve(args), { code: 2, says });
  assert.equal(existsSync(join(folder, "none")), false);
  const path = join(folder, "empty.db");
  const empty = /^lockkeeper: --database: the file \S+\/empty\.db is empty, and --create-database is false$/m;
  const emptyFiles = [
    () => writeFileSync(path, ""),
    // What a first start that was cut off leaves.
    async () => (await openSqliteStore({ path, clock: Date.now })).close(),
  ];
  for (const make of emptyFiles) {
    await make();
    const before = readFileSync(path);
    const result = await serve(["serve", "--create-database", "false", "--database", `sqlite:${path}`]);
    assertOneSentence(result, { code: 2, says: empty });
    assert.deepEqual(readFileSync(path), before);
  }
});

test("a wrong command line is refused in one sentence that says what is allowed, with exit code 2", async () => {
  const rows: [string[], NodeJS.ProcessEnv, RegExp][] = [
    [["serve", "--nonsense", "1"], {}, /--nonsense/],
    [["serve", "--listen", "nonsense"], {}, /--listen: "nonsense".*host:port/],
    [["serve", "--database", "mysql://user:hunter2@db/x"], {}, /--database.*sqlite:PATH/],
    [
      ["serve", "--database", "postgres://user:hunter2@db:0/x"],
      {},
      /--database, LOCKKEEPER_DATABASE: .*the port of db/,
    ],
    [["serve", "extra"], {}, /extra/],
    [["sreve"], {}, /"sreve" is not a command/],
    [["serve"], { LOCKKEEPER_ADMIN_KEY: "hunter2" }, /LOCKKEEPER_ADMIN_KEY: .*7 characters.* 32/],
    [["serve"], { LOCKKEEPER_STOP_GRACE: "soon" }, /LOCKKEEPER_STOP_GRACE: "soon".*10s/],
  ];
  await Promise.all(
    rows.map(async ([args, environment, says]) => {
      const result = await serve(args, environment);
      assertOneSentence(result, { code: 2, says });
      assert.doesNotMatch(result.stderr, /hunter2/);
    }),
  );
});

test("--help says what can be set, and exits with 0", async () => {
  const { code, stdout, stderr } = await serve(["serve", "--help"]);
  assert.deepEqual([code, stderr], [0, ""]);
  for (const name of ["--listen", "LOCKKEEPER_ADMIN_KEY", "--stop-grace"]) assert.ok(stdout.includes(name), name);
});

test("the service goes on when the reader of its log is gone", async (t) => {
  const child = await spawnService(t, {
    path: join(await temporaryFolder(t), "lockkeeper.db"),
    environment: { LOCKKEEPER_LOG_LEVEL: "info" },
  });
  child.process.stderr.destroy();
  const { users } = clientsOf(child.url, ADMIN_KEY);
  for (let i = 0; i < 20; i++) await users.createUser({ userId: `u${i}` });
  assert.equal((await fetch(`${child.url}/healthz`)).status, 200);
});

/** Packages and files that a start reads, at most: reading them is most of its time. */
const MODULES_MAX = 620;

test("a start loads nothing that only other commands, settings or threads need", async (t) => {
  const hook = `import { registerHooks } from "node:module";
    import { isMainThread } from "node:worker_threads";
    const load = (url, context, next) => { process.stderr.write("loads " + url + "\\n"); return next(url, context); };
    if (isMainThread) registerHooks({ load });`;
  const path = join(await temporaryFolder(t), "lockkeeper.db");
  const nodeArguments = ["--import", `data:text/javascript,${encodeURIComponent(hook)}`];
  const child = await spawnService(t, { path, nodeArguments });
  await clientsOf(child.url, ADMIN_KEY).users.listUsers({});
  const urls = new Set([...child.stderr().matchAll(/^loads (file:\S+)/gm)].map(([, url = ""]) => url));
  const loaded = [...urls].map((url) => /\/(node_modules\/(?:@[^/]+\/)?[^/]+|(?:src|gen)\/\S+)/.exec(url)?.[1] ?? url);
  assert.ok(loaded.includes("node_modules/better-sqlite3") && loaded.includes("src/server/serve.ts"));
  assert.ok(urls.size <= MODULES_MAX, `${urls.size} modules; at most ${MODULES_MAX}`);
  const needless =
    /^(?:node_modules\/(?:jose|csv-parse|kysely|prom-client|@opentelemetry\/.*)|src\/(?:dialect\/\w+\/(?!dialect\.ts).*|observability\/(?:otlp|process-).*|auth\/tokens\.ts|cli\/import\/run.*|store\/sqlite\/offline\/.*|openapi\/.*))$/;
  assert.deepEqual(
    loaded.filter((name) => needless.test(name)),
    [],
  );
});
