/** A person that is created again under the id of an erased one: no API shows anything of the former one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { Factor } from "../../gen/lockkeeper/resource/v1/factor_pb.ts";
import { send, type UserJson } from "./clerk/support/clients.ts";
import { type Lab, startLab } from "./zitadel/support/lab.ts";

const SECRET = "Lovelace";
/** As ZITADEL's metadata have it. */
const ENCODED = Buffer.from(SECRET).toString("base64");

async function createFormer({ rest, url, users, signIns, sessions }: Lab): Promise<void> {
  const created = await rest("POST /v2/users/human", {
    body: {
      ...{ userId: "u", username: SECRET, profile: { givenName: SECRET, familyName: SECRET } },
      email: { email: `${SECRET}@example.com`, isVerified: true },
      metadata: [{ key: "name", value: ENCODED }],
    },
  });
  const metadata = { method: "PATCH", body: { public_metadata: { name: SECRET } } };
  const changed = await send(url, "/users/u/metadata", metadata);
  const session = {
    checks: { user: { userId: "u" } },
    metadata: { name: ENCODED },
    userAgent: { description: SECRET },
  };
  const opened = await rest("POST /v2/sessions", { body: session });
  assert.deepEqual([created.status, changed.status, opened.status], [200, 200, 201]);
  await sessions.createSession({ userId: "u", userAgent: SECRET });
  const subject = { subject: { case: "userId", value: "u" } } as const;
  // ZITADEL shows no session of a locked user.
  await users.lockUser({ userId: "u", note: SECRET });
  await users.unlockUser({ userId: "u", note: SECRET });
  for (let n = 0; n < 4; n++) {
    await signIns.recordFailure({ subject, factor: Factor.PASSWORD, client: { userAgent: SECRET } });
  }
}

const EQUALS = "TEXT_QUERY_METHOD_EQUALS_IGNORE_CASE";
const STARTS = "TEXT_QUERY_METHOD_STARTS_WITH_IGNORE_CASE";

/** Calls by which a person is seen or found, of ZITADEL's API and of ours. */
const REST_CALLS: readonly (readonly [request: string, body?: JsonObject])[] = [
  ["GET /v2/users/u"],
  ["GET /management/v1/users/u"],
  ["POST /v2/users", { queries: [{ userNameQuery: { userName: SECRET, method: EQUALS } }] }],
  ["POST /v2/users", { queries: [{ emailQuery: { emailAddress: SECRET, method: STARTS } }] }],
  ["POST /v2/sessions/search", { queries: [{ creatorQuery: {} }] }],
  ["GET /v1/users/u"],
  ["GET /v1/users/u/events"],
  ["GET /v1/sessions?user_id=u"],
  ["GET /v1/attempts?user_id=u"],
  ["GET /v1/events"],
  ["POST /management/v1/users/u/changes/_search", {}],
  ["POST /admin/v1/events/_search", {}],
];
const CLERK_CALLS = ["/users/u", `/users?query=${SECRET}`, `/users?email_address=${SECRET}@example.com`] as const;
/** What shows no personal value at any time. */
const NEVER_PERSONAL = /_search /;

/** Returns the answers of all calls as texts, by the call. */
async function answersOf({ rest, url }: Lab): Promise<ReadonlyMap<string, string>> {
  const answers = new Map<string, string>();
  for (const [request, body] of REST_CALLS) {
    const { status, json } = await rest(request, body === undefined ? {} : { body });
    assert.equal(status, 200, `${request}: ${JSON.stringify(json)}`);
    answers.set(`${request} ${JSON.stringify(body)}`, JSON.stringify(json));
  }
  for (const path of CLERK_CALLS) {
    const { status, json } = await send(url, path);
    assert.equal(status, 200, path);
    answers.set(path, JSON.stringify(json));
  }
  return answers;
}

/** Returns the calls whose answers tell anything of the former person. */
async function tellingCalls(lab: Lab): Promise<readonly string[]> {
  const tells = (text: string): boolean => text.toLowerCase().includes(SECRET.toLowerCase()) || text.includes(ENCODED);
  return [...(await answersOf(lab))].filter(([, text]) => tells(text)).map(([call]) => call);
}

test("a person that is created again under an erased id shows nothing of the former one, in no API", async (t) => {
  const lab = await startLab(t, { config: { dialects: ["zitadel", "clerk"] } });
  await createFormer(lab);
  const calls = [...(await answersOf(lab)).keys()].filter((call) => !NEVER_PERSONAL.test(call));
  assert.deepEqual(await tellingCalls(lab), calls);
  const clerk = async (): Promise<readonly unknown[]> => {
    const user = (await send(lab.url, "/users/u")).json as UserJson;
    const { json: sessions } = await send(lab.url, "/sessions?user_id=u");
    return [user.verification_attempts_remaining, (sessions as readonly unknown[]).length];
  };
  assert.deepEqual(await clerk(), [6, 2]);
  await lab.users.deleteUser({ userId: "u", erase: true });
  await lab.users.createUser({ userId: "u", profile: { username: "grace" } });
  assert.deepEqual(await tellingCalls(lab), []);
  assert.deepEqual(await clerk(), [10, 0]);
});
