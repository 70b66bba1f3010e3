/** The refusals of the OpenAPI document are true: a real service answers each of them, word for word. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { REASONS } from "../../src/domain/refusal.ts";
import { ATTEMPT_ID, EXAMPLES, MADE } from "../../src/openapi/examples.ts";
import { OF_NO_OPERATION } from "../../src/openapi/refusals.ts";
import { ADMIN_KEY, type Running, type RunOptions, startService, TestClock } from "../support/service.ts";
import { at, isConnect, type Operation, operationsOf, readDocument, refusalsIn } from "./support/operations.ts";

/** Reasons that take more than one call to provoke; other tests provoke them. */
const MADE_ELSEWHERE: readonly string[] = [
  "HISTORY_CHANGED",
  "SEARCH_TOO_BROAD",
  "ISSUER_UNAVAILABLE",
  "SERVICE_STOPPING",
  "SERVICE_BUSY",
  "UNFORESEEN",
  "STORE_UNAVAILABLE",
  "STORE_REJECTED",
  "QUEUE_FULL",
  "DEADLINE_PASSED",
];

/** A body that is refused for the first of these members that the request has. */
const FAULTS: Readonly<Record<string, JsonObject>> = {
  defaultLockDuration: { defaultLockDuration: "-60s" },
  values: { values: { lockDuration: "-60s" } },
  token: { token: "x" },
  sessionId: { sessionId: "" },
  idleTimeout: { idleTimeout: "-60s" },
  duration: { duration: "-60s" },
  overlap: { overlap: "-60s" },
  cause: { cause: "CAUSE_POLICY" },
  reasonCode: { reasonCode: "spam" },
  network: { network: "192.0.2" },
  outcome: { outcome: "ATTEMPT_OUTCOME_UNSPECIFIED" },
  role: { role: "boss" },
  users: { users: [] },
  userId: { userId: "" },
  factor: { factor: "FACTOR_UNSPECIFIED" },
  pageToken: { pageToken: "x" },
  apiKeyId: { apiKeyId: "" },
};

const OF_NO_MEMBER: readonly string[] = ["PolicyService/GetPolicy", "PolicyService/ResetPolicy", "AdminService/WhoAmI"];

interface Sending {
  readonly key?: string;
  readonly header?: Readonly<Record<string, string>>;
  /** As it is sent. */
  readonly text?: string;
}

/** The refusals that the tests of this file have seen: `Service/Method REASON`. */
const met = new Set<string>();

/** Calls RPCs over Connect and compares every refusal with the document. */
class Examiner {
  readonly running: Running;
  /** By `Service/Method`. */
  readonly operations: ReadonlyMap<string, Operation>;
  readonly #document: JsonObject;

  private constructor(running: Running, document: JsonObject) {
    this.running = running;
    this.#document = document;
    const all = operationsOf(document).filter(isConnect);
    this.operations = new Map(all.map((each) => [each.path.replace(/^.*\.(\w+\/\w+)$/, "$1"), each]));
  }

  static async start(t: TestContext, options: RunOptions = {}): Promise<Examiner> {
    const running = await startService(t, options);
    return new Examiner(running, await readDocument(running.url));
  }

  /** The reason, or `""` for a call that succeeds; `answer`: the body. */
  async call(rpc: string, body: JsonObject, sending: Sending = {}): Promise<{ reason: string; answer: JsonObject }> {
    const operation = this.operations.get(rpc);
    assert.ok(operation !== undefined, rpc);
    const { key = ADMIN_KEY, header = {}, text = JSON.stringify(body) } = sending;
    const sent = await fetch(this.running.url + operation.path, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(key === "" ? {} : { authorization: `Bearer ${key}` }),
        ...header,
      },
      body: text,
    });
    const answer = (await sent.json()) as JsonObject;
    if (sent.status === 200) return { reason: "", answer };
    const reason = String(at(answer, "details", "0", "debug", "reason"));
    const shown = refusalsIn(this.#document, operation, sent.status);
    const label = `${rpc}: ${JSON.stringify(answer)}`;
    assert.ok(Object.hasOwn(shown, reason), `${label} is not described`);
    assert.deepEqual(settled(answer), settled(shown[reason]), label);
    met.add(`${rpc} ${reason}`);
    return { reason, answer };
  }

  async refuses(rpc: string, reason: string, body: JsonObject = exampleOf(rpc), sending: Sending = {}): Promise<void> {
    const refused = await this.call(rpc, body, sending);
    assert.equal(refused.reason, reason, `${rpc}: ${JSON.stringify(refused.answer)}`);
  }

  async accepts(rpc: string, body: JsonObject = exampleOf(rpc)): Promise<JsonObject> {
    const { reason, answer } = await this.call(rpc, body);
    assert.equal(reason, "", rpc);
    return answer;
  }

  /** The RPCs whose operation shows this reason. */
  showing(reason: string): readonly string[] {
    return [...this.operations].filter(([, each]) => this.reasonsOf(each).includes(reason)).map(([rpc]) => rpc);
  }

  reasonsOf(operation: Operation): readonly string[] {
    return Object.keys(at(operation.object, "responses") as JsonObject)
      .filter((status) => status !== "200" && status !== "default")
      .flatMap((status) => Object.keys(refusalsIn(this.#document, operation, Number(status))));
  }
}

function exampleOf(rpc: string): JsonObject {
  const [, example] = Object.entries(EXAMPLES).find(([name]) => name.endsWith(`.${rpc}`)) ?? [];
  assert.ok(example !== undefined, rpc);
  return example;
}

/** Without the parts that differ from call to call, and without the binary form of the details. */
function settled(value: JsonValue | undefined): JsonValue {
  const text = JSON.stringify(value, (name, each: JsonValue) => (name === "value" ? undefined : each))
    .replaceAll(/\d{4}-\d{2}-\d{2}T[\d:.]+Z/g, "TIME")
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}/g, "ID")
    .replaceAll(/(is at |"sequence":")\d+/g, "$1N")
    .replaceAll(/(?<=Delay":")[\d.]+s|(?<=limited to ).*? at once/g, "LIMIT")
    .replaceAll(/(?<=\\")\d+(\.\d+){3}(?=\\")/g, "ADDRESS")
    .replaceAll("globex", "acme");
  return JSON.parse(text) as JsonValue;
}

describe("the service refuses as the document shows", () => {
  test("missing resources, invalid values and missing permissions", async (t) => {
    const examiner = await Examiner.start(t);
    const { keys } = examiner.running;
    for (const rpc of examiner.operations.keys()) {
      if (!/\/(Create(User|Organization|ApiKey)|ImportUsers)$/.test(rpc)) await examiner.call(rpc, exampleOf(rpc));
      const members = at(examiner.operations.get(rpc)?.object, ...BODY) as JsonObject;
      const [, fault = { note: "x" }] = OF_NO_MEMBER.includes(rpc)
        ? []
        : (Object.entries(FAULTS).find(([name]) => Object.hasOwn(members, name)) ?? []);
      const { never: _, ...body } = exampleOf(rpc);
      // An organization is read by its id alone, and one list takes no other field.
      const whole = rpc === "OrganizationService/GetOrganization" ? { organizationId: "" } : { ...body, ...fault };
      await examiner.refuses(rpc, "FIELD_INVALID", whole);
    }
    const { secret } = await keys.createApiKey({ permissions: ["metrics.read"] });
    for (const rpc of examiner.showing("PERMISSION_MISSING")) {
      await examiner.refuses(rpc, "PERMISSION_MISSING", exampleOf(rpc), { key: secret });
    }
    for (const rpc of ["UserService/CreateUser", "ApiKeyService/CreateApiKey"]) {
      await examiner.refuses(rpc, "ORGANIZATION_NOT_FOUND", { ...exampleOf(rpc), organizationId: "acme" });
    }
    await examiner.accepts("OrganizationService/CreateOrganization");
    await examiner.refuses("OrganizationService/CreateOrganization", "ORGANIZATION_ALREADY_EXISTS");
    const own = (await keys.createApiKey({ role: "owner", organizationId: "acme" })).secret;
    for (const [rpc, { object }] of examiner.operations) {
      const isScoped = Object.hasOwn(at(object, ...BODY) as JsonObject, "organizationId");
      // Every refusal is described, and every described one occurs.
      if (isScoped) await examiner.call(rpc, { ...exampleOf(rpc), organizationId: "globex" }, { key: own });
    }
  });

  test("changes that the state does not allow", async (t) => {
    const clock = new TestClock();
    const examiner = await Examiner.start(t, { clock: () => clock.now });
    const { keys } = examiner.running;
    const user = { userId: "alice" };
    await examiner.accepts("OrganizationService/CreateOrganization");
    await examiner.accepts("UserService/CreateUser", { ...exampleOf("UserService/CreateUser"), requestId: ATTEMPT_ID });
    await examiner.refuses("UserService/CreateUser", "REQUEST_ID_REUSED", { userId: "bob", requestId: ATTEMPT_ID });
    await examiner.refuses("UserService/CreateUser", "USER_ALREADY_EXISTS");
    for (const rpc of examiner.showing("SEQUENCE_MISMATCH")) {
      await examiner.refuses(rpc, "SEQUENCE_MISMATCH", { ...exampleOf(rpc), expectedSequence: "7" });
    }
    await examiner.refuses("EventService/RedactEvent", "EVENT_NOT_FOUND", { ...user, sequence: "9" });
    for (const [act, lifting, state] of ACTS) {
      await examiner.refuses(`UserService/${lifting}`, `USER_NOT_${state}`);
      await examiner.accepts(`UserService/${act}`);
      await examiner.refuses(`UserService/${act}`, `USER_ALREADY_${state}`);
      if (act === "BanUser") await examiner.refuses("SessionService/CreateSession", "USER_MAY_NOT_ACT");
      await examiner.accepts(`UserService/${lifting}`);
    }
    await examiner.refuses("EventService/RedactEvent", "EVENT_NOT_PERSONAL", { ...user, sequence: "3" });
    const made = await examiner.accepts("SessionService/CreateSession");
    const session = { sessionId: at(made, "session", "sessionId") ?? null };
    await examiner.accepts("SessionService/RevokeSession", session);
    await examiner.refuses("SessionService/RevokeSession", "SESSION_ENDED", session);
    await examiner.refuses("SessionService/ExtendSession", "SESSION_ENDED", { ...session, duration: "60s" });

    const [owner] = (await keys.listApiKeys({})).apiKeys;
    const last = { apiKeyId: owner?.apiKeyId ?? "" };
    await examiner.refuses("ApiKeyService/RevokeApiKey", "API_KEY_LAST_OWNER", last);
    const expireTime = { seconds: BigInt(clock.now / 1000 + 3600), nanos: 0 };
    const { apiKey } = await keys.createApiKey({ role: "viewer", expireTime });
    const key = { apiKeyId: apiKey?.apiKeyId ?? "" };
    const rotation = { ...key, overlap: "60s" };
    for (let i = 0; i < 4; i++) await examiner.accepts("ApiKeyService/RotateApiKey", rotation);
    await examiner.refuses("ApiKeyService/RotateApiKey", "API_KEY_SECRETS_OVERLAP", rotation);
    clock.advance(3_600_000);
    await examiner.refuses("ApiKeyService/RotateApiKey", "API_KEY_EXPIRED", rotation);
    await examiner.accepts("ApiKeyService/RevokeApiKey", key);
    for (const rpc of ["ApiKeyService/RotateApiKey", "ApiKeyService/RevokeApiKey"]) {
      await examiner.refuses(rpc, "API_KEY_ALREADY_REVOKED", key);
    }

    const subject = { subject: user, factor: "FACTOR_OTP" };
    const begin = { attemptId: ATTEMPT_ID, ...subject };
    await examiner.accepts("SignInService/BeginAttempt", begin);
    const reused = { ...begin, factor: "FACTOR_PASSWORD" };
    await examiner.refuses("SignInService/BeginAttempt", "ATTEMPT_ID_REUSED", reused);
    const complete = { attemptId: ATTEMPT_ID, outcome: "ATTEMPT_OUTCOME_FAILED" };
    await examiner.accepts("SignInService/CompleteAttempt", complete);
    await examiner.refuses("SignInService/CompleteAttempt", "ATTEMPT_SETTLED", complete);
    const values = { limits: [{ factor: "FACTOR_OTP", attemptsMax: 2 }] };
    await examiner.accepts("PolicyService/UpdatePolicy", { values, updateMask: "limits" });
    const attemptId = MADE.sessionId;
    await examiner.accepts("SignInService/BeginAttempt", { ...begin, attemptId });
    const full = { ...begin, attemptId: "019aa1c0-2f4e-7b7a-9c3f-000000000001" };
    // Long enough that a busy machine answers before the deadline.
    const soon = { header: { "connect-timeout-ms": "1500" } };
    await examiner.refuses("SignInService/BeginAttempt", "ATTEMPTS_OUTSTANDING", full, soon);
    clock.advance(3_600_000);
    await examiner.refuses("SignInService/CompleteAttempt", "ATTEMPT_EXPIRED", { ...complete, attemptId });
    for (const userId of ["bob", "carol"]) {
      await examiner.accepts("UserService/CreateUser", { userId, profile: { email: "both@example.com" } });
    }
    for (const rpc of examiner.showing("IDENTIFIER_AMBIGUOUS")) {
      const body = { ...exampleOf(rpc), subject: { identifier: "both@example.com" } };
      await examiner.refuses(rpc, "IDENTIFIER_AMBIGUOUS", body);
    }
  });

  test("faults that any call may have", async (t) => {
    const clock = new TestClock();
    const examiner = await Examiner.start(t, { clock: () => clock.now });
    const rpc = "UserService/LockUser";
    await examiner.refuses(rpc, "CREDENTIAL_MISSING", exampleOf(rpc), { key: "" });
    await examiner.refuses(rpc, "CREDENTIAL_INVALID", exampleOf(rpc), { key: "lk_wrong" });
    await examiner.refuses(rpc, "REQUEST_MALFORMED", {}, { text: "{" });
    await examiner.refuses(rpc, "CALL_TIMED_OUT", exampleOf(rpc), { header: { "connect-timeout-ms": "0" } });
    await examiner.refuses(rpc, "REQUEST_TOO_LARGE", { note: "x".repeat(262_144) });
    await Promise.all(Array.from({ length: 20 }, () => examiner.call(rpc, {}, { key: "lk_wrong" })));
    await examiner.refuses(rpc, "AUTHENTICATION_RATE", {}, { key: "lk_wrong" });
    const rate = { perSecond: 1, burst: 2 };
    const config = { rateLimitCaller: { ...rate, burst: 1 }, rateLimitAddress: { ...rate, burst: 3 } };
    const limited = await Examiner.start(t, { clock: () => clock.now, config });
    // Reading the document was the first call of the address.
    await limited.accepts("AdminService/WhoAmI");
    await limited.refuses("AdminService/WhoAmI", "CALLER_RATE");
    await limited.refuses("AdminService/WhoAmI", "ADDRESS_RATE");
  });

  test("every reason belongs to an operation or is listed as belonging to none, and all cheap ones have occurred", async (t) => {
    const examiner = await Examiner.start(t);
    const shown = new Set([...examiner.operations.values()].flatMap((each) => examiner.reasonsOf(each)));
    assert.deepEqual([...shown, ...Object.keys(OF_NO_OPERATION)].toSorted(), Object.keys(REASONS).toSorted());
    const missed = Object.keys(REASONS).flatMap((reason) => {
      const left = examiner.showing(reason).filter((rpc) => !met.has(`${rpc} ${reason}`));
      const isShared = SHARED.test(reason) && left.length < examiner.showing(reason).length;
      return isShared || MADE_ELSEWHERE.includes(reason) ? [] : left.map((rpc) => `${rpc} ${reason}`);
    });
    // An attempt of a user that was deleted meanwhile no longer exists, except within the same instant.
    assert.deepEqual(missed, ["SignInService/CompleteAttempt USER_NOT_FOUND"]);
  });
});

/** Equal for every RPC that shows them: one is enough. */
const SHARED = /^CREDENTIAL|^REQUEST|_RATE$|^CALL_TIMED/;

/** How a user is restricted, how the restriction is lifted, and the word in the reasons. */
const ACTS = [
  ["LockUser", "UnlockUser", "LOCKED"],
  ["BanUser", "UnbanUser", "BANNED"],
  ["DeactivateUser", "ReactivateUser", "DEACTIVATED"],
] as const;

const BODY = ["requestBody", "content", "application/json", "schema", "properties"] as const;
