/** The bytes of events: fixed by example, because they can never change again. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import {
  commit,
  decodeBody,
  encodeBody,
  FIRST_LINK,
  hashEvent,
  hashLink,
} from "../../../src/store/log/event-encoding.ts";

const ENVELOPE = {
  position: 7,
  previousPosition: 3,
  organizationId: "default",
  userId: "u",
  sequence: 2,
  type: "UserUnlocked",
  time: 1_000,
  recordTime: 1_001,
  actor: "key:a",
  via: "rest",
  requestId: "",
} as const;

function sha256(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

describe("event encoding", () => {
  it("writes the body as a version byte and canonical JSON", () => {
    const { body, privateValues } = encodeBody({
      type: "UserUnlocked",
      data: { restrictionIds: ["b", "a"], reasonCode: "ü" },
      personal: {},
    });
    assert.equal(body[0], 2);
    assert.equal(
      Buffer.from(body.subarray(1)).toString(),
      '{"commitments":{},"data":{"reasonCode":"ü","restrictionIds":["b","a"]},"type":"UserUnlocked"}',
    );
    assert.equal(privateValues, null);
  });

  it("keeps personal values out of the body, committed to under a salt of their own", () => {
    const event = {
      type: "UserUnlocked",
      data: {},
      personal: { note: "call 555-0100", "attributes.__proto__": "{}" },
    } as const;
    const { body, privateValues } = encodeBody(event);
    assert.ok(!Buffer.from(body).includes("555-0100"));
    const { commitments } = decodeBody(body);
    assert.deepEqual(Object.keys(commitments).sort(), ["attributes.__proto__", "note"]);
    const [salt = "", value = ""] = privateValues?.note ?? [];
    assert.equal(Buffer.from(salt, "base64").length, 32);
    assert.equal(commitments.note, commit(Buffer.from(salt, "base64"), "note", value));
    const again = encodeBody(event);
    assert.notDeepEqual(again.body, body, "the same value twice must not look the same");
  });

  it("separates the end of a name from the beginning of a value", () => {
    const salt = Buffer.alloc(32);
    assert.notEqual(commit(salt, "note", "ab"), commit(salt, "notea", "b"));
    const expected = sha256(salt, Buffer.from([0, 0, 0, 4]), "note", "ab");
    assert.equal(Buffer.from(commit(salt, "note", "ab"), "base64").toString("hex"), expected);
  });

  it("hashes the envelope with its length before the body, every column counting", () => {
    const text = '[0,7,3,"default","u",2,"UserUnlocked",1000,1001,"key:a","rest",""]';
    const body = Buffer.from([2, 2, 3]);
    const hash = hashEvent(ENVELOPE, body);
    assert.equal(hash.toString("hex"), sha256(Buffer.from([0, 0, 0, text.length]), text, body));
    const others = [
      { position: 8 },
      { previousPosition: null },
      { organizationId: null },
      { userId: null },
      { sequence: 3 },
      { type: "X" },
      { time: 1 },
      { recordTime: 1 },
      { actor: "" },
      { via: "" },
      { requestId: "r" },
    ];
    for (const other of others) {
      assert.notDeepEqual(hashEvent({ ...ENVELOPE, ...other }, body), hash, JSON.stringify(other));
    }
  });

  it("hashes bodies of any length, also a short one after a long one, and counts the envelope in bytes", () => {
    const text = '[0,7,3,"default","ü😀",2,"UserUnlocked",1000,1001,"key:a","rest",""]';
    const prefix = Buffer.from([0, 0, 0, Buffer.byteLength(text)]);
    for (const length of [1, 100_000, 4_096, 100_001, 3]) {
      const body = Buffer.alloc(length, 2);
      const hash = hashEvent({ ...ENVELOPE, userId: "ü😀" }, body);
      assert.equal(hash.toString("hex"), sha256(prefix, text, body), `${length} bytes`);
    }
  });

  it("leaves the log out of the envelope where the body is of the first version", () => {
    const text = '[7,3,"default","u",2,"UserUnlocked",1000,1001,"key:a","rest",""]';
    const body = Buffer.from([1, 2, 3]);
    const hash = hashEvent(ENVELOPE, body);
    assert.equal(hash.toString("hex"), sha256(Buffer.from([0, 0, 0, text.length]), text, body));
  });

  it("links a commit to the previous one by the hashes of its events", () => {
    const first = Buffer.alloc(32, 1);
    const second = Buffer.alloc(32, 2);
    assert.equal(hashLink(FIRST_LINK, [first, second]).toString("hex"), sha256(Buffer.alloc(32), first, second));
    assert.notDeepEqual(hashLink(FIRST_LINK, [second, first]), hashLink(FIRST_LINK, [first, second]));
  });

  it("refuses a body of an unknown version", () => {
    assert.throws(() => decodeBody(Buffer.from([3, 123, 125])), /version 3; known are 1 and 2/);
  });
});
