/** SIGHUP reloads the certificate, at any time since the process began, and the log says truly with which result. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { defer } from "../support/cleanup.ts";
import { ROOT } from "../support/npm-start.ts";
import { ADMIN_KEY, type Child, spawnService, temporaryFolder } from "../support/service.ts";
import { until } from "../support/until.ts";
import { Authority, type Issued, noOpenssl } from "../transport/support/certificates.ts";

/** The log from a place on, as soon as it has that much. */
async function logged(read: () => string, pattern: RegExp): Promise<string> {
  await until(() => pattern.test(read()), `${pattern}`);
  return read();
}

test("SIGHUP during the start does not end it, and is heeded when it runs", async (t) => {
  const path = join(await temporaryFolder(t), "lockkeeper.db");
  const args = ["serve", "--listen", "127.0.0.1:0", "--database", `sqlite:${path}`];
  const child = spawn(process.execPath, [join(ROOT, "src/main.ts"), ...args], {
    env: { ...process.env, LOCKKEEPER_ADMIN_KEY: ADMIN_KEY, LOCKKEEPER_LOG_LEVEL: "info" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  defer(t, () => {
    child.kill("SIGKILL");
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  // The database is there before its schema, and long before the port.
  while (!existsSync(`${path}.lock`) && child.exitCode === null) await delay(1);
  assert.equal(stdout, "");
  child.kill("SIGHUP");
  await logged(() => stderr, /SIGHUP: the port serves cleartext, so there is nothing to reload/);
  assert.match(stdout, /^listening on /m);
  assert.doesNotMatch(stderr, /certificate reloaded/);
  child.kill("SIGTERM");
  const [code] = (await once(child, "exit")) as [number | null];
  assert.equal(code, 0, stderr);
});

test("SIGHUP tells of files that cannot be used, and locks nobody out", { skip: noOpenssl() ?? false }, async (t) => {
  const folder = await temporaryFolder(t);
  const authority = new Authority(folder);
  const client = authority.issue("client");
  const { cert, key } = authority.issue("server");
  const clientCa = join(folder, "client-ca.pem");
  copyFileSync(authority.cert, clientCa);
  const child: Child = await spawnService(t, {
    path: join(folder, "lockkeeper.db"),
    arguments: ["--tls-cert", cert, "--tls-key", key, "--tls-client-ca", clientCa],
    environment: { LOCKKEEPER_LOG_LEVEL: "info" },
  });
  const get = (by: Issued): Promise<number | string | undefined> =>
    new Promise((resolve) => {
      const identity = { ca: authority.certPem, cert: by.certPem, key: by.keyPem };
      const sent = request(`${child.url}/healthz`, { agent: false, ...identity }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      sent.on("error", (error: NodeJS.ErrnoException) => resolve(error.code));
      sent.end();
    });
  assert.equal(await get(client), 200);
  writeFileSync(clientCa, "-----BEGIN CERTIFICATE-----\n");
  child.process.kill("SIGHUP");
  const told = await logged(child.stderr, /the previous one stays in use/);
  assert.match(told, /client-ca\.pem is not certificates of authorities/);
  assert.doesNotMatch(told, /certificate reloaded/);
  assert.equal(await get(client), 200);
  copyFileSync(authority.cert, clientCa);
  const former = readFileSync(key);
  copyFileSync(authority.issue("rsa", 2, "rsa").key, key);
  child.process.kill("SIGHUP");
  const [line = ""] = (await logged(child.stderr, /\n.*is not the key of the first certificate.*\n/))
    .split("\n")
    .slice(-2);
  assert.match(line, /the previous one stays in use .*server\.key is not the key of/);
  assert.doesNotMatch(line, /\bat .*:\d+/, "a sentence without a stack");
  assert.equal(await get(client), 200);
  writeFileSync(key, former);
  const others = new Authority(folder, "others");
  copyFileSync(others.cert, clientCa);
  child.process.kill("SIGHUP");
  await logged(child.stderr, /certificate reloaded/);
  assert.notEqual(await get(client), 200);
  assert.equal(await get(others.issue("friend")), 200);
});
