/** The rules of API keys. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type ApiKey,
  type CreateApiKey,
  decideApiKey,
  evolveApiKey,
  isEffective,
  isLastingOwner,
  opensWith,
  type RevokeApiKey,
  type RotateApiKey,
} from "../../src/domain/api-key.ts";
import { ADMIN, CONTEXT, HOUR, NOW, refusalOf } from "./support/given.ts";

const INSTANCE = { ...CONTEXT, scope: null };
const OTHERS = { now: NOW, otherOwners: 1 };
const ALONE = { now: NOW, otherOwners: 0 };

function creating(more: Partial<CreateApiKey> = {}): CreateApiKey {
  return {
    type: "CreateApiKey",
    keyId: "k1",
    secretHash: "ab".repeat(32),
    organizationId: null,
    displayName: "first",
    role: "owner",
    permissions: [],
    expireTime: null,
    context: INSTANCE,
    ...more,
  };
}

function revoking(more: Partial<RevokeApiKey> = {}): RevokeApiKey {
  return { type: "RevokeApiKey", keyId: "k1", note: "", context: INSTANCE, ...more };
}

function keyOf(more: Partial<CreateApiKey> = {}): ApiKey {
  const decision = decideApiKey(undefined, creating(more), ALONE);
  const [event] = decision.ok ? decision.events : [];
  if (event === undefined) throw new Error("no event");
  return evolveApiKey(undefined, event, "k1");
}

function revoked(key: ApiKey, command = revoking()): ApiKey {
  const decision = decideApiKey(key, command, OTHERS);
  const [event] = decision.ok ? decision.events : [];
  if (event === undefined) throw new Error("no event");
  return evolveApiKey(key, event, "k1");
}

describe("creating a key", () => {
  test("it is what was asked for, with its maker, and without its secret", () => {
    assert.deepEqual(keyOf({ organizationId: "acme", role: "", permissions: ["user.read"], expireTime: NOW + HOUR }), {
      id: "k1",
      secretHash: "ab".repeat(32),
      organizationId: "acme",
      displayName: "first",
      role: "",
      permissions: ["user.read"],
      expireTime: NOW + HOUR,
      revokeTime: null,
      rotateTime: null,
      earlierSecrets: [],
      lastUsedDay: "",
      createdBy: ADMIN,
      sequence: 1,
      creationTime: NOW,
      changeTime: NOW,
    });
  });
});

describe("revoking a key", () => {
  test("it opens nothing from that instant on and its history grows by one event", () => {
    const key = revoked(keyOf());
    assert.deepEqual([key.revokeTime, key.sequence, key.changeTime], [NOW, 2, NOW]);
    assert.equal(isEffective(key, NOW), false);
  });

  test("the note is a personal value, an absent one is none", () => {
    for (const note of ["", "leaked"]) {
      const decision = decideApiKey(keyOf(), revoking({ note }), OTHERS);
      assert.ok(decision.ok);
      assert.deepEqual(decision.events[0]?.personal, note === "" ? {} : { note });
    }
  });

  test("a key that was revoked before is refused with the time", () => {
    const refusal = refusalOf(decideApiKey(revoked(keyOf()), revoking(), OTHERS));
    assert.equal(refusal.reason, "API_KEY_ALREADY_REVOKED");
    assert.match(refusal.message, /the API key "k1" was revoked at 2026-01-02T00:00:00.000Z/);
  });

  test("a key that never was and one of another organization or of the instance get the very same answer", () => {
    const command = revoking({ context: CONTEXT });
    const never = refusalOf(decideApiKey(undefined, command, OTHERS));
    assert.equal(never.reason, "API_KEY_NOT_FOUND");
    for (const organizationId of ["other", null]) {
      assert.deepEqual(refusalOf(decideApiKey(keyOf({ organizationId }), command, ALONE)), never);
    }
    assert.equal(decideApiKey(keyOf({ organizationId: "acme" }), command, ALONE).ok, true);
  });

  test("an instance's caller revokes any organization's", () => {
    assert.equal(decideApiKey(keyOf({ organizationId: "acme" }), revoking(), ALONE).ok, true);
  });
});

describe("rotating a key", () => {
  const rotating = (secretHash: string, overlapMs: number): RotateApiKey => ({
    type: "RotateApiKey",
    keyId: "k1",
    secretHash,
    overlapMs,
    note: "yearly",
    context: INSTANCE,
  });
  const rotated = (key: ApiKey, secretHash: string, overlapMs: number, now = NOW): ApiKey => {
    const decision = decideApiKey(key, rotating(secretHash, overlapMs), { now, otherOwners: 0 });
    assert.ok(decision.ok);
    const [event] = decision.events;
    assert.deepEqual(event?.personal, { note: "yearly" });
    return event === undefined ? key : evolveApiKey(key, event, "k1");
  };
  const first = keyOf();

  test("the new secret opens, the earlier one up to the end of the overlap", () => {
    const key = rotated(first, "second", HOUR);
    assert.deepEqual([key.secretHash, key.rotateTime, key.sequence, key.changeTime], ["second", NOW, 2, NOW]);
    assert.deepEqual(key.earlierSecrets, [{ hash: first.secretHash, endTime: NOW + HOUR }]);
    const opens = (now: number) => [first.secretHash, "second", "third"].map((hash) => opensWith(key, hash, now));
    assert.deepEqual(opens(NOW + HOUR - 1), [true, true, false]);
    assert.deepEqual(opens(NOW + HOUR), [false, true, false]);
  });

  test("without an overlap every earlier secret ends at once, also those of rotations before", () => {
    assert.deepEqual(rotated(rotated(first, "second", HOUR), "third", 0).earlierSecrets, []);
  });

  test("a later rotation never lengthens what an earlier one left, and drops what has ended", () => {
    const key = rotated(rotated(first, "second", HOUR), "third", 9 * HOUR, NOW + 1);
    const ends = key.earlierSecrets.map(({ hash, endTime }) => [hash, endTime]);
    assert.deepEqual(ends, [
      [first.secretHash, NOW + HOUR],
      ["second", NOW + 1 + 9 * HOUR],
    ]);
    assert.deepEqual(
      rotated(key, "fourth", HOUR, NOW + HOUR).earlierSecrets.map(({ hash }) => hash),
      ["second", "third"],
    );
  });

  test("no secret opens beyond the key's own expiry", () => {
    const key = rotated(keyOf({ expireTime: NOW + 10 }), "second", HOUR);
    assert.deepEqual([key.expireTime, key.earlierSecrets[0]?.endTime], [NOW + 10, NOW + 10]);
  });

  test("four earlier secrets may open; a fifth is refused with the way out", () => {
    let key = first;
    for (let i = 0; i < 4; i++) key = rotated(key, `secret-${i}`, HOUR + i);
    const refusal = refusalOf(decideApiKey(key, rotating("fifth", HOUR), ALONE));
    assert.equal(refusal.reason, "API_KEY_SECRETS_OVERLAP");
    assert.match(refusal.message, /wait until 2026-01-02T01:00:00\.000Z.* overlap of 0s/);
    assert.equal(rotated(key, "fifth", 0).earlierSecrets.length, 0);
    // A short overlap does not change the reported end: a refused rotation ends nothing.
    const shorter = refusalOf(decideApiKey(key, rotating("fifth", 5_000), ALONE));
    assert.match(shorter.message, /wait until 2026-01-02T01:00:00\.000Z/);
    assert.equal(rotated(key, "fifth", 5_000, NOW + HOUR).earlierSecrets.length, 4);
  });

  test("a revoked, an expired and an unknown key are refused", () => {
    const refusal = (key: ApiKey | undefined) => refusalOf(decideApiKey(key, rotating("s", 0), OTHERS)).reason;
    assert.equal(refusal(revoked(first)), "API_KEY_ALREADY_REVOKED");
    assert.equal(refusal(keyOf({ expireTime: NOW })), "API_KEY_EXPIRED");
    assert.equal(refusal(undefined), "API_KEY_NOT_FOUND");
  });
});

describe("P25 the last lasting owner of the instance", () => {
  const rows: readonly (readonly [title: string, more: Partial<CreateApiKey>, isLast: boolean])[] = [
    ["an owner of the instance", {}, true],
    ["an owner of one organization", { organizationId: "acme" }, false],
    ["an operator of the instance", { role: "operator" }, false],
    ["an owner whose key expires", { expireTime: NOW + HOUR }, false],
    ["a key with permissions instead of a role", { role: "", permissions: ["key.write"] }, false],
  ];
  for (const [title, more, isLast] of rows) {
    test(`${title} ${isLast ? "is one" : "is none"}`, () => {
      const key = keyOf(more);
      assert.equal(isLastingOwner(key), isLast);
      const decision = decideApiKey(key, revoking(), ALONE);
      assert.equal(decision.ok, !isLast);
      if (isLast) assert.equal(refusalOf(decision).reason, "API_KEY_LAST_OWNER");
      assert.equal(decideApiKey(key, revoking(), OTHERS).ok, true);
    });
  }

  test("a revoked one is none", () => {
    assert.equal(isLastingOwner(revoked(keyOf())), false);
  });
});

describe("what a key opens", () => {
  const rows: readonly (readonly [
    title: string,
    expireTime: number | null,
    revokeTime: number | null,
    opens: boolean,
  ])[] = [
    ["one without expiry opens", null, null, true],
    ["one that expires a millisecond later opens", NOW + 1, null, true],
    ["P14 one that expires now opens nothing", NOW, null, false],
    ["one that expired opens nothing", NOW - 1, null, false],
    ["a revoked one opens nothing", null, NOW - 1, false],
    ["one revoked later than now, by another clock, opens nothing", null, NOW + HOUR, false],
  ];
  for (const [title, expireTime, revokeTime, opens] of rows) {
    test(title, () => {
      assert.equal(isEffective({ expireTime, revokeTime }, NOW), opens);
    });
  }
});
