/** Signed notes: as C2SP writes them, and nothing else. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  formatCheckpoint,
  formatVerifierKey,
  openNote,
  parseCheckpoint,
  parseVerifierKey,
  publicKeyOf,
  signNote,
  textOf,
} from "../../src/domain/signed-note.ts";

/** The keys of the example of golang.org/x/mod/sumdb/note. */
const PETER = parseVerifierKey("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
const POEM = [
  "If you think cryptography is the answer to your problem,",
  "then you don't know what your problem is.",
  "",
  "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=",
  "",
].join("\n");

const NAME = "lockkeeper/0123456789abcdef";
const SEED = new Uint8Array(32).fill(1);
const OWN = { name: NAME, publicKey: publicKeyOf(SEED) };
const TEXT = formatCheckpoint({ origin: NAME, position: 7, link: new Uint8Array(32).fill(2) });

describe("a signed note", () => {
  test("of Go's implementation is opened", () => {
    assert.match(openNote(POEM, [PETER]) ?? "", /^If you think/);
    assert.equal(openNote(POEM.replace("answer", "Answer"), [PETER]), undefined);
  });

  test("is opened by its key alone, and signatures of other keys are ignored", () => {
    const note = signNote(TEXT, { name: NAME, seed: SEED });
    const [, foreign = ""] = POEM.split("\n\n");
    assert.equal(openNote(note, [OWN]), TEXT);
    assert.equal(openNote(`${note}${foreign}`, [PETER, OWN].slice(1)), TEXT);
    assert.equal(openNote(`${note}${foreign}`, [OWN, PETER]), undefined, "a signature of a known key is wrong");
    assert.equal(openNote(note, [PETER]), undefined);
    assert.equal(openNote(note.replace("7\n", "8\n"), [OWN]), undefined);
    assert.deepEqual(parseVerifierKey(formatVerifierKey(OWN)), OWN);
  });

  test("in another form is none", () => {
    const note = signNote(TEXT, { name: NAME, seed: SEED });
    for (const other of [
      note.slice(0, -1),
      note.replace("— ", "- "),
      TEXT,
      "",
      `${note}x\n`,
      note.replace("\n\n", "\n"),
    ]) {
      assert.equal(textOf(other), undefined, JSON.stringify(other));
    }
    assert.equal(textOf(`${"x".repeat(9_000)}${note}`), undefined);
  });

  test("has a checkpoint in its text, or none", () => {
    assert.deepEqual(parseCheckpoint(`${TEXT}more\n`)?.position, 7);
    const texts = [
      TEXT.replace("\n7", "\n07"),
      TEXT.replace("\n7", "\n-1"),
      TEXT.replace("=", ""),
      "a\n7\n",
      TEXT.replace("\n7", `\n${"9".repeat(16)}`),
    ];
    for (const other of texts) assert.equal(parseCheckpoint(other), undefined, other);
  });

  test("is verified by a key that is written in one form", () => {
    for (const key of [
      "",
      "a+b+c",
      "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
      "a b+00000000+AQ==",
    ]) {
      assert.throws(() => parseVerifierKey(key), /is not a verifier key/);
    }
  });
});
