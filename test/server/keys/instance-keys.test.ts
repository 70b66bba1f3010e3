/** The key file of a service: made by the first start, checked by each, replaced by `keyfile rotate`. */
import assert from "node:assert/strict";
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { ConfigError } from "../../../src/config.ts";
import { InstanceKeys } from "../../../src/server/keys/instance-keys.ts";
import { createKeyFile, readKeyFile } from "../../../src/server/keys/key-file.ts";
import { renewKeyFile } from "../../../src/server/keys/offline-key-file.ts";
import { makeFolder, openFixture } from "../../store/support/sqlite-fixture.ts";

const FRESH = { origin: "lockkeeper/0123456789abcdef", hasCheckpoints: false };
const SIGNED = { ...FRESH, hasCheckpoints: true };
const LINK = { position: 1, link: new Uint8Array(32) };

function keysOf(t: TestContext, keyFile?: string, engine: "sqlite" | "postgres" = "sqlite") {
  const folder = makeFolder(t);
  const path = join(folder, "a.db");
  const notices: string[] = [];
  const troubles: unknown[] = [];
  const database = engine === "sqlite" ? ({ engine, path } as const) : ({ engine, url: "postgres://db/x" } as const);
  const keys = new InstanceKeys({
    config: { database, keyFile: keyFile?.replace("FOLDER", folder) },
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
      /put it back, or make another with lockkeeper keyfile create; no checkpoints are made/,
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
