/** From credential to actor. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { createSecret, hashSecret } from "../../src/auth/secret.ts";
import { created, Desk, keyOf, NOW } from "./support/key-desk.ts";

const SECRET = createSecret("k1");

const one = [...SECRET].map((c, i) => (i === 10 ? (c === "x" ? "y" : "x") : c)).join("");

const HEADERS: readonly (readonly [title: string, authorization: string | null, expected: string])[] = [
  ["a valid credential", `Bearer ${SECRET}`, "key:k1"],
  ["the scheme in lower case", `bearer ${SECRET}`, "key:k1"],
  ["the scheme in upper case", `BEARER ${SECRET}`, "key:k1"],
  ["two spaces between", `Bearer  ${SECRET}`, "key:k1"],
  ["spaces after", `Bearer ${SECRET}  `, "key:k1"],
  ["no header", null, "CREDENTIAL_MISSING"],
  ["an empty header", "", "CREDENTIAL_MISSING"],
  ["the scheme alone", "Bearer", "CREDENTIAL_MISSING"],
  ["the scheme and a space", "Bearer ", "CREDENTIAL_MISSING"],
  ["a key without the scheme", SECRET, "CREDENTIAL_MISSING"],
  ["another scheme", `Basic ${SECRET}`, "CREDENTIAL_MISSING"],
  ["a tab between", `Bearer\t${SECRET}`, "CREDENTIAL_MISSING"],
  ["two credentials in one header", `Bearer ${SECRET}, Bearer ${SECRET}`, "CREDENTIAL_MISSING"],
  ["a word after the credential", `Bearer ${SECRET} x`, "CREDENTIAL_MISSING"],
  ["one character changed", `Bearer ${one}`, "CREDENTIAL_INVALID"],
  ["an unknown key", `Bearer ${createSecret("k1")}`, "CREDENTIAL_INVALID"],
  ["something short", "Bearer x", "CREDENTIAL_INVALID"],
  ["a very long credential", `Bearer ${"x".repeat(100_000)}`, "CREDENTIAL_INVALID"],
  ["the stored hash instead of the secret", `Bearer ${hashSecret(SECRET)}`, "CREDENTIAL_INVALID"],
];

describe("the Authorization header", () => {
  for (const [title, authorization, expected] of HEADERS) {
    test(`${title}: ${expected}`, async (t) => {
      const desk = await Desk.open(t, keyOf(SECRET));
      assert.equal(desk.ask(authorization), expected);
    });
  }

  test("malformed, unknown, expired and revoked credentials get the same answer, without the secret", async (t) => {
    const expired = createSecret("k2");
    const revoked = createSecret("k3");
    const desk = await Desk.open(
      t,
      keyOf(SECRET),
      keyOf(expired, { id: "k2", expireTime: NOW }),
      keyOf(revoked, { id: "k3", revokeTime: NOW - 1 }),
    );
    const answers = [one, createSecret("k1"), expired, revoked].map((secret) => desk.show(`Bearer ${secret}`));
    for (const answer of answers) {
      assert.deepEqual(answer, answers[0]);
      assert.ok(!answer.ok && answer.refusal.reason === "CREDENTIAL_INVALID");
      assert.ok(!JSON.stringify(answer).includes("lk_"));
    }
  });

  test("a malformed header is not repeated in the answer", async (t) => {
    const desk = await Desk.open(t);
    const answer = desk.show("Basic c2VjcmV0OnNlY3JldA==");
    assert.ok(!JSON.stringify(answer).includes("c2Vjcm"));
  });

  test("a chosen secret of 32 characters is accepted in any form; one of 31 is not looked up", async (t) => {
    const chosen = "correct-horse-battery-staple-32!";
    const desk = await Desk.open(t, keyOf(chosen), keyOf(chosen.slice(1), { id: "short" }));
    assert.equal(desk.ask(`Bearer ${chosen}`), "key:k1");
    assert.equal(desk.ask(`Bearer ${chosen.slice(1)}`), "CREDENTIAL_INVALID");
  });
});

describe("the actor", () => {
  test("has the key's id, scope and role's permissions", async (t) => {
    const desk = await Desk.open(t, keyOf(SECRET, { organizationId: "acme", role: "auditor" }));
    const result = desk.show(`Bearer ${SECRET}`);
    assert.ok(result.ok);
    const permissions = ["signin.read", "events.read"];
    assert.deepEqual(
      { ...result.actor, permissions: [...result.actor.permissions] },
      { id: "key:k1", keyId: "k1", secretHash: hashSecret(SECRET), scope: "acme", expireTime: null, permissions },
    );
  });

  test("has the listed permissions if there is no role, and none that this version does not know", async (t) => {
    const desk = await Desk.open(t, keyOf(SECRET, { role: "", permissions: ["user.read", "moon.write"] }));
    const result = desk.show(`Bearer ${SECRET}`);
    assert.deepEqual(result.ok && [...result.actor.permissions], ["user.read"]);
  });
});

describe("the life of a key", () => {
  test("P14 it is accepted up to the millisecond before its expiry", async (t) => {
    const desk = await Desk.open(t, keyOf(SECRET, { expireTime: NOW + 1 }));
    assert.equal(desk.ask(`Bearer ${SECRET}`), "key:k1");
    desk.now = NOW + 1;
    assert.equal(desk.ask(`Bearer ${SECRET}`), "CREDENTIAL_INVALID");
  });

  test("P24 a new key is accepted and a revoked one refused as soon as the log says so", async (t) => {
    const desk = await Desk.open(t);
    assert.equal(desk.ask(`Bearer ${SECRET}`), "CREDENTIAL_INVALID");
    desk.send("ApiKeyCreated", 1, created(SECRET));
    const shown = desk.show(`Bearer ${SECRET}`);
    assert.ok(shown.ok);
    assert.deepEqual([desk.keyCache.keyOf(shown.actor)?.id, desk.keyCache.stillOpens(shown.actor)], ["k1", true]);
    desk.send("ApiKeyRevoked", 2, {});
    assert.deepEqual([desk.keyCache.keyOf(shown.actor), desk.keyCache.stillOpens(shown.actor)], [undefined, false]);
    assert.equal(desk.ask(`Bearer ${SECRET}`), "CREDENTIAL_INVALID");
  });

  test("a rotated key is accepted with its new secret, and with earlier ones until they or the key end", async (t) => {
    const [second, third] = [createSecret("k1"), createSecret("k1")];
    const desk = await Desk.open(t, keyOf(SECRET));
    const ask = (): string[] => [SECRET, second, third].map((secret) => desk.ask(`Bearer ${secret}`));
    desk.send("ApiKeyRotated", 2, { secretHash: hashSecret(second), overlapEndTime: NOW + 1 });
    assert.deepEqual(ask(), ["key:k1", "key:k1", "CREDENTIAL_INVALID"]);
    const shown = desk.show(`Bearer ${SECRET}`);
    assert.ok(shown.ok && shown.actor.expireTime === NOW + 1, "what it may do ends with the secret");
    desk.now += 1;
    assert.equal(desk.keyCache.stillOpens(shown.actor), false);
    assert.deepEqual(ask(), ["CREDENTIAL_INVALID", "key:k1", "CREDENTIAL_INVALID"]);
    desk.send("ApiKeyRotated", 3, { secretHash: hashSecret(third), overlapEndTime: NOW + 9 });
    assert.deepEqual(ask(), ["CREDENTIAL_INVALID", "key:k1", "key:k1"]);
    desk.send("ApiKeyRevoked", 4, {});
    assert.deepEqual(ask(), ["CREDENTIAL_INVALID", "CREDENTIAL_INVALID", "CREDENTIAL_INVALID"]);
  });

  test("what the log says while the keys are read is not lost, and is not applied twice", async (t) => {
    const second = createSecret("k1");
    // The cache opens with the key as it was after its second event.
    const desk = await Desk.open(t, keyOf(second, { sequence: 2 }));
    const ask = (): string[] => [SECRET, second].map((secret) => desk.ask(`Bearer ${secret}`));
    desk.send("ApiKeyRotated", 2, { secretHash: hashSecret(SECRET), overlapEndTime: NOW });
    assert.deepEqual(ask(), ["CREDENTIAL_INVALID", "key:k1"]);
    desk.keyCache.reload();
    desk.send("ApiKeyRevoked", 3, {});
    assert.deepEqual(ask(), ["CREDENTIAL_INVALID", "CREDENTIAL_INVALID"]);
    await setImmediate();
    assert.deepEqual(ask(), ["CREDENTIAL_INVALID", "CREDENTIAL_INVALID"]);
  });
});

test("only headers that were right are remembered, few of one key, until a key changes", async (t) => {
  const desk = await Desk.open(t, keyOf(SECRET), keyOf(one, { id: "expired", expireTime: NOW }));
  const isKnown = (header: string): unknown[] => [desk.ask(header), desk.keyCache.remembers(header)];
  for (const secret of [createSecret("k1"), one]) {
    assert.deepEqual(isKnown(`Bearer ${secret}`), ["CREDENTIAL_INVALID", false]);
  }
  const headers = Array.from({ length: 2_000 }, (_, spaces) => `Bearer ${SECRET}${" ".repeat(spaces)}`);
  const known = headers.filter((header) => isKnown(header).join() === "key:k1,true").length;
  assert.ok(known > 100 && known < 600, `${known} are remembered`);
  desk.send("ApiKeyRevoked", 2, {});
  assert.equal(desk.ask(`Bearer ${SECRET}`), "CREDENTIAL_INVALID");
  assert.ok(!headers.some((header) => desk.keyCache.remembers(header)));
});

describe("the day of the last use", () => {
  test("is noted once per day and key, in UTC, and written when the cache is flushed", async (t) => {
    const desk = await Desk.open(t, keyOf(SECRET));
    for (let i = 0; i < 3; i++) desk.ask(`Bearer ${SECRET}`);
    await desk.keyCache.flush();
    assert.deepEqual(desk.touched, [new Map([["k1", "2026-01-02"]])]);
    desk.ask(`Bearer ${SECRET}`);
    await desk.keyCache.flush();
    assert.equal(desk.touched.length, 1);
  });

  test("is the old day up to its last millisecond", async (t) => {
    const desk = await Desk.open(t, keyOf(SECRET));
    const midnight = Date.UTC(2026, 0, 3);
    desk.now = midnight - 1;
    desk.ask(`Bearer ${SECRET}`);
    await desk.keyCache.flush();
    desk.now = midnight;
    desk.ask(`Bearer ${SECRET}`);
    await desk.keyCache.flush();
    assert.deepEqual(
      desk.touched.map((days) => days.get("k1")),
      ["2026-01-02", "2026-01-03"],
    );
  });

  test("is not written if the store knows it already", async (t) => {
    const desk = await Desk.open(t, keyOf(SECRET, { lastUsedDay: "2026-01-02" }));
    desk.ask(`Bearer ${SECRET}`);
    await desk.keyCache.flush();
    assert.deepEqual(desk.touched, []);
  });

  test("is not noted for a credential that is refused", async (t) => {
    const desk = await Desk.open(t, keyOf(SECRET, { expireTime: NOW }));
    desk.ask(`Bearer ${SECRET}`);
    await desk.keyCache.flush();
    assert.deepEqual(desk.touched, []);
  });

  test("is kept for the next flush if the store cannot be written", async (t) => {
    const other = createSecret("k2");
    const desk = await Desk.open(t, keyOf(SECRET), keyOf(other, { id: "k2" }));
    desk.ask(`Bearer ${SECRET}`);
    desk.trouble = new Error("disk full");
    await assert.rejects(desk.keyCache.flush(), /disk full/);
    desk.trouble = undefined;
    desk.ask(`Bearer ${other}`);
    await desk.keyCache.flush();
    assert.deepEqual(desk.touched, [
      new Map([
        ["k1", "2026-01-02"],
        ["k2", "2026-01-02"],
      ]),
    ]);
  });
});
