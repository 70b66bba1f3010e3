/** The subject of an attempt: identifiers as people type them, several users with the same one, and nobody. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Message, toJson } from "@bufbuild/protobuf";
import {
  BeginAttemptResponseSchema,
  CompleteAttemptResponseSchema,
} from "../../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import { State } from "../../../gen/lockkeeper/user/v1/user_pb.ts";
import { assertRefused } from "../../support/refusals.ts";
import { clientsOf } from "../../support/service.ts";
import { begin, check, complete, fail, HOUR_MS, limit, record, setPolicy, startGate } from "../support/sign-ins.ts";

const SPELLINGS = [
  "zoé@example.com",
  "ZOÉ@EXAMPLE.COM",
  "  Zoé@example.com ",
  "zoe\u0301@example.com",
  "ｚｏé＠ｅｘａｍｐｌｅ．ｃｏｍ",
  "Zoé",
  "zoe\u0301",
  "ＺＯÉ",
  "\tzoé\n",
];

/** The names of all fields that are set, down to the last. */
function shapeOf(json: unknown, path = ""): readonly string[] {
  if (typeof json !== "object" || json === null) return [path];
  return Object.entries(json)
    .flatMap(([name, value]) => shapeOf(value, `${path}.${name}`))
    .sort();
}

describe("an identifier", () => {
  test("P4 counts once however it is typed: case, spaces, composition, width", async (t) => {
    const gate = await startGate(t);
    await gate.users.createUser({ userId: "zoe", profile: { username: "Zoé", email: "Zoé@Example.com" } });
    for (const [index, identifier] of SPELLINGS.entries()) {
      const { userId, attemptId } = await begin(gate, { identifier });
      assert.equal(userId, "zoe", JSON.stringify(identifier));
      const { decision } = await complete(gate, attemptId, false);
      assert.equal(decision?.attemptsLeft, 9 - index, JSON.stringify(identifier));
    }
    assert.equal((await record(gate, false, { userId: "zoe" })).locked, true, "by id it is the same user");
  });

  test("P4 of nobody counts once as well", async (t) => {
    const gate = await startGate(t, { concealUnknown: true });
    for (const [index, identifier] of SPELLINGS.slice(0, 5).entries()) {
      const { decision } = await fail(gate, 1, { identifier });
      assert.equal(decision?.attemptsLeft, 9 - index, JSON.stringify(identifier));
    }
  });

  test("that several users have is refused, and counts nothing", async (t) => {
    const gate = await startGate(t);
    await gate.users.createUser({ userId: "one", profile: { username: "sam" } });
    await gate.users.createUser({ userId: "two", profile: { email: "SAM" } });
    await assertRefused(begin(gate, { identifier: "Sam" }), "FailedPrecondition", "IDENTIFIER_AMBIGUOUS");
    await assertRefused(record(gate, false, { identifier: "Sam" }), "FailedPrecondition", "IDENTIFIER_AMBIGUOUS");
    for (const userId of ["one", "two"]) assert.equal((await check(gate, userId)).attemptsLeft, 10);
  });

  test("is looked up in its own organization", async (t) => {
    const gate = await startGate(t);
    await gate.organizations.createOrganization({ organizationId: "other" });
    await gate.users.createUser({ userId: "here", profile: { username: "sam" } });
    await gate.users.createUser({ userId: "there", organizationId: "other", profile: { username: "sam" } });
    assert.equal((await begin(gate, { identifier: "sam" })).userId, "here");
    assert.equal((await begin(gate, { identifier: "sam", organizationId: "other" })).userId, "there");
    const { secret } = await gate.keys.createApiKey({ role: "login", organizationId: "other" });
    const other = clientsOf(gate.url, secret);
    assert.equal((await begin(other, { identifier: "sam" })).userId, "there");
    await assertRefused(begin(other, { userId: "here" }), "NotFound", "USER_NOT_FOUND");
    await assertRefused(
      begin(other, { identifier: "sam", organizationId: "default" }),
      "PermissionDenied",
      "SCOPE_EXCEEDED",
    );
    await assertRefused(begin(gate, { userId: "here", organizationId: "other" }), "NotFound", "USER_NOT_FOUND");
  });
});

describe("nobody", () => {
  test("is reported as unknown if the policy does not conceal", async (t) => {
    const gate = await startGate(t);
    await gate.users.createUser({ userId: "gone" });
    await gate.users.deleteUser({ userId: "gone" });
    for (const who of [{ userId: "nobody" }, { userId: "gone" }, { identifier: "nobody@example.com" }]) {
      const { metadata, message } = await assertRefused(begin(gate, who), "NotFound", "USER_NOT_FOUND");
      if ("identifier" in who) {
        assert.doesNotMatch(JSON.stringify([metadata, message]), /nobody@example.com/, "what a person types is theirs");
      }
      await assertRefused(record(gate, false, who), "NotFound", "USER_NOT_FOUND");
      await assertRefused(record(gate, true, who), "NotFound", "USER_NOT_FOUND");
    }
    assert.doesNotMatch(gate.log(), /nobody@example.com/);
  });

  test("P5 concealed, answers with the same fields as somebody, and locks alike", async (t) => {
    const gate = await startGate(t, { limits: limit(3), concealUnknown: true });
    await gate.users.createUser({ userId: "bob", profile: { username: "bob" } });
    const known = { identifier: "bob" };
    for (const unknown of [{ identifier: "nobody" }, { userId: "no-such-user" }]) {
      const shapes = [];
      for (const who of [known, unknown]) {
        const seen: unknown[] = [];
        const note = (name: string, json: unknown, { decision }: { decision?: Message | undefined }) =>
          seen.push([name, shapeOf(json), decision && "state" in decision ? decision.state : undefined]);
        for (let i = 0; i < 4; i++) {
          const { attemptId, ...begun } = await begin(gate, who);
          // The application learns whether there is somebody: it has to verify against something.
          const shown = { ...begun, userId: "" };
          note("begin", toJson(BeginAttemptResponseSchema, shown), begun);
          if (!begun.admitted) continue;
          const done = await complete(gate, attemptId, false);
          note("complete", toJson(CompleteAttemptResponseSchema, done), done);
        }
        gate.clock.advance(HOUR_MS);
        const { attemptId, ...again } = await begin(gate, who);
        note("after", toJson(BeginAttemptResponseSchema, { ...again, userId: "" }), again);
        await complete(gate, attemptId, false);
        shapes.push(seen);
      }
      assert.deepEqual(shapes[1], shapes[0]);
      assert.ok(JSON.stringify(shapes[0]).includes(`,${State.LOCKED}]`), "the lock was met");
      await gate.users.unlockUser({ userId: "bob" }).catch(() => undefined);
      await record(gate, true, known);
    }
  });

  test("P5 concealed, is not told from two users by ids that differ in case only", async (t) => {
    const gate = await startGate(t, { limits: limit(2), concealUnknown: true });
    await fail(gate, 2, { userId: "Nobody" });
    assert.equal((await begin(gate, { userId: "nobody" })).admitted, true, "ids are compared byte for byte");
    assert.equal((await begin(gate, { userId: "Nobody" })).admitted, false);
    await fail(gate, 2, { identifier: "id:x" });
    assert.equal((await begin(gate, { userId: "x" })).admitted, true, "an identifier is not an id");
  });

  test("concealed, is concealed by the policy of the organization in which it is looked for", async (t) => {
    const gate = await startGate(t);
    await gate.organizations.createOrganization({ organizationId: "discreet" });
    await setPolicy(gate, { concealUnknown: true }, "discreet");
    const hidden = await begin(gate, { identifier: "nobody", organizationId: "discreet" });
    assert.deepEqual([hidden.admitted, hidden.userId], [true, ""]);
    await assertRefused(begin(gate, { identifier: "nobody" }), "NotFound", "USER_NOT_FOUND");
    await assertRefused(gate.signIns.checkSignIn({ userId: "nobody" }), "NotFound", "USER_NOT_FOUND");
  });
});
