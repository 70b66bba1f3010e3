/** A credential that ends while its call runs: the answer of a read is refused, and that of a change stays. */
import assert from "node:assert/strict";
import { randomUUIDv7 } from "node:crypto";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { readConfig } from "../../src/config.ts";
import * as dialects from "../../src/dialect/dialects.ts";
import { createLog } from "../../src/observability/log.ts";
import { Metrics } from "../../src/observability/metrics.ts";
import { prepareFirstStart } from "../../src/server/first-start.ts";
import { createServing } from "../../src/server/serving/serving.ts";
import { createStreamPlaces } from "../../src/service/stream-places.ts";
import { openStore } from "../../src/store/open-store.ts";
import { defer } from "../support/cleanup.ts";
import { assertRefused } from "../support/refusals.ts";
import { ADMIN_KEY, clientsOf, temporaryFolder } from "../support/service.ts";

/** Stops the next answer of the store until it is let go. */
class Hold {
  #methods: RegExp | undefined;
  #reached = Promise.withResolvers<void>();
  #goOn = Promise.withResolvers<void>();

  arm(methods: RegExp): void {
    this.#methods = methods;
    this.#reached = Promise.withResolvers<void>();
    this.#goOn = Promise.withResolvers<void>();
  }

  get reached(): Promise<void> {
    return this.#reached.promise;
  }

  letGo(): void {
    this.#goOn.resolve();
  }

  /** Returns what the method of the store answered, when it may. */
  async pass(method: string, answer: unknown): Promise<unknown> {
    const answered = await answer;
    if (!this.#methods?.test(method)) return answered;
    this.#methods = undefined;
    this.#reached.resolve();
    await this.#goOn.promise;
    return answered;
  }
}

const READS = /^(?:read|list|search|find)/;
const CHANGES = /^execute$/;

/** A real service over a real store whose answers can be held. */
async function open(t: TestContext) {
  const time = { ahead: 0 };
  const clock = (): number => Date.now() + time.ahead;
  const config = readConfig(["--database", `sqlite:${join(await temporaryFolder(t), "a.db")}`], {});
  const onTrouble = (error: unknown): never => assert.fail(String(error));
  const store = await openStore(config.database, { clock, onTrouble });
  defer(t, () => store.close());
  await prepareFirstStart({ store, newId: randomUUIDv7, adminKey: ADMIN_KEY });
  const hold = new Hold();
  const held = new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      const isHeld = READS.test(String(name)) || CHANGES.test(String(name));
      return (...args: unknown[]): unknown => {
        const answer: unknown = Reflect.apply(member, target, args);
        return isHeld ? hold.pass(String(name), answer) : answer;
      };
    },
  });
  const serving = await createServing({
    config,
    enabled: Object.values(dialects),
    issuers: [],
    connectionsMax: 100,
    store: held,
    clock,
    newId: randomUUIDv7,
    streams: createStreamPlaces({ streamsMax: 1, streamsOfCallerMax: 1 }),
    metrics: new Metrics({ version: "0" }),
    log: createLog({ level: "off", format: "json", clock, sink: () => undefined }),
    traces: undefined,
    onTrouble,
  });
  defer(t, async () => {
    await serving.transport.stop({ graceMs: 0 });
    await serving.close();
  });
  const { url } = await serving.transport.listen({ host: "127.0.0.1", port: 0 });
  const owner = clientsOf(url, ADMIN_KEY);
  await owner.users.createUser({ userId: "alice" });
  const makeKey = async (expireMs?: number) => {
    const expireTime = expireMs === undefined ? {} : { expireTime: timestampFromMs(clock() + expireMs) };
    const { apiKey, secret } = await owner.keys.createApiKey({ role: "owner", ...expireTime });
    return { apiKeyId: apiKey?.apiKeyId ?? "", secret };
  };
  /** Makes the call, ends its key when the store has answered, and returns what the call was answered. */
  const during = async <T>(methods: RegExp, call: () => Promise<T>, end: () => unknown): Promise<T> => {
    hold.arm(methods);
    const answer = call();
    answer.catch(() => undefined);
    await hold.reached;
    await end();
    hold.letGo();
    return await answer;
  };
  return { url, owner, makeKey, during, time };
}

type Sent = readonly [path: string, body?: string | undefined];

async function send(url: string, [path, body]: Sent, secret: string) {
  const headers = { authorization: `Bearer ${secret}`, "content-type": "application/json" };
  const answer = await fetch(`${url}${path}`, { headers, ...(body !== undefined && { method: "POST", body }) });
  return { status: answer.status, body: (await answer.text()).replace(/"clerk_trace_id":"[^"]*"/, "") };
}

const QUERIES: readonly Sent[] = [
  ["/v1/users/alice"],
  ["/v1/users/nobody"],
  ["/v1/users"],
  ["/v1/apiKeys"],
  ["/lockkeeper.user.v1.UserService/GetUser", '{"userId":"alice"}'],
  ["/lockkeeper.signin.v1.SignInService/CheckSignIn", '{"userId":"alice"}'],
  ["/lockkeeper.session.v1.SessionService/VerifySession", '{"token":"TOKEN"}'],
  ["/v2/users/alice"],
  ["/v2/users/nobody"],
  ["/v2/users", "{}"],
  ["/management/v1/users/alice"],
  ["/management/v1/users/_search", "{}"],
  ["/zitadel.user.v2.UserService/GetUserByID", '{"userId":"alice"}'],
  ["/clerk/v1/users/alice"],
  ["/clerk/v1/users/nobody"],
  ["/clerk/v1/users?limit=1"],
];

test("a read whose key is revoked before the answer is refused as if it came after", async (t) => {
  const { url, owner, makeKey, during } = await open(t);
  const { token } = await owner.sessions.createSession({ userId: "alice" });
  for (const [path, body] of QUERIES) {
    const query: Sent = [path, body?.replace("TOKEN", token)];
    const { apiKeyId, secret } = await makeKey();
    const ask = () => send(url, query, secret);
    const answer = await during(READS, ask, () => owner.keys.revokeApiKey({ apiKeyId }));
    assert.equal(answer.status, 401, `${path}: ${answer.body}`);
    assert.deepEqual(answer, await ask(), path);
  }
});

test("a read whose key is rotated or expires before the answer is refused over gRPC", async (t) => {
  const { url, owner, makeKey, during, time } = await open(t);
  const rotated = await makeKey();
  const { apiKeyId } = rotated;
  const ENDS = [
    [rotated, () => owner.keys.rotateApiKey({ apiKeyId, overlap: durationFromMs(0) })],
    [await makeKey(60_000), () => (time.ahead += 60_000)],
  ] as const;
  for (const [{ secret }, end] of ENDS) {
    const ask = () => clientsOf(url, secret).users.getUser({ userId: "alice" });
    await assertRefused(during(READS, ask, end), "Unauthenticated", "CREDENTIAL_INVALID");
  }
});

test("a read is answered while the rotated secret still opens, and refused after the overlap", async (t) => {
  const { url, owner, makeKey, during, time } = await open(t);
  const { apiKeyId, secret } = await makeKey();
  const rotate = () => owner.keys.rotateApiKey({ apiKeyId, overlap: durationFromMs(3_600_000) });
  const ask = () => send(url, ["/v1/users/alice"], secret);
  assert.equal((await during(READS, ask, rotate)).status, 200);
  const { secret: present } = await rotate();
  const askLate = () => send(url, ["/v1/users/alice"], present);
  const rotateAndWait = async (): Promise<void> => {
    await rotate();
    time.ahead += 3_600_000;
  };
  assert.equal((await during(READS, askLate, rotateAndWait)).status, 401);
});

const LOCKS: readonly Sent[] = [
  ["/v1/users/alice:lock", "{}"],
  ["/lockkeeper.user.v1.UserService/UnlockUser", '{"userId":"alice"}'],
  ["/v2/users/alice/lock", "{}"],
  ["/management/v1/users/alice/_unlock", "{}"],
  ["/clerk/v1/users/alice/lock", ""],
];

test("a change that is on disk is answered OK though its key is revoked before the answer", async (t) => {
  const { url, owner, makeKey, during } = await open(t);
  for (const lock of LOCKS) {
    const { apiKeyId, secret } = await makeKey();
    const change = () => send(url, lock, secret);
    const answer = await during(CHANGES, change, () => owner.keys.revokeApiKey({ apiKeyId }));
    assert.equal(answer.status, 200, `${lock[0]}: ${answer.body}`);
    assert.equal((await change()).status, 401, lock[0]);
  }
});

test("a key rotates and revokes itself with success", async (t) => {
  const { url, makeKey } = await open(t);
  const { apiKeyId, secret } = await makeKey();
  const rotated = await clientsOf(url, secret).keys.rotateApiKey({ apiKeyId, overlap: durationFromMs(0) });
  const revoked = await clientsOf(url, rotated.secret).keys.revokeApiKey({ apiKeyId });
  assert.notEqual(revoked.apiKey?.revokeTime, undefined);
});
