/** `lockkeeper keyfile`: makes the key file of a database on a server, and rotates it under a running service. */
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { noPostgres, sharedPostgres } from "../../support/postgres.ts";
import { runCommand } from "../../support/run-command.ts";
import { startReplicas, temporaryFolder } from "../../support/service.ts";
import { assertRefused, cliOf, jsonOf } from "../support/cli.ts";

const VERIFIER = join(import.meta.dirname, "../../../examples/verify-history/verify.py");

interface View {
  readonly instance: string;
  readonly verifierKeys: readonly string[];
}

test("replicas on PostgreSQL sign with the file that keyfile create makes, and with its next key after rotate", {
  skip: (await noPostgres()) ?? false,
}, async (t) => {
  const url = await (await sharedPostgres()).createDatabase(t);
  const file = join(await temporaryFolder(t), "a.key");
  const create = ["keyfile", "create", file, "--database", url];
  const cli = cliOf("http://127.0.0.1:1");
  await assertRefused(cli(create), { code: 4, says: /is empty; start the service once/ });
  const first = await startReplicas(t, 1, { path: url });
  assert.match(first.log(), /there is no key file, so no checkpoints of the history are made/);
  assert.deepEqual((await first.history.listCheckpoints({})).verifierKeys, []);
  await first.stop();
  const [made] = await jsonOf<View>(cli([...create, "--json"]));
  assert.equal(statSync(file).mode & 0o777, 0o600);
  await assertRefused(cli(create), { code: 4, says: /a\.key cannot be written: there is such a file already/ });
  const service = await startReplicas(t, 1, { path: url, config: { instanceKeyFile: file } });
  assert.deepEqual((await service.history.listCheckpoints({})).verifierKeys, made?.verifierKeys);
  const [rotated] = await jsonOf<View>(cli(["keyfile", "rotate", file, "--json"]));
  assert.deepEqual(rotated?.verifierKeys.slice(1), made?.verifierKeys);
  assert.deepEqual((await service.history.listCheckpoints({})).verifierKeys, rotated?.verifierKeys);
  const again = [...create, "--json", "--earlier-verifier", rotated?.verifierKeys[0] ?? ""];
  await rename(file, `${file}.lost`);
  const [remade] = await jsonOf<View>(cli(again));
  assert.deepEqual(remade?.verifierKeys.slice(1), rotated?.verifierKeys.slice(0, 1));
  // An erased history verifies as another does.
  await service.users.createUser({ userId: "ann", profile: { email: "ann@example.com" }, note: "Lovelace" });
  await service.users.deleteUser({ userId: "ann", erase: true });
  const report = await cliOf(service.url)(["events", "verify"]);
  assert.equal(report.code, 0, report.stderr);
  assert.match(report.stdout, /^verified: 4 events in 4 commits, (?:1 checkpoint|\d checkpoints); /);
  const history = join(await temporaryFolder(t), "history.ndjson");
  assert.match((await cliOf(service.url)(["events", "export", history])).stderr, /exported 4 events/);
  const exported = await readFile(history, "utf8");
  assert.doesNotMatch(exported, /ann@example|Lovelace/);
  const [key = ""] = remade?.verifierKeys ?? [];
  const { end } = JSON.parse(exported.trimEnd().split("\n").at(-1) ?? "");
  await writeFile(`${history}.note`, end.checkpoint);
  const verified = await runCommand("python3", [VERIFIER, history, `${history}.note`, key]);
  assert.match(verified.stdout, /^verified: 4 events, link /, verified.stderr);
  const offline = ["events", "verify", "--database", url, "--checkpoint", `${history}.note`];
  const held = await cli([...offline, "--instance-key-file", file]);
  assert.match(held.stdout, /: verified 4 events, 1 user and \d checkpoints?; position 4, link /, held.stderr);
  await writeFile(`${history}.note`, end.checkpoint.replace("\n4\n", "\n3\n"));
  const forged = await cli([...offline, "--verifier-key", key]);
  assert.equal(forged.code, 4);
  assert.match(forged.stderr, /at position 3: a checkpoint is forged/);
  await assertRefused(cli(["keyfile", "rotate", `${file}.other`]), {
    code: 4,
    says: /cannot be read: there is no such file/,
  });
});
