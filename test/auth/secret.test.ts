/** The form of API keys. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createSecret, hashSecret, isWellFormedSecret, looksLikeSecret } from "../../src/auth/secret.ts";

const KEY_ID = "018f2b0c5e7a7c3d9b1e000000000001";

describe("a created secret", () => {
  test("names its key, has our prefix and is well formed", () => {
    for (const id of ["a", "0", KEY_ID, "z".repeat(64)]) {
      const secret = createSecret(id);
      assert.match(secret, new RegExp(`^lk_${id}_[0-9A-Za-z]{43}_[0-9a-f]{8}$`));
      assert.equal(isWellFormedSecret(secret), true);
      assert.equal(looksLikeSecret(secret), true);
    }
  });

  test("differs each time, at every position of its secret part", () => {
    const parts = Array.from({ length: 200 }, () => createSecret("k").split("_")[2] ?? "");
    assert.equal(new Set(parts).size, parts.length);
    // The first of 43 characters carries the remainder of 256 bits: 2^256 / 62^42 is less than 62.
    for (let place = 1; place < 43; place++) assert.ok(new Set(parts.map((part) => part[place])).size > 30, `${place}`);
  });

  test("holds any 256 bits: the largest number fits the characters", () => {
    assert.ok(62n ** 43n > 2n ** 256n);
  });
});

describe("a changed secret", () => {
  const secret = createSecret(KEY_ID);
  const letters = ["0", "1", "9", "a", "f", "g", "z", "A", "F", "Z", "_", "-", " ", "é", "\n", "lk_"];

  test("every change of a single character is detected as malformed", () => {
    for (let place = 0; place < secret.length; place++) {
      for (const letter of letters) {
        if (letter === secret[place]) continue;
        const changed = secret.slice(0, place) + letter + secret.slice(place + 1);
        assert.equal(isWellFormedSecret(changed), false, `${letter} at ${place}`);
      }
    }
  });

  test("every character that is omitted, doubled or swapped with its neighbour is detected", () => {
    for (let place = 0; place < secret.length; place++) {
      const [left, here, right] = [secret.slice(0, place), secret.charAt(place), secret.slice(place + 1)];
      assert.equal(isWellFormedSecret(left + right), false, `without ${place}`);
      assert.equal(isWellFormedSecret(left + here + here + right), false, `with ${place} twice`);
      if (right !== "" && right[0] !== here) {
        assert.equal(isWellFormedSecret(left + right[0] + here + right.slice(1)), false, `${place} exchanged`);
      }
    }
  });

  test("text around it is detected", () => {
    for (const changed of [` ${secret}`, `${secret} `, `${secret}\n`, `x${secret}`, secret.toUpperCase(), ""]) {
      assert.equal(isWellFormedSecret(changed), false);
    }
  });
});

describe("text that does not look like a key of ours", () => {
  test("is distinguished from text that does", () => {
    for (const text of ["", "lk", "LK_abc", "sk_abc", " lk_abc"]) assert.equal(looksLikeSecret(text), false);
    for (const text of ["lk_", "lk_abc"]) assert.equal(looksLikeSecret(text), true);
  });
});

test("only the SHA-256 of a secret is stored, in lower-case hex", () => {
  assert.equal(hashSecret("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});
