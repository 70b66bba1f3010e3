/** examples/: each does what it says, against a running service; those in other languages where their tool chain is there. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import express from "express";
import { createLockkeeperClient, type LockkeeperClient } from "../../clients/typescript/src/node.ts";
import { requireSession, type SessionRequest } from "../../examples/express/require-session.ts";
import { createResourceServer, issueToken } from "../../examples/resource-server/server.ts";
import { defer } from "../support/cleanup.ts";
import { findProgram, runCommand } from "../support/run-command.ts";
import { type Running, startService, temporaryFolder } from "../support/service.ts";

const ROOT = join(import.meta.dirname, "../..");
const EXAMPLES = join(ROOT, "examples");

async function listen(t: TestContext, server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  defer(t, () => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function open(t: TestContext): Promise<{ readonly running: Running; readonly client: LockkeeperClient }> {
  const running = await startService(t);
  const { secret } = await running.keys.createApiKey({ role: "login" });
  const client = createLockkeeperClient({ baseUrl: running.url, key: secret });
  defer(t, () => client.close());
  return { running, client };
}

test("the Express middleware lets nobody pass whose session does not hold at this moment", async (t) => {
  const { running, client } = await open(t);
  const app = express();
  app.use("/account", requireSession(client));
  app.get("/account", (request: SessionRequest, response) => response.end(request.session?.userId));
  const url = await listen(t, createServer(app as RequestListener));
  const statusOf = async (cookie: string): Promise<number> =>
    (await fetch(`${url}/account`, { headers: { cookie } })).status;

  await running.users.createUser({ userId: "ann" });
  const { token } = await running.sessions.createSession({ userId: "ann" });
  const passed = await fetch(`${url}/account`, { headers: { cookie: `theme=dark; session=${token}` } });
  assert.deepEqual([passed.status, await passed.text()], [200, "ann"]);
  for (const cookie of ["", "session=", "session=lks_unknown", `other=${token}`, `session=${token}x`]) {
    assert.equal(await statusOf(cookie), 401, cookie);
  }
  await running.users.banUser({ userId: "ann" });
  assert.equal(await statusOf(`session=${token}`), 401);
  await running.stop();
  assert.equal(await statusOf(`session=${token}`), 503);
});

test("P8 a token that was issued before a ban opens nothing at a resource server that compares epochs", async (t) => {
  const { running, client } = await open(t);
  const tokenKey = crypto.getRandomValues(new Uint8Array(32));
  const url = await listen(t, createResourceServer({ client, tokenKey, staleMs: 0 }));
  const tokenOf = async (userId: string): Promise<string> => {
    const { decision } = await client.signIns.checkSignIn({ userId });
    return issueToken(userId, decision?.revocationEpoch ?? 0n, tokenKey);
  };
  const visit = (token: string): Promise<Response> =>
    fetch(`${url}/notes`, { headers: { authorization: `Bearer ${token}` } });

  await running.users.createUser({ userId: "ann" });
  await running.users.createUser({ userId: "bob" });
  const first = await tokenOf("ann");
  const others = await tokenOf("bob");
  assert.deepEqual(await (await visit(first)).json(), { notesOf: "ann" });
  assert.equal((await visit(`${first}x`)).status, 401);
  await running.users.banUser({ userId: "ann" });
  assert.equal((await visit(first)).status, 401);
  await running.users.unbanUser({ userId: "ann" });
  assert.equal((await visit(first)).status, 401, "lifting the ban revives no token");
  assert.equal((await visit(await tokenOf("ann"))).status, 200);
  assert.equal((await visit(others)).status, 200, "a ban ends nobody else's tokens");
  await running.users.deleteUser({ userId: "bob" });
  assert.equal((await visit(others)).status, 401);
  await running.stop();
  assert.equal((await visit(first)).status, 503);
});

/** What both clients in other languages print: the second sign-in and the second lock are refused. */
const PRINTED = /^allowed: true *\nallowed: false Your account is locked\..*\nrefused: USER_ALREADY_LOCKED\n$/i;

/** The environment of an example, and a user for it. */
async function environmentFor(t: TestContext): Promise<NodeJS.ProcessEnv> {
  const running = await startService(t);
  await running.users.createUser({ userId: "alice" });
  const { secret } = await running.keys.createApiKey({ role: "operator" });
  return { ...process.env, LOCKKEEPER_ADDRESS: new URL(running.url).host, LOCKKEEPER_KEY: secret };
}

/** Google's protos lie below the first folder in the npm package; in a clone they come from google-gax. */
async function generate(outputs: readonly string[], more: readonly string[]): Promise<void> {
  const folder = join(ROOT, "proto");
  const protos = (await readdir(folder, { recursive: true })).filter((file) =>
    /^(?:lockkeeper|buf)\/.*\.proto$/.test(file),
  );
  const roots = ["-I", ".", "-I", join(ROOT, "node_modules/google-gax/build/protos")];
  const { code, stderr } = await runCommand("protoc", [...roots, ...outputs, ...protos, ...more], { folder });
  assert.equal(code, 0, stderr);
}

function isMissing(t: TestContext, programs: readonly string[]): boolean {
  const missing = programs.filter((name) => findProgram(name) === undefined);
  if (missing.length > 0) t.skip(`${missing.join(", ")} is not on PATH`);
  return missing.length > 0;
}

/** A Python that has gRPC; `undefined`: none has. */
async function findPython(): Promise<string | undefined> {
  for (const python of ["python3", "/usr/bin/python3"]) {
    const tried = await runCommand(python, ["-c", "import grpc, google.protobuf"]).catch(() => undefined);
    if (tried?.code === 0) return python;
  }
  return undefined;
}

test("the Python client is admitted, is refused after the lock, and reads the reason", async (t) => {
  if (isMissing(t, ["protoc", "grpc_python_plugin"])) return;
  const python = await findPython();
  if (python === undefined) return t.skip("no python3 has the packages grpcio and protobuf");
  const folder = await temporaryFolder(t);
  const plugin = `--plugin=protoc-gen-grpc_python=${findProgram("grpc_python_plugin")}`;
  const google = ["api/annotations", "api/http", "rpc/status", "rpc/error_details"].map(
    (name) => `google/${name}.proto`,
  );
  await generate([plugin, `--python_out=${folder}`, `--grpc_python_out=${folder}`], google);
  const environment = { ...(await environmentFor(t)), PYTHONPATH: folder };
  const { code, stdout, stderr } = await runCommand(python, [join(EXAMPLES, "python/sign_in.py"), "alice"], {
    environment,
  });
  assert.equal(code, 0, stderr);
  assert.match(stdout, PRINTED);
});

test("the Go client is admitted, is refused after the lock, and reads the reason", async (t) => {
  if (isMissing(t, ["protoc", "go", "protoc-gen-go", "protoc-gen-go-grpc"])) return;
  const path = await temporaryFolder(t);
  // Without modules: Debian's packages of gRPC are sources below /usr/share/gocode, and nothing is downloaded.
  const environment = { GOPATH: `${path}:/usr/share/gocode`, GO111MODULE: "off", GOFLAGS: "" };
  const found = await runCommand("go", ["list", "google.golang.org/grpc"], {
    environment: { ...process.env, ...environment },
  });
  if (found.code !== 0) {
    return t.skip(
      "Go finds no google.golang.org/grpc; on Debian: golang-google-grpc-dev golang-github-golang-protobuf-1-5-dev",
    );
  }
  const sources = join(path, "src");
  await runCommand("mkdir", ["-p", sources]);
  await generate([`--go_out=${sources}`, `--go-grpc_out=${sources}`], []);
  const { code, stdout, stderr } = await runCommand("go", ["run", join(EXAMPLES, "go/main.go"), "alice"], {
    environment: { ...(await environmentFor(t)), ...environment },
    timeoutMs: 170_000,
  });
  assert.equal(code, 0, stderr);
  assert.match(stdout, PRINTED);
});

test("the clients in other languages are as small as they are said to be", async () => {
  for (const file of ["go/main.go", "python/sign_in.py"]) {
    const lines = (await readFile(join(EXAMPLES, file), "utf8")).trimEnd().split("\n");
    assert.ok(lines.length <= 60, `${file} has ${lines.length} lines`);
  }
});
