/** Sealed tokens: fixed bytes, and only a token that was sealed here for the same purpose opens. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { describe, it } from "node:test";
import { CursorError } from "../../../src/store/errors.ts";
import { CURSOR_PURPOSE, parseCursor, toCursor } from "../../../src/store/search/cursor.ts";
import { TokenSeal } from "../../../src/store/search/token-seal.ts";

const KEY = Buffer.alloc(32, 7);
const seal = new TokenSeal(KEY, 5);
const hash = Buffer.from([9, 8, 7, 6, 5, 4]);

describe("a sealed token", () => {
  it("is a version byte, the generation, the payload and 16 bytes of an HMAC", () => {
    const content = Buffer.from([1, 0, 0, 0, 5, 0x61, 0x62]);
    const hmac = createHmac("sha256", KEY)
      .update(Buffer.from([0, 0, 0, 1]))
      .update("p")
      .update(content)
      .digest();
    const token = Buffer.concat([content, hmac.subarray(0, 16)]).toString("base64url");
    assert.equal(seal.seal("p", Buffer.from("ab")), token);
    assert.deepEqual(seal.open("p", token), { generation: 5, payload: Buffer.from("ab") });
  });

  it("opens under a later generation, which tells the two apart", () => {
    assert.equal(new TokenSeal(KEY, 6).open("p", seal.seal("p", Buffer.from("ab")))?.generation, 5);
  });

  it("does not open for another purpose or with another key", () => {
    const token = seal.seal("p", Buffer.from("ab"));
    assert.equal(seal.open("pa", token), undefined);
    assert.equal(new TokenSeal(Buffer.alloc(32, 8), 5).open("p", token), undefined);
    // Purpose and payload are kept apart.
    assert.equal(seal.open("pa", seal.seal("p", Buffer.from("ab"))), undefined);
  });

  it("does not open if any of its bits or its form differs", () => {
    const token = seal.seal("p", Buffer.from("ab"));
    const bytes = Buffer.from(token, "base64url");
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const other = Buffer.from(bytes);
      other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(seal.open("p", other.toString("base64url")), undefined, `bit ${bit}`);
    }
    for (const other of ["", "A", token.slice(0, -1), `${token}=`, `${token}A`, ` ${token}`, `${token}\n`, "!!!"]) {
      assert.equal(seal.open("p", other), undefined, JSON.stringify(other));
    }
  });
});

describe("a cursor", () => {
  it("is a list of (log, position, the first bytes of the event's hash) with one member", () => {
    const opened = seal.open(CURSOR_PURPOSE, toCursor(seal, { position: 258, hash }));
    assert.deepEqual(opened, { generation: 5, payload: Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 9, 8, 7, 6]) });
  });

  it("of version 0.2.0 had no hash, and opens", () => {
    const old = seal.seal(CURSOR_PURPOSE, Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]));
    assert.deepEqual(parseCursor(seal, old), { position: 258, mark: undefined });
    for (const bytes of [11, 13, 15, 17]) {
      assert.throws(() => parseCursor(seal, seal.seal(CURSOR_PURPOSE, Buffer.alloc(bytes))), CursorError);
    }
  });

  it("keeps the order of events when compared as bytes, across generations too", () => {
    const later = new TokenSeal(KEY, 6);
    const cursors = [
      toCursor(seal, { position: 1, hash }),
      toCursor(seal, { position: 255, hash }),
      toCursor(seal, { position: 256, hash: undefined }),
      toCursor(seal, { position: 2 ** 53 - 1, hash }),
      toCursor(later, { position: 1, hash: undefined }),
    ].map((cursor) => Buffer.from(cursor, "base64url"));
    assert.deepEqual(cursors.toSorted(Buffer.compare), cursors);
  });
});
