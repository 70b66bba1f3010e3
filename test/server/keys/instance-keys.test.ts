/** The key file of a service: made by the first start, checked by each, replaced by `keyfile rotate`. */
import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { ConfigError } from "../../../src/config.ts";
import { openNote, parseVerifierKey } from "../../../src/domain/signed-note.ts";
import { InstanceKeys } from "../../../src/server/keys/instance-keys.ts";
import { createKeyFile, readKeyFile, rotateKeyFile } from "../../../src/server/keys/key-file.ts";
import { renewKeyFile } from "../../../src/server/keys/offline-key-file.ts";
import { makeFolder, openFixture } from "../../store/support/sqlite-fixture.ts";

const FRESH = { origin: "lockkeeper/0123456789abcdef", hasCheckpoints: false };
const SIGNED = { ...FRESH, hasCheckpoints: true };
const IS_ROOT = process.getuid?.() === 0;
const LINK = { position: 1, link: new Uint8Array(32) };

function keysOf(t: TestContext, keyFile?: string, engine: "sqlite" | "postgres" = "sqlite") {
  const folder = makeFolder(t);
  const path = join(folder, "a.db");
  const notices: string[] = [];
  const troubles: unknown[] = [];
  const database = engine === "sqlite" ? ({ engine, path } as const) : ({ engine, url: "postgres://db/x" } as const);
  const keys = new InstanceKeys({
    config: { database, instanceKeyFile: keyFile?.replace("FOLDER", folder) },
    onNotice: (sentence) => notices.push(sentence),
    onTrouble: (error) => troubles.push(error),
  });
  return { keys, file: keyFile?.replace("FOLDER", folder) ?? `${path}.key`, notices, troubles };
}

describe("the key file", () => {
  it("is made next to the database by the first start, for its owner alone, and read by the next", (t) => {
    const { keys, file } = keysOf(t);
    const note = keys.open(FRESH)?.sign(LINK);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(keys.open(SIGNED)?.sign(LINK), note);
    keys.discard();
    assert.equal(existsSync(file), false, "its database is not there");
  });

  it("is taken up again when it was rotated, and earlier keys stay known", async (t) => {
    const { keys, file, troubles } = keysOf(t);
    const signer = keys.open(FRESH);
    const [first] = signer?.verifierKeys ?? [];
    const note = signer?.sign(LINK);
    const { verifierKeys } = await renewKeyFile(file);
    assert.deepEqual([verifierKeys.length, verifierKeys[1]], [2, first]);
    assert.deepEqual(signer?.verifierKeys, verifierKeys);
    assert.notEqual(signer?.sign(LINK), note);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(readFileSync(file, "utf8").match(/"secret"/g)?.length, 1, "the secret of the earlier key is gone");
    writeFileSync(file, "{}");
    assert.deepEqual(signer?.verifierKeys, verifierKeys, "what was read stays in use");
    assert.match(String(troubles[0]), /is not a key file of lockkeeper/);
  });

  it("keeps keys that this version does not know", async (t) => {
    const { keys, file } = keysOf(t);
    keys.open(FRESH);
    const content = JSON.parse(readFileSync(file, "utf8")) as { keys: object[] };
    content.keys.push({ name: "webhook", type: "hmac", secret: "s", extra: 1 });
    writeFileSync(file, JSON.stringify(content));
    await renewKeyFile(file);
    const { keys: kept } = JSON.parse(readFileSync(file, "utf8")) as { keys: object[] };
    assert.deepEqual(kept.at(-1), { name: "webhook", type: "hmac", secret: "s", extra: 1 });
  });

  const FAULTS: readonly (readonly [string, (file: string) => void, RegExp])[] = [
    [
      "others can read",
      (file) => chmodSync(file, 0o644),
      /has the mode 0644, so other users can use its keys; run chmod 600/,
    ],
    ["is not JSON", (file) => writeFileSync(file, "secret"), /is not a key file of lockkeeper: it is not JSON$/],
    ["is of another program", (file) => writeFileSync(file, "[1]"), /it has no member lockkeeperKeyFile/],
    ["is empty", (file) => writeFileSync(file, ""), /it is empty, .* it never held a key, so remove it$/],
    [
      "is of a newer version",
      (file) => writeFileSync(file, '{"lockkeeperKeyFile":2}'),
      /its format is 2; this version reads 1/,
    ],
    [
      "has no key",
      (file) => writeFileSync(file, '{"lockkeeperKeyFile":1,"instance":"a","keys":[]}'),
      /one secret key named checkpoint/,
    ],
  ];
  for (const [what, spoil, says] of FAULTS) {
    it(`ends the start with one sentence when it ${what}`, (t) => {
      const { keys, file } = keysOf(t);
      keys.open(FRESH);
      spoil(file);
      assert.throws(
        () => keys.open(SIGNED),
        (error) => error instanceof ConfigError && says.test(error.message),
      );
    });
  }

  it("may be read by its group when it is of root, as a mounted secret is, and no more", { skip: !IS_ROOT }, (t) => {
    const { file } = keysOf(t);
    createKeyFile(file, FRESH.origin);
    for (const [uid, mode, isTaken] of [
      [0, 0o440, true],
      [0, 0o640, true],
      [0, 0o660, false],
      [0, 0o644, false],
      [10_001, 0o600, true],
      [10_001, 0o640, false],
    ] as const) {
      chownSync(file, uid, 10_001);
      chmodSync(file, mode);
      const read = (): unknown => readKeyFile(file);
      if (isTaken) assert.ok(read());
      else assert.throws(read, /so other users can use its keys/);
    }
    chmodSync(file, 0o600);
    rotateKeyFile(file);
    const { uid, gid, mode } = statSync(file);
    assert.deepEqual([uid, gid, mode & 0o777], [10_001, 10_001, 0o600], "its owner can still read it");
  });

  it("is never made over another file, and a rotation keeps the link that leads to it", (t) => {
    const { file } = keysOf(t);
    createKeyFile(file, FRESH.origin);
    const made = readFileSync(file, "utf8");
    assert.throws(() => createKeyFile(file, FRESH.origin), /cannot be written: there is such a file already$/);
    assert.equal(readFileSync(file, "utf8"), made);
    symlinkSync(file, `${file}.link`);
    rotateKeyFile(`${file}.link`);
    assert.notEqual(readFileSync(file, "utf8"), made);
    assert.throws(() => createKeyFile(join(dirname(file), "none", "a.key"), FRESH.origin), /no such file or folder$/);
    assert.deepEqual(readdirSync(dirname(file)), ["a.db.key", "a.db.key.link"], "nothing else is left");
  });

  it("that was lost is made again with the verifier keys that it had", (t) => {
    const { keys, file } = keysOf(t);
    const lost = keys.open(FRESH)?.verifierKeys ?? [];
    const note = keys.open(FRESH)?.sign(LINK) ?? "";
    keys.discard();
    createKeyFile(file, FRESH.origin, [...lost, ...lost]);
    const signer = keys.open(SIGNED);
    assert.deepEqual(signer?.verifierKeys.slice(1), lost);
    assert.ok(openNote(note, signer?.verifierKeys.map(parseVerifierKey) ?? []));
    rotateKeyFile(file, lost);
    assert.equal(readKeyFile(file).former.length, 2, "what is known is not added again");
    const other = keysOf(t);
    const [foreign = ""] = other.keys.open({ ...FRESH, origin: "lockkeeper/fedcba9876543210" })?.verifierKeys ?? [];
    assert.throws(
      () => rotateKeyFile(file, [foreign]),
      /is a verifier key of lockkeeper\/fedcba9876543210, and this instance is lockkeeper\/0123456789abcdef$/,
    );
    assert.throws(() => rotateKeyFile(file, ["x"]), /^Error: "x" is not a verifier key/);
  });

  it("of another instance is refused, and named", (t) => {
    const { keys, file } = keysOf(t);
    createKeyFile(file, "lockkeeper/fedcba9876543210");
    assert.throws(
      () => keys.open(FRESH),
      /is of the instance lockkeeper\/fedcba9876543210, and this database is lockkeeper\/0123456789abcdef/,
    );
  });

  it("that is missing is made once, and not again for a history with checkpoints", (t) => {
    const given = keysOf(t, "FOLDER/given.key");
    assert.throws(
      () => given.keys.open(SIGNED),
      /given\.key is missing, and checkpoints of this history were signed with it; put it back/,
    );
    assert.ok(given.keys.open(FRESH));
    assert.equal(readKeyFile(given.file).origin, FRESH.origin);
    const own = keysOf(t);
    assert.equal(own.keys.open(SIGNED), undefined);
    assert.match(
      own.notices[0] ?? "",
      /put it back, or .* keyfile create \S+a\.db\.key --database sqlite:\S+a\.db --earlier-verifier KEY, .*no checkpoints are made$/,
    );
  });

  it("is never made on PostgreSQL; without one there are no checkpoints, and one sentence says so", (t) => {
    const { keys, notices } = keysOf(t, undefined, "postgres");
    assert.equal(keys.open(FRESH), undefined);
    assert.match(notices[0] ?? "", /^there is no key file, so no checkpoints of the history are made/);
    assert.throws(
      () => keysOf(t, "FOLDER/x.key", "postgres").keys.open(FRESH),
      /make it once with lockkeeper keyfile create/,
    );
  });

  it("signs as the instance whose name stays when the database is opened again", async (t) => {
    const names: string[] = [];
    const openSigner = ({ origin }: { readonly origin: string }) => void names.push(origin);
    const { store, path } = await openFixture(t, { openSigner });
    await store.close();
    await openFixture(t, { path, openSigner });
    assert.match(names[0] ?? "", /^lockkeeper\/[0-9a-f]{16}$/);
    assert.equal(names[0], names[1]);
  });
});
