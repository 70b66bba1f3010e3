/** examples/login, used as its visitors use it: guesses lock, a ban signs out, nobody is let in by an outage. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createLogin } from "../../examples/login/login.ts";
import { Factor } from "../../gen/lockkeeper/resource/v1/factor_pb.ts";
import { defer } from "../support/cleanup.ts";
import { type Running, startService } from "../support/service.ts";

const ANN = { email: "Ann@Example.com", password: "correct horse" };

interface Visit {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly cookie: string;
}

interface Site {
  readonly running: Running;
  readonly visit: (request: string, more?: { body?: unknown; cookie?: string }) => Promise<Visit>;
}

async function open(t: TestContext): Promise<Site> {
  const running = await startService(t);
  const { secret } = await running.keys.createApiKey({ role: "operator" });
  const server = await createLogin({ url: running.url, key: secret });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  defer(t, () => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const visit: Site["visit"] = async (request, { body, cookie = "" } = {}) => {
    const [method = "", path = ""] = request.split(" ");
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: { cookie },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const set = answer.headers.get("set-cookie") ?? "";
    return { status: answer.status, body: (await answer.json()) as Visit["body"], cookie: set.split(";")[0] ?? "" };
  };
  return { running, visit };
}

test("a person who registers can sign in by any spelling of the address, is known, and can sign out", async (t) => {
  const { visit } = await open(t);
  const { body } = await visit("POST /register", { body: ANN });
  const { status, cookie } = await visit("POST /login", { body: { ...ANN, email: " ann@example.COM " } });
  assert.equal(status, 200);
  assert.deepEqual((await visit("GET /me", { cookie })).body, body);
  await visit("POST /logout", { cookie });
  assert.equal((await visit("GET /me", { cookie })).status, 401);
});

test("an address is one person's: nobody registers it again, however it is spelt, and none registers nothing", async (t) => {
  const { visit } = await open(t);
  const { body } = await visit("POST /register", { body: ANN });
  const again = await visit("POST /register", { body: { email: "ANN@example.com ", password: "another" } });
  assert.deepEqual([again.status, again.body.error], [409, "This address is registered already."]);
  assert.deepEqual((await visit("POST /login", { body: ANN })).body, body);
  assert.equal((await visit("POST /login", { body: { ...ANN, password: "another" } })).status, 401);
  assert.equal((await visit("POST /register", { body: { ...ANN, email: " " } })).status, 400);
});

test("wrong guesses in parallel lock, and then the right password does not help", async (t) => {
  const { running, visit } = await open(t);
  await visit("POST /register", { body: ANN });
  await running.policies.updatePolicy({
    values: { limits: [{ factor: Factor.PASSWORD, attemptsMax: 3 }] },
    updateMask: { paths: ["limits"] },
  });
  const guesses = await Promise.all(
    Array.from({ length: 8 }, (_, i) => visit("POST /login", { body: { ...ANN, password: `guess ${i}` } })),
  );
  assert.deepEqual(guesses.map(({ status }) => status).sort(), [401, 401, 401, 403, 403, 403, 403, 403]);
  const { status, body } = await visit("POST /login", { body: ANN });
  assert.deepEqual([status, body.error], [403, "Your account is locked. You can try again in 60 minutes."]);
});

test("a ban signs out at once, and an unknown user gets the same answer as everybody", async (t) => {
  const { running, visit } = await open(t);
  const { body } = await visit("POST /register", { body: ANN });
  const { cookie } = await visit("POST /login", { body: ANN });
  await running.users.banUser({ userId: String(body.userId) });
  assert.equal((await visit("GET /me", { cookie })).status, 401);
  assert.equal(
    (await visit("POST /login", { body: ANN })).body.error,
    "Your account is banned. Please contact support.",
  );
  const unknown = await visit("POST /login", { body: { ...ANN, email: "bob@example.com" } });
  assert.deepEqual([unknown.status, unknown.body.error], [401, "The email address or the password is wrong."]);
  assert.equal((await visit("POST /login", { body: { email: 1 } })).status, 400);
});

test("nobody is let in while lockkeeper cannot be asked", async (t) => {
  const { running, visit } = await open(t);
  await visit("POST /register", { body: ANN });
  const { cookie } = await visit("POST /login", { body: ANN });
  await running.stop();
  assert.equal((await visit("POST /login", { body: ANN })).status, 503);
  assert.equal((await visit("GET /me", { cookie })).status, 503);
});

test("the example is as small as it is said to be", async () => {
  const source = await readFile(join(import.meta.dirname, "../../examples/login/login.ts"), "utf8");
  assert.ok(source.trimEnd().split("\n").length < 150);
});
