/** `users import` as a person runs it: lockkeeper's own columns and fields, what is refused and how, and what is reported. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { State } from "../../../gen/lockkeeper/user/v1/user_pb.ts";
import { runCommand } from "../../support/run-command.ts";
import { ADMIN_KEY, startService, temporaryFolder } from "../../support/service.ts";
import { assertRefused, cliOf, MAIN } from "../support/cli.ts";
import { importJson } from "../support/imports.ts";

const HEADER =
  "user_id,username,email_verified,email,banned,ban_reason_code,ban_expires,locked,lock_expires,deactivated,attributes.billing,creation_date";

const ROWS = [
  `ann,Ann,true,ann@example.com,no,,,,,,"{""plan"":""pro""}",2024-01-31`,
  `bob,"Two\r\nlines",,,TRUE,FRAUD,never,,,,,2024-01-31T12:00:00+02:00`,
  `cat,,,,,,,yes,2030-01-01T00:00:00Z,,,1700000000000`,
  `dan,,,,,,,,,1,,`,
  `bad id ,,,,,,,,,,,`,
  `eve,x"y,,,,,,,,,,`,
  `eve,a,b`,
  `eve,,,,maybe,,,,,,,`,
  `eve,,,,,,2030-01-01T00:00:00Z,,,,,`,
  `,nobody,,,,,,,,,,`,
  `eve,,,,,,,,,,[],`,
  `eve,,,,,,,,,,,2024-02-30`,
  `ann,again,,,,,,,,,,`,
];

const FAULTS: readonly (readonly [line: number, says: RegExp])[] = [
  [7, /^user_id: "bad id " begins or ends with a space$/],
  [8, /^has a quote within an unquoted field$/],
  [9, /^has 3 fields; the header names 12$/],
  [10, /^banned is a text of 5 characters; it must be true or false, yes or no, 1 or 0$/],
  [11, /^ban_expires is set, but banned is not true$/],
  [12, /^has no user id$/],
  [13, /^attributes.billing is a text of 2 characters; it must be a JSON object$/],
  [14, /^creation_date is a text of 10 characters; it must be an instant such as/],
];

test("CSV: bad rows are reported by their line and stop nothing, flags arrive as states", async (t) => {
  const { url, users } = await startService(t);
  const folder = await temporaryFolder(t);
  const file = join(folder, "users.csv");
  // As Excel writes it: a byte order mark, and line ends of two characters.
  writeFileSync(file, `\ufeff${[HEADER, ...ROWS].join("\r\n")}\r\n`);
  const errors = join(folder, "errors.ndjson");
  const tried = await importJson(url, file, "--dry-run");
  assert.deepEqual([tried.created, tried.skipped, tried.failed], [4, 1, 8]);
  assert.equal((await users.listUsers({})).users.length, 0);
  const { created, skipped, failed, rows } = await importJson(url, file, "--errors", errors);
  assert.deepEqual({ created, skipped, failed, rows }, { created: 4, skipped: 1, failed: 8, rows: 13 });
  const told = readFileSync(errors, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { line: number; message: string; userId?: string; code?: string });
  assert.deepEqual(
    told.map(({ line }) => line),
    FAULTS.map(([line]) => line),
  );
  for (const [index, [, says]] of FAULTS.entries()) assert.match(told[index]?.message ?? "", says);
  assert.deepEqual([told[0]?.userId, told[0]?.code], ["bad id ", "INVALID_ARGUMENT"]);
  const states = Object.fromEntries((await users.listUsers({})).users.map(({ userId, state }) => [userId, state]));
  assert.deepEqual(states, { ann: State.ACTIVE, bob: State.BANNED, cat: State.LOCKED, dan: State.INACTIVE });
  const { user: ann } = await users.getUser({ userId: "ann" });
  assert.deepEqual(ann?.attributes, { billing: { plan: "pro" } });
  assert.equal(ann?.profile?.username, "Ann");
  assert.ok(!existsSync(`${file}.lockkeeper-import.json`), "the checkpoint of a complete import is left");

  const lk = cliOf(url);
  const updated = await lk(["users", "import", file, "--if-exists", "update"]);
  assert.equal(updated.code, 4);
  assert.match(updated.stdout, /^13 rows read, in \d+s \([\d,]+ per second\)\n {2}1 updated\n {2}4 skipped because /);
  assert.match(updated.stderr, /^line 7 \("bad id "\): user_id: /);
  // Rows of one user are taken in their order.
  assert.equal((await users.getUser({ userId: "ann" })).user?.profile?.username, "again");
  const refused = await importJson(url, file, "--if-exists", "fail");
  assert.deepEqual([refused.created, refused.failed], [0, 13]);
});

test("a lock and a ban that have ended are left out of their rows, whose users are imported", async (t) => {
  const { url, users } = await startService(t);
  const folder = await temporaryFolder(t);
  const csv = join(folder, "users.csv");
  const rows = [
    "ann,ann@example.com,yes,2020-01-01T00:00:00Z,no,,",
    "bob,bob@example.com,yes,2020-01-01T00:00:00Z,yes,FRAUD,never",
    "cat,cat@example.com,no,,yes,FRAUD,2020-01-01",
  ];
  writeFileSync(csv, ["user_id,email,locked,lock_expires,banned,ban_reason_code,ban_expires", ...rows].join("\n"));
  const ndjson = join(folder, "users.ndjson");
  const ended = { kind: "RESTRICTION_KIND_LOCK", expireTime: "2020-01-01T00:00:00Z" };
  writeFileSync(
    ndjson,
    `${JSON.stringify({ userId: "dan", profile: { email: "d@example.com" }, restrictions: [ended] })}\n`,
  );
  for (const [file, count] of [
    [csv, 3],
    [ndjson, 1],
  ] as const) {
    for (const flags of [["--dry-run"], []]) {
      const { created, failed } = await importJson(url, file, ...flags);
      assert.deepEqual([created, failed], [count, 0], flags.join());
    }
  }
  const found = (await users.listUsers({})).users;
  assert.deepEqual(Object.fromEntries(found.map(({ userId, state }) => [userId, state])), {
    ann: State.ACTIVE,
    bob: State.BANNED,
    cat: State.ACTIVE,
    dan: State.ACTIVE,
  });
  assert.ok(found.every(({ profile }) => profile?.email !== ""));
});

test("NDJSON: a row that makes a request invalid, or is not ours, is reported by its line", async (t) => {
  const { url, users } = await startService(t);
  const file = join(await temporaryFolder(t), "users.ndjson");
  const nested = `${'{"a":'.repeat(60)}1${"}".repeat(60)}`;
  const lines: readonly (readonly [text: string, says: RegExp | undefined])[] = [
    ['{"userId":"ann","profile":{"email":"ann@example.com"}}', undefined],
    [`{"userId":"bob","attributes":{"deep":${nested}}}`, /not a valid protobuf message/],
    [`{"userId":"cat","attributes":{"big":{"a":[${"0,".repeat(450_000)}0]}}}`, /larger than 4194304 bytes/],
    [`{"userId":"dan","attributes":{"big":{"a":"${"x".repeat(1_100_000)}"}}}`, /^is longer than 1048576 bytes$/],
    ['{"userId":"eve","profil":{}}', /^has the unknown member "profil"; did you mean profile\?$/],
    ['{"userId":"fay","profile":{"username":"\\ud800"}}', /^is not an ImportUser: .*username/],
    ['{"userId":"gus","attributes":{"a":{"b":"\\u0000"}}}', /U\+0000/],
    [
      '{"userId":"ida","attributes":{"a":{"id":12345678901234567890}}}',
      /^attributes\["a"\]\["id"\]: .* send it as a text$/,
    ],
    [
      '{"userId":"jim","profile":{"emial":"jim@example.com"}}',
      /^has the unknown member "emial" in Profile; did you mean email\?$/,
    ],
    ["[1]", /^is not a JSON object$/],
    ['{"userId":', /^is not valid JSON/],
    ["", undefined],
    ['{"userId":"hal","restrictions":[{"kind":"RESTRICTION_KIND_BAN","reasonCode":"FRAUD","never":true}]}', undefined],
  ];
  writeFileSync(
    file,
    Buffer.concat([Buffer.from(lines.map(([text]) => text).join("\n")), Buffer.from("\n\xff\n", "latin1")]),
  );
  const errors = `${file}.errors`;
  const { created, failed } = await importJson(url, file, "--errors", errors);
  assert.deepEqual([created, failed], [2, 11]);
  const told = readFileSync(errors, "utf8").trimEnd().split("\n");
  const wanted = [...lines, ["", /^is not UTF-8$/] as const].flatMap(([, says], index) =>
    says === undefined ? [] : [[index + 1, says] as const],
  );
  assert.equal(told.length, wanted.length);
  for (const [index, [line, says]] of wanted.entries()) {
    const row = JSON.parse(told[index] ?? "") as { line: number; message: string };
    assert.equal(row.line, line);
    assert.match(row.message, says);
  }
  assert.equal((await users.getUser({ userId: "hal" })).user?.state, State.BANNED);
});

test("attributes that JavaScript takes for a prototype are refused by the rule of names, not lost", async (t) => {
  const { url, users } = await startService(t);
  const folder = await temporaryFolder(t);
  const file = join(folder, "users.csv");
  const rows = ['a;{"x":1};', 'b;;{"__proto__":{"x":1}}', 'c;;{"n":{"__proto__":{"x":1},"y":2}}'];
  const quoted = rows.map((row) => row.replaceAll('"', '""').replace(/;(\{.*?\})(?=;|$)/g, ';"$1"'));
  writeFileSync(file, ["user_id;attributes.__proto__;attributes", ...quoted].join("\n"));
  const objects = ['{"userId":"d","attributes":{"__proto__":{"x":1}}}'];
  const lines = join(folder, "users.ndjson");
  writeFileSync(lines, objects.join("\n"));
  const errors = join(folder, "errors");
  const csv = await importJson(url, file, "--errors", errors);
  assert.deepEqual([csv.created, csv.failed], [1, 2]);
  assert.match(readFileSync(errors, "utf8"), /^\{"line":2,.*__proto__.*\n\{"line":3,.*__proto__.*\n$/);
  const { user } = await users.getUser({ userId: "c" });
  assert.equal(JSON.stringify(user?.attributes), '{"n":{"__proto__":{"x":1},"y":2}}');
  assert.equal((await importJson(url, lines)).failed, 1);
});

test("a document on one line is imported in several requests; one that is broken or holds no users is refused", async (t) => {
  const { url, users } = await startService(t);
  const folder = await temporaryFolder(t);
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const list = Array.from({ length: 25 }, (_, index) => `{"userId":"u${index}"}`).join(",");
  const { created, failed } = await importJson(url, file("users.json", `{"users":[${list}]}`), "--batch-size", "10");
  assert.deepEqual([created, failed], [25, 0]);
  const run = (path: string) => cliOf(url)(["users", "import", path]);
  const torn = run(file("torn.json", '[{"userId":"v"} garbage here {"userId":"w"}] trailing'));
  await assertRefused(torn, { code: 2, says: /the file is not valid: line 1 is not valid JSON/ });
  const broken = run(file("broken.json", '[{"userId":"v"}'));
  await assertRefused(broken, { code: 2, says: /the file is not valid: the document ends before it is complete/ });
  await assertRefused(run(file("none.json", "[]")), { code: 2, says: /the file has no users/ });
  assert.equal((await users.listUsers({})).users.length, 25);
});

test("an import that is refused as a whole sends nothing and leaves nothing behind", async (t) => {
  const { url, users } = await startService(t);
  const file = join(await temporaryFolder(t), "users.csv");
  writeFileSync(file, "user_id,username\nann,Ann\n");
  const run = (flags: readonly string[], environment?: NodeJS.ProcessEnv) =>
    cliOf(url)(["users", "import", file, "--retry-for", "1ms", ...flags], environment);
  await Promise.all([
    assertRefused(run(["--batch-size", "1001"]), { code: 2, says: /--batch-size: "1001" is not allowed/ }),
    assertRefused(run(["--from", "okta"]), { code: 2, says: /--from: "\w+" is not allowed/ }),
    assertRefused(run(["--ignore-columns", "y"]), { code: 2, says: /not a column of the file/ }),
  ]);
  const nowhere = await run(["--organization", "nowhere"]);
  assert.deepEqual([nowhere.code, nowhere.stdout], [3, ""]);
  assert.match(nowhere.stderr, /no organization with the id "nowhere"/);
  assert.equal((await run([], { LOCKKEEPER_KEY: "wrong" })).code, 5);
  assert.equal((await run([], { LOCKKEEPER_SERVER: "http://127.0.0.1:1" })).code, 6);
  assert.equal((await users.listUsers({})).users.length, 0);
  assert.ok(!existsSync(`${file}.lockkeeper-import.json`), "a checkpoint would stand in the way of the next try");
  assert.equal((await importJson(url, file)).created, 1);
});

test("what is piped in is imported; --max-errors stops, and the same command goes on", async (t) => {
  const { url, users } = await startService(t);
  const folder = await temporaryFolder(t);
  const environment = { ...process.env, LOCKKEEPER_SERVER: url, LOCKKEEPER_KEY: ADMIN_KEY };
  const piped = await runCommand(process.execPath, [MAIN, "users", "import", "-", "--format", "csv", "--quiet"], {
    stdin: "user_id;username\nann;Ann\n;nobody\n",
    environment,
  });
  assert.deepEqual([piped.code, piped.stderr], [4, ""]);
  assert.match(piped.stdout, /^2 rows read/);

  const file = join(folder, "bad.csv");
  writeFileSync(
    file,
    `user_id\n${Array.from({ length: 100 }, (_, i) => (i % 10 === 9 ? "bad " : `u${i}`)).join("\n")}`,
  );
  const errors = join(folder, "errors.ndjson");
  const flags = ["--batch-size", "5", "--errors", errors];
  const run = (...more: string[]) => cliOf(url)(["users", "import", file, ...flags, ...more]);
  const stopped = await run("--max-errors", "3");
  assert.equal(stopped.code, 4);
  assert.match(
    stopped.stderr,
    /lockkeeper: 3 rows failed, --max-errors is 3; 30 rows done, up to line 31\n {2}the same/,
  );
  // Other terms would send other batches.
  const other = await cliOf(url)(["users", "import", file, "--batch-size", "6", "--errors", errors]);
  assert.equal(other.code, 2);
  assert.match(other.stderr, /with another --batch-size \("5"\); repeat that command to resume it, or .* --restart/);
  const went = JSON.parse((await run("--json")).stdout);
  assert.deepEqual([went.created, went.failed, went.rows, went.resumedAtLine], [90, 10, 100, 32]);
  assert.equal(readFileSync(errors, "utf8").trimEnd().split("\n").length, 10);
  assert.equal((await users.listUsers({ userIdPrefix: "u", pageSize: 1000 })).users.length, 90);
});
