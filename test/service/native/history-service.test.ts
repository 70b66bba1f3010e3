/** The proof of the history through the service: exported, verified by a stranger's program, and held against a checkpoint. */
import assert from "node:assert/strict";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import Database from "better-sqlite3";
import { formatVerifierKey } from "../../../src/domain/signed-note.ts";
import { cliOf, jsonOf } from "../../cli/support/cli.ts";
import { httpRequest } from "../../support/http-client.ts";
import { assertRefused } from "../../support/refusals.ts";
import { runCommand } from "../../support/run-command.ts";
import { ADMIN_KEY, clientsOf, startService, temporaryFolder } from "../../support/service.ts";
import { until } from "../../support/until.ts";
import { openStalled } from "../support/watchers.ts";

const VERIFIER = join(import.meta.dirname, "../../../examples/verify-history/verify.py");

async function start(t: TestContext) {
  const folder = await temporaryFolder(t);
  const path = join(folder, "a.db");
  const service = await startService(t, { path });
  for (const id of ["ada", "zoë", "o-😀"]) {
    await service.users.createUser({ userId: id, profile: { username: `name "of" ${id}\n` }, note: "why 😀" });
    await service.users.lockUser({ userId: id, note: "drei «Anzeigen»", requestId: `r-${encodeURI(id)}` });
  }
  return { ...service, folder, path, cli: cliOf(service.url) };
}

function verify(folder: string, lines: readonly string[], ...more: readonly string[]) {
  const file = join(folder, "edited.ndjson");
  writeFileSync(file, `${lines.join("\n")}\n`);
  return runCommand("python3", [VERIFIER, file, ...more]);
}

async function exported(t: TestContext) {
  const service = await start(t);
  const { stdout } = await service.cli(["events", "export"]);
  const lines = stdout.trimEnd().split("\n");
  const end = JSON.parse(lines.at(-1) ?? "").end as { checkpoint: string; verifierKeys: string[] };
  const placeOf = (position: number): number =>
    lines.findIndex((line) => JSON.parse(line).event?.position === String(position));
  return { ...service, lines, end, placeOf };
}

describe("an export", () => {
  test("is accepted by a program that has no code of ours, with the signature of its checkpoint", async (t) => {
    const { lines, end, folder, path, cli } = await exported(t);
    const [key = ""] = end.verifierKeys;
    const note = join(folder, "kept.note");
    writeFileSync(note, end.checkpoint);
    assert.match((await verify(folder, lines, note, key)).stdout, /^verified: \d+ events, link /);
    const foreign = `${key.slice(0, key.indexOf("+") + 10)}${Buffer.from([1, ...new Uint8Array(32).fill(9)]).toString("base64")}`;
    assert.match((await verify(folder, lines, note, foreign)).stderr, /not signed by this key/);
    const report = await cli(["events", "verify", "--checkpoint", note]);
    assert.match(
      report.stdout,
      /^verified: \d+ events in \d+ commits, \d checkpoints?; position \d+, link /,
      report.stderr,
    );
    const file = join(folder, "history.ndjson");
    assert.equal((await cli(["events", "export", file])).code, 0);
    assert.equal((await runCommand("python3", [VERIFIER, file])).code, 0);
    assert.ok(path);
    assert.equal((await cli(["events", "redact", "o-😀", "1", "--fields", "note", "--yes"])).code, 0);
    assert.equal((await cli(["users", "delete", "zoë", "--erase", "--yes"])).code, 0);
    const { stdout } = await cli(["events", "export"]);
    const erased = await verify(folder, stdout.trimEnd().split("\n"));
    assert.match(erased.stdout, /^verified: /, "an erasure covers what is gone");
  });

  const rewrite = (lines: string[], at: number, members: object): void => {
    const { event } = JSON.parse(lines[at] ?? "");
    lines[at] = JSON.stringify({ event: { ...event, ...members } });
  };
  const EDITS: readonly (readonly [string, (lines: string[], at: number) => void, RegExp])[] = [
    [
      "edited",
      (l, at) => l.splice(at, 1, (l[at] ?? "").replace('"time":"1', '"time":"2')),
      /^position 5: the event is not what its hash/,
    ],
    ["removed", (l, at) => l.splice(at, 1), /^position 5: /],
    ["inserted", (l, at) => l.splice(at, 0, l[at] ?? ""), /^position 6: the event is missing: the next one is 5/],
    ["swapped", (l, at) => l.splice(at, 2, l[at + 1] ?? "", l[at] ?? ""), /^position [45]: /],
    ["moved to the end", (l, at) => l.splice(-1, 0, ...l.splice(at, 1)), /^position 5: /],
    [
      "given another personal value",
      (l, at) => l.splice(at, 1, (l[at] ?? "").replace("why", "who")),
      /^position 5: the personal value note is another one/,
    ],
    [
      "robbed of its personal values",
      (l, at) => rewrite(l, at, { personal: undefined }),
      /^position 5: the personal value note is gone, and no event of this export says that it was erased/,
    ],
    [
      "forged behind its hash",
      (l, at) => rewrite(l, at, { body: undefined, personal: undefined, type: "UserUnbanned", actor: "key:other" }),
      /^position 5: the event has no body, and no export withholds one of UserUnbanned/,
    ],
    [
      "forged as one that is withheld",
      (l, at) => rewrite(l, at, { body: undefined, personal: undefined, userId: undefined, type: "ApiKeyCreated" }),
      /^position 6: the event before of the same user is another one/,
    ],
    ["cut off behind", (l, at) => l.splice(at + 2), /the export ends here, before its head/],
    [
      "cut off with a new head",
      (l, at) => {
        const { position, link } = JSON.parse(l[at + 1] ?? "").link as { position: string; link: string };
        const end = l.at(-1) ?? "";
        l.splice(at + 2, l.length, end);
        l[0] = JSON.stringify({ head: { position, link } });
      },
      /is not the one that a checkpoint of lockkeeper\//,
    ],
  ];
  test("that was changed is refused, and the first bad position is named", async (t) => {
    const { lines, folder, placeOf } = await exported(t);
    for (const [what, edit, says] of EDITS) {
      const edited = [...lines];
      edit(edited, placeOf(5));
      const { code, stderr } = await verify(folder, edited, "--allow-withheld");
      assert.equal(code, 1, what);
      assert.match(stderr, says, what);
    }
  });

  test("over REST has the same lines, and withholds what the caller may not see", async (t) => {
    const { url, keys, folder, lines } = await exported(t);
    const { secret } = await keys.createApiKey({ role: "auditor", displayName: "a" });
    const headers = { authorization: `Bearer ${secret}` };
    const answer = await httpRequest(url, "/v1/history:export", { headers });
    assert.equal(answer.status, 200);
    assert.doesNotMatch(answer.text, /drei|name \\"of|why/);
    const found = answer.text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    const withheld = found.filter(({ result: { event } }) => event?.type === "ApiKeyCreated");
    assert.deepEqual(
      withheld.map(({ result: { event } }) => event.body),
      [undefined, undefined],
      "their bodies have hashes of secrets",
    );
    const own = answer.text.trimEnd().split("\n");
    const judged = await verify(folder, own);
    assert.equal(judged.code, 3, "what is withheld is not proven");
    assert.match(
      judged.stderr,
      /^not proven: the content of the events at 2, 9, .*\nnot proven: the personal values, /,
    );
    assert.equal((await verify(folder, own, "--allow-withheld")).code, 0);
    assert.match(lines.join(), /drei/);
    const scoped = await keys.createApiKey({ role: "owner", organizationId: "default", displayName: "o" });
    const refused = await httpRequest(url, "/v1/history:verify", {
      headers: { authorization: `Bearer ${scoped.secret}` },
    });
    assert.equal(refused.status, 403);
    assert.match(refused.text, /SCOPE_EXCEEDED/);
  });
});

test("exports and verifications are refused beyond the limits of a caller and of the replica, and have room again after", async (t) => {
  const { users, keys, url } = await startService(t, { isOneProcess: true });
  const attributes = { app: { text: "x".repeat(3_000) } };
  await users.importUsers({ users: Array.from({ length: 50 }, (_, index) => ({ userId: `u${index}`, attributes })) });
  const others: string[] = [];
  for (let key = 0; key < 4; key++) others.push((await keys.createApiKey({ role: "viewer" })).secret);
  const [first = "", last = ""] = [others[0], others.at(-1)];
  const open = (key: string, path = "/v1/history:export") =>
    openStalled(t, url, { method: "GET", path, headers: {}, body: new Uint8Array() }, key);
  const own = await Promise.all([1, 2, 3, 4].map(() => open(first)));
  assert.deepEqual(
    own.map(({ status }) => status),
    [200, 200, 200, 200],
  );
  const fifth = clientsOf(url, first).history.exportHistory({})[Symbol.asyncIterator]().next();
  const refused = await assertRefused(fifth, "ResourceExhausted", "HISTORY_TOO_MANY");
  assert.match(refused.message, /this caller has 4 streams of ExportHistory open, and no more may be/);
  assert.equal((await open(first, "/v1/history:verify")).status, 200);
  for (const key of others.slice(1)) await Promise.all([1, 2, 3, 4].map(() => open(key)));
  const full = clientsOf(url, ADMIN_KEY).history.exportHistory({})[Symbol.asyncIterator]().next();
  assert.match((await assertRefused(full, "ResourceExhausted", "HISTORY_TOO_MANY")).message, /^16 streams/);
  for (const { stream } of own) stream.session?.destroy();
  await until(async () => (await open(ADMIN_KEY)).status === 200, "a place");
  assert.equal((await open(last)).status, 429);
});

describe("a verification", () => {
  test("names the first bad position in the database, by the service and without it", async (t) => {
    const { path, cli, stop, history } = await start(t);
    const database = new Database(path);
    t.after(() => database.close());
    database.exec("UPDATE events SET actor = 'key:other' WHERE position = 4");
    const { code, stdout } = await cli(["events", "verify"]);
    assert.equal(code, 4);
    assert.match(
      stdout,
      /^the history is not as it was written:\n {2}position 4: the event is not what its hash was made of/,
    );
    await assert.rejects(async () => {
      for await (const _ of history.verifyHistory({ checkpoint: "x" }));
    }, /checkpoint: the text is not a checkpoint/);
    await stop();
    const offline = await cli(["events", "verify", "--database", `sqlite:${path}`]);
    assert.match(offline.stderr, /at position 4: the event is not what its hash was made of/);
  });

  test("with a kept checkpoint finds a tail that was cut and made again", async (t) => {
    const { path, folder, cli, stop, end } = await exported(t);
    const note = join(folder, "kept.note");
    writeFileSync(note, end.checkpoint);
    await stop();
    const offline = ["events", "verify", "--database", `sqlite:${path}`, "--checkpoint", note];
    const keys = ["--verifier-key", end.verifierKeys[0] ?? ""];
    const whole = await cli([...offline, ...keys]);
    assert.equal(whole.code, 0, whole.stderr);
    const database = new Database(path);
    database.prepare("INSERT OR REPLACE INTO checkpoints VALUES (8, 1, ?)").run(end.checkpoint);
    const stored = ["events", "verify", "--database", `sqlite:${path}`];
    assert.match((await cli(stored)).stdout, /verified 8 events, 3 users and [12] checkpoints?; /);
    renameSync(`${path}.key`, `${path}.kept`);
    const [name = ""] = end.checkpoint.split("\n");
    const foreign = formatVerifierKey({ name, publicKey: new Uint8Array(32).fill(9) });
    const unknown = await cli([...stored, "--verifier-key", foreign]);
    assert.equal(unknown.code, 7, unknown.stdout);
    assert.match(
      unknown.stdout,
      /: verified 8 events, .*\n[12] checkpoints? of it, the first at position [1-8], signed by a key/,
    );
    renameSync(`${path}.kept`, `${path}.key`);
    const users = "WHERE id = 'o-😀'";
    database.exec(
      `DELETE FROM events WHERE position > 6; DELETE FROM event_private WHERE position > 6; DELETE FROM links WHERE last_position > 6;
       DELETE FROM user_state ${users}; DELETE FROM user_profile ${users};
       UPDATE log_head SET position = 6, link = (SELECT link FROM links WHERE last_position = 6)`,
    );
    assert.match((await cli(stored)).stderr, /at position 7: the history ends at 6, and a checkpoint was made at 8/);
    database.exec("DELETE FROM checkpoints");
    database.close();
    assert.equal((await cli(stored)).code, 0, "the chain alone cannot show it");
    const found = await cli([...offline, ...keys]);
    assert.match(found.stderr, /at position 7: the history ends at 6, and a checkpoint was made at 8/);
    const again = await startService(t, { path });
    const more = clientsOf(again.url, "an-owner-key-for-tests-0123456789abcdef");
    for (const userId of ["x", "y", "z"]) await more.users.createUser({ userId });
    const report = await cliOf(again.url)(["events", "verify", "--checkpoint", note]);
    assert.match(report.stdout, /position 8: the history up to here is not the one that a checkpoint was made of/);
  });

  test("lists checkpoints with the keys that verify them", async (t) => {
    const { history, url } = await start(t);
    const { checkpoints, verifierKeys } = await history.listCheckpoints({});
    assert.match(verifierKeys[0] ?? "", /^lockkeeper\/[0-9a-f]{16}\+[0-9a-f]{8}\+AQ?[A-Za-z0-9+/]+=*$/);
    assert.ok(checkpoints.length <= 1);
    await assert.rejects(history.listCheckpoints({ pageToken: "x" }), /page_token: is not from an earlier page/);
    assert.ok((await jsonOf(cliOf(url)(["events", "verify", "--json"]))).length === 1);
  });
});
