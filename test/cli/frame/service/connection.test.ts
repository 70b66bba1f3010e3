/** The way to the service: what stands in it, and the exit code of each end of a command. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import * as http2 from "node:http2";
import { type AddressInfo, createServer, type Server } from "node:net";
import { join } from "node:path";
import { Writable } from "node:stream";
import { type TestContext, test } from "node:test";
import { defer } from "../../../support/cleanup.ts";
import { ADMIN_KEY, startService, temporaryFolder } from "../../../support/service.ts";
import { Authority, noOpenssl } from "../../../transport/support/certificates.ts";
import {
  assertRefused,
  cliEnvironment,
  cliOf,
  MAIN,
  printed,
  processOf,
  runOn,
  TestTerminal,
} from "../../support/cli.ts";

/** The port of a server on loopback that goes with the test. */
async function listening(t: TestContext, server: Server | http2.Http2Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  defer(t, () => void server.close());
  return (server.address() as AddressInfo).port;
}

test("a server that is not lockkeeper is described in one sentence, with exit code 6", async (t) => {
  const page = createHttpServer((_, response) => response.end("<html></html>"));
  const pageOverHttp2 = http2.createServer((_, response) => {
    response.writeHead(200, { "content-type": "text/html" });
    response.end("<html></html>");
  });
  const gateway = http2.createServer((_, response) => {
    response.writeHead(502);
    response.end();
  });
  const hangingUp = createServer((socket) => socket.destroy());
  const rows: readonly (readonly [url: string, says: RegExp])[] = [
    ["http://127.0.0.1:1", /^lockkeeper: nothing listens at http:\/\/127\.0\.0\.1:1; is the service running/],
    [`http://127.0.0.1:${await listening(t, page)}`, /does not speak HTTP\/2, which gRPC needs/],
    [`http://127.0.0.1:${await listening(t, pageOverHttp2)}`, /is not lockkeeper, or a proxy in front of it/],
    [`http://127.0.0.1:${await listening(t, gateway)}`, /the proxy at \S+ cannot reach the service behind it/],
    [
      `http://127.0.0.1:${await listening(t, hangingUp)}`,
      /closed the connection.*; if the service speaks TLS, --server is https:/,
    ],
  ];
  for (const [index, [url, says]] of rows.entries()) {
    // A session that meets HTTP/1 emits its error once more after everybody has let go of it: not in this process.
    const run = index === 1 ? processOf : cliOf;
    await assertRefused(run(url)("users show ann"), { code: 6, says });
  }
});

test("http and https are told apart, both ways, and certificates are checked", async (t) => {
  const skip = noOpenssl();
  if (skip !== undefined) return t.skip(skip);
  const folder = await temporaryFolder(t);
  const authority = new Authority(folder);
  const other = new Authority(folder, "other");
  const server = authority.issue("server");
  const person = other.issue("person");
  const config = { tlsCert: server.cert, tlsKey: server.key, tlsClientCa: undefined };
  const { url } = await startService(t, { config });
  const lk = cliOf(url);
  const missing = { code: 3, says: /USER_NOT_FOUND/ };
  await assertRefused(lk(`users show ann --ca ${authority.cert}`), missing);
  await assertRefused(lk("users show ann", { LOCKKEEPER_CA: authority.cert }), missing);
  await assertRefused(lk("users show ann"), {
    code: 6,
    says: /not from an authority that this machine trusts; name the authority with --ca/,
  });
  await assertRefused(cliOf(url.replace("https", "http"))("users show ann"), {
    code: 6,
    says: /if the service speaks TLS, --server is https:/,
  });

  const strict = await startService(t, { config: { ...config, tlsClientCa: other.cert } });
  const known = ["--ca", authority.cert, "--client-cert", person.cert, "--client-key", person.key];
  await assertRefused(cliOf(strict.url)(["users", "show", "ann", ...known]), missing);
  await assertRefused(cliOf(strict.url)(["users", "show", "ann", ...known.slice(0, 2)]), {
    code: 6,
    says: /give --client-cert and --client-key/,
  });

  const plain = await startService(t);
  const https = cliOf(plain.url.replace("http", "https"));
  await assertRefused(https("users show ann"), { code: 6, says: /does not speak TLS; is the service at http:/ });
  await assertRefused(cliOf(plain.url)(["users", "show", "a", "--ca", authority.cert]), {
    code: 2,
    says: /--ca is for https/,
  });
  await assertRefused(https(["users", "show", "a", "--ca", server.key.replace("key", "ext")]), {
    code: 2,
    says: /--ca: \S+ is not a PEM file/,
  });
  await assertRefused(https(["users", "show", "a", ...known.slice(0, 4)]), {
    code: 2,
    says: /go together: give both, or neither/,
  });
});

test("the key comes from a file or the environment, and a wrong one is not repeated", async (t) => {
  const { url, users } = await startService(t);
  const lk = cliOf(url);
  await users.createUser({ userId: "ann" });
  const file = join(await temporaryFolder(t), "key");
  writeFileSync(file, `${ADMIN_KEY}\n`);
  await printed(lk(`users show ann --key-file ${file}`, { LOCKKEEPER_KEY: "wrong" }));
  await assertRefused(lk("users show ann", { LOCKKEEPER_KEY: "" }), {
    code: 5,
    says: /there is no API key: set LOCKKEEPER_KEY, pass --key-file FILE, or run lockkeeper login/,
  });
  assert.match(await printed(lk("status", { LOCKKEEPER_KEY: "" })), /^answers +yes, in \d+ ms\nkey +none; with one,/m);
  await assertRefused(cliOf("http://127.0.0.1:1")("status", { LOCKKEEPER_KEY: "" }), {
    code: 6,
    says: /nothing listens at/,
  });
  await assertRefused(lk("users show ann", { LOCKKEEPER_KEY: "hunter2" }), {
    code: 5,
    says: /^(?!.*hunter2).*\(CREDENTIAL_INVALID\)/,
  });
  await assertRefused(lk("users show ann", { LOCKKEEPER_KEY: "hunter 2" }), {
    code: 2,
    says: /^(?!.*hunter).*LOCKKEEPER_KEY: the key must be/,
  });
  await assertRefused(lk(`users show ann --key-file ${file}x`), {
    code: 2,
    says: /--key-file: \S+ cannot be read: there is no such file or folder$/m,
  });
  await assertRefused(lk("users show ann", { LOCKKEEPER_SERVER: "a:1" }), {
    code: 2,
    says: /LOCKKEEPER_SERVER: the value is not allowed/,
  });
});

test("with --json an error is google.rpc.Status on standard error, one line", async (t) => {
  const { url } = await startService(t);
  const lk = cliOf(url);
  const rows: readonly (readonly [line: string, exitCode: number, code: number, reason: string | undefined])[] = [
    ["users show ann --json", 3, 5, "USER_NOT_FOUND"],
    ["users show --json", 2, 3, undefined],
    ["users show ann --json --server http://127.0.0.1:1", 6, 14, undefined],
  ];
  for (const [line, exitCode, code, reason] of rows) {
    const result = await lk(line);
    assert.equal(result.code, exitCode);
    assert.equal(result.stdout, "");
    assert.match(result.stderr, /^[^\n]+\n$/);
    const status = JSON.parse(result.stderr) as { code: number; message: string; details: { reason?: string }[] };
    assert.equal(status.code, code);
    assert.ok(status.message.length > 10);
    assert.equal(status.details[0]?.reason, reason);
  }
});

test("a service that does not answer is waited for as long as --timeout says, and an interrupt ends with 130", async (t) => {
  const silent = createServer((socket) => void socket.on("error", () => undefined));
  const url = `http://127.0.0.1:${await listening(t, silent)}`;
  await assertRefused(cliOf(url)("users show ann --timeout 300ms"), {
    code: 6,
    says: /no answer from \S+ within 300 ms/,
  });
  const connected = once(silent, "connection");
  const terminal = new TestTerminal({ environment: cliEnvironment(url) });
  const running = runOn(terminal, ["users", "lock", "ann"]);
  await connected;
  terminal.interrupt();
  const { code, stderr } = await running;
  assert.equal(code, 130);
  assert.equal(stderr, "lockkeeper: interrupted; it is not known whether a change in progress was applied\n");
});

test("a reader that has seen enough ends a list quietly, and a full disk is reported", async (t) => {
  const { url, users } = await startService(t);
  for (let batch = 0; batch < 3; batch++) {
    await users.importUsers({ users: Array.from({ length: 1000 }, (_, index) => ({ userId: `${batch}-${index}` })) });
  }
  let written = 0;
  const leaving = new Writable({
    write(chunk: Buffer, _encoding, done) {
      written += chunk.length;
      done(Object.assign(new Error("the reader has gone"), { code: "EPIPE" }));
    },
  });
  const terminal = new TestTerminal({ environment: cliEnvironment(url), stdout: leaving });
  const { code, stderr } = await runOn(terminal, ["users", "list", "--all", "-o", "name"]);
  assert.deepEqual([code, stderr], [0, ""]);
  assert.ok(written < 10_000, "no further page was fetched");
  const full = spawn("sh", ["-c", `exec "$0" "$@" > /dev/full`, process.execPath, MAIN, "users", "list"], {
    env: cliEnvironment(url),
  });
  let said = "";
  full.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const [fullCode] = (await once(full, "close")) as [number | null];
  assert.equal(fullCode, 1);
  assert.match(said, /^lockkeeper: the output cannot be written: ENOSPC/);
});
