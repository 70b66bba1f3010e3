/** Every "no" is written: a member that is false is there on every wire, so that no reader takes its absence for a yes. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, type TestContext, test } from "node:test";
import type { DescField } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { Factor } from "../../gen/lockkeeper/resource/v1/factor_pb.ts";
import { SessionService } from "../../gen/lockkeeper/session/v1/session_service_pb.ts";
import { SignInService } from "../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import { UserService } from "../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { isRequired } from "../../src/openapi/rules.ts";
import { ADMIN_KEY, type Running, startService } from "../support/service.ts";

const AUTHORIZATION = { authorization: `Bearer ${ADMIN_KEY}` };

/** The members of a message that must be there and are not, by their paths. */
function missingOf(message: ReflectMessage, path = ""): readonly string[] {
  return message.fields.flatMap((field) => {
    const here = `${path}${field.jsonName}`;
    if (isAlwaysWritten(field) && !message.isSet(field)) return [here];
    if (field.fieldKind === "message") return message.isSet(field) ? missingOf(message.get(field), `${here}.`) : [];
    if (field.fieldKind !== "list" || field.listKind !== "message") return [];
    return [...message.get(field)].flatMap((each) => missingOf(each as ReflectMessage, `${here}.`));
  });
}

function isAlwaysWritten(field: DescField): boolean {
  return isRequired(field) || (field.scalar !== undefined && field.name === "email_verified");
}

/** Every answer of every wire's client is looked through. */
const complete: Interceptor = (next) => async (request) => {
  const answer = await next(request);
  if (!answer.stream) {
    assert.deepEqual(missingOf(reflect(answer.method.output, answer.message)), [], answer.method.name);
  }
  return answer;
};

const authorize: Interceptor = (next) => (request) => {
  request.header.set("authorization", AUTHORIZATION.authorization);
  return next(request);
};

async function banned(t: TestContext): Promise<Running> {
  const running = await startService(t);
  await running.users.createUser({ userId: "bob", profile: { email: "bob@example.com" } });
  await running.users.banUser({ userId: "bob", reasonCode: "FRAUD" });
  return running;
}

describe("what is denied is denied in so many words", () => {
  const wires = {
    gRPC: (baseUrl: string, interceptors: Interceptor[]) => createGrpcTransport({ baseUrl, interceptors }),
    "gRPC-Web": (baseUrl: string, interceptors: Interceptor[]) =>
      createGrpcWebTransport({ baseUrl, interceptors, httpVersion: "1.1" }),
    "Connect, binary": (baseUrl: string, interceptors: Interceptor[]) =>
      createConnectTransport({ baseUrl, interceptors, httpVersion: "1.1" }),
    "Connect, JSON": (baseUrl: string, interceptors: Interceptor[]) =>
      createConnectTransport({ baseUrl, interceptors, httpVersion: "1.1", useBinaryFormat: false }),
  };
  for (const [name, transportOf] of Object.entries(wires)) {
    test(`to a client of ${name}`, async (t) => {
      const { url } = await banned(t);
      const transport = transportOf(url, [authorize, complete]);
      const signIns = createClient(SignInService, transport);
      const subject = { subject: { case: "userId" as const, value: "bob" } };
      const begun = await signIns.beginAttempt({ attemptId: randomUUID(), subject, factor: Factor.PASSWORD });
      assert.deepEqual([begun.admitted, begun.decision?.allowed], [false, false]);
      const attemptId = randomUUID();
      const recovery = await signIns.beginAttempt({ attemptId, subject, factor: Factor.RECOVERY });
      assert.equal(recovery.decision?.allowed, false);
      assert.equal(recovery.decision.restriction?.scheduled, false);
      assert.equal((await signIns.checkSignIn({ userId: "bob" })).decision?.allowed, false);
      const { locked, decision } = await signIns.recordFailure({ subject, factor: Factor.OTP });
      assert.deepEqual([locked, decision?.allowed], [false, false]);
      const session = await createClient(SessionService, transport).verifySession({
        key: { case: "sessionId", value: "unknown" },
      });
      assert.equal(session.active, false);
      const users = createClient(UserService, transport);
      assert.equal((await users.getUser({ userId: "bob" })).user?.profile?.emailVerified, false);
      const { events } = await users.listUserEvents({ userId: "bob" });
      assert.ok(events.some(({ payload }) => payload.case === "userCreated" && payload.value.recreated === false));
    });
  }

  test("in the JSON of REST and of Connect", async (t) => {
    const { url } = await banned(t);
    const post = async (path: string, body: object): Promise<Record<string, unknown>> => {
      const headers = { ...AUTHORIZATION, "content-type": "application/json" };
      const answer = await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) });
      assert.equal(answer.status, 200);
      return (await answer.json()) as Record<string, unknown>;
    };
    const subject = { userId: "bob" };
    const answers = [
      await (await fetch(`${url}/v1/users/bob:checkSignIn`, { headers: AUTHORIZATION })).json(),
      await post("/lockkeeper.signin.v1.SignInService/CheckSignIn", { userId: "bob" }),
      await post("/v1/attempts", { attemptId: randomUUID(), subject, factor: "FACTOR_PASSWORD" }),
      await post("/lockkeeper.signin.v1.SignInService/BeginAttempt", {
        attemptId: randomUUID(),
        subject,
        factor: "FACTOR_PASSWORD",
      }),
    ] as { admitted?: boolean; decision: { allowed?: boolean } }[];
    assert.deepEqual(
      answers.map(({ admitted, decision }) => [admitted, decision.allowed]),
      [
        [undefined, false],
        [undefined, false],
        [false, false],
        [false, false],
      ],
    );
    for (const path of ["/v1/sessions:verify", "/lockkeeper.session.v1.SessionService/VerifySession"]) {
      assert.equal((await post(path, { sessionId: "unknown" })).active, false);
    }
  });
});

test("a limit without its number is refused: it would switch the lock off", async (t) => {
  const { policies } = await startService(t);
  await assert.rejects(
    policies.updatePolicy({ values: { limits: [{ factor: Factor.PASSWORD }] }, updateMask: { paths: ["limits"] } }),
    /values\.limits\[0\]\.attempts_max/,
  );
  const values = { limits: [{ factor: Factor.PASSWORD, attemptsMax: 0 }] };
  const { policy } = await policies.updatePolicy({ values, updateMask: { paths: ["limits"] } });
  assert.equal(policy?.values?.limits[0]?.attemptsMax, 0);
});
