/** The commands on users against a running service. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { State } from "../../../gen/lockkeeper/user/v1/user_pb.ts";
import { startService } from "../../support/service.ts";
import { assertRefused, cliOf, jsonOf, printed } from "../support/cli.ts";

interface UserJson {
  readonly userId: string;
  readonly state: string;
  readonly profile?: Readonly<Record<string, unknown>>;
  readonly attributes?: object;
  readonly restrictions?: readonly Readonly<Record<string, unknown>>[];
}

interface UserAnswer {
  readonly details: { readonly sequence: string };
  readonly user: UserJson;
}

const { url, users, organizations, keys } = await startService({ after });
const lk = cliOf(url);

const NEVER = "2099-01-31T18:00:00Z";

test("users create takes a profile and attributes, show tells them, and JSON is the response", async () => {
  const profile = {
    username: "ann",
    email: "ann@example.com",
    emailVerified: true,
    givenName: "Ann",
    familyName: "Lee",
    displayName: "Ann Lee",
    phone: "+41 1",
    locale: "de-CH",
    externalId: "x1",
  };
  const flags = Object.entries(profile).flatMap(([name, value]) => {
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    return value === true ? [flag] : [flag, String(value)];
  });
  const words = ["users", "create", "ann", ...flags, "--attributes", 'billing={"plan":"a,b"}', "--note", "by phone"];
  const [created] = await jsonOf<UserAnswer>(lk([...words, "--json"]));
  assert.deepEqual(created?.user.profile, profile);
  assert.deepEqual(created?.user.attributes, { billing: { plan: "a,b" } });
  const text = await printed(lk("users show ann"));
  for (const line of [
    /^user +ann$/m,
    /^state +ACTIVE$/m,
    /^email +ann@example\.com \(verified\)$/m,
    /^phone +\+41 1$/m,
  ]) {
    assert.match(text, line);
  }
  assert.match(text, /^attributes\.billing +\{"plan":"a,b"\}$/m);
  const [made] = await jsonOf<UserAnswer>(lk("users create --json"));
  assert.equal((await users.getUser({ userId: made?.user.userId ?? "" })).user?.state, State.ACTIVE);
  await assertRefused(lk("users create ann"), { code: 4, says: /"ann" is taken \(USER_ALREADY_EXISTS\)/ });
});

test("users lock, ban and deactivate restrict as their flags say; unlock, unban and reactivate lift", async () => {
  await users.createUser({ userId: "lee" });
  const stateOf = async (): Promise<State | undefined> => (await users.getUser({ userId: "lee" })).user?.state;

  const lock = ["users", "lock", "lee", "--duration", "30m", "--reason-code", "SPAM", "--note", "a b"];
  assert.match(await printed(lk([...lock, "--revoke-sessions"])), /^lee is LOCKED \(lock until \S+Z\), sequence 2\n$/);
  const [shown] = await jsonOf<UserAnswer>(lk("users show lee --json"));
  const [restriction] = shown?.user.restrictions ?? [];
  assert.equal(restriction?.reasonCode, "SPAM");
  assert.equal(restriction?.note, "a b");
  assert.equal(restriction?.revokeSessions, true);
  assert.equal(Date.parse(`${restriction?.expireTime}`) - Date.parse(`${restriction?.startTime}`), 1_800_000);
  assert.match(
    await printed(lk("users show lee")),
    /^RESTRICTION.*\nLOCK +ADMIN +\S+Z +\S+Z +SPAM +LOCKKEEPER_ADMIN_KEY +a b\n$/m,
  );
  await assertRefused(lk("users lock lee"), { code: 4, says: /locked already.*\(USER_ALREADY_LOCKED\)/ });
  assert.equal(await printed(lk("users unlock lee --expected-sequence 2")), "lee is ACTIVE, sequence 3\n");

  assert.equal(await printed(lk(`users ban lee --until ${NEVER}`)), `lee is BANNED (ban until ${NEVER}), sequence 4\n`);
  assert.equal(await stateOf(), State.BANNED);
  assert.equal(await printed(lk("users unban lee --reason-code APPEAL")), "lee is ACTIVE, sequence 5\n");
  assert.equal(
    await printed(lk("users ban lee --start 2098-01-31 --never")),
    "lee is ACTIVE (ban from 2098-01-31T00:00:00Z without end), sequence 6\n",
  );

  assert.match(
    await printed(lk("users deactivate lee --cause directory")),
    /^lee is INACTIVE \(.*deactivation without/,
  );
  await assertRefused(lk("users reactivate lee"), { code: 4, says: /\(USER_NOT_DEACTIVATED\)/ });
  assert.match(await printed(lk("users reactivate lee --cause directory")), /^lee is ACTIVE/);
  await printed(lk("users deactivate lee"));
  assert.equal(await stateOf(), State.INACTIVE);
});

test("a change can be checked only, guarded by the sequence, and repeated by a request id", async () => {
  await users.createUser({ userId: "cat" });
  const checked = await lk("users lock cat --validate-only");
  assert.match(checked.stdout, /^cat would be LOCKED .*sequence 2\n$/);
  assert.deepEqual([checked.code, checked.stderr], [0, "checked only; nothing was changed\n"]);
  assert.equal((await users.getUser({ userId: "cat" })).user?.state, State.ACTIVE);
  await assertRefused(lk("users lock cat --expected-sequence 7"), { code: 4, says: /\(SEQUENCE_MISMATCH\)/ });
  const first = await printed(lk("users lock cat --request-id r-1"));
  assert.equal(await printed(lk("users lock cat --request-id r-1")), first);
});

test("values that the service refuses are reported under the name of the flag", async () => {
  await users.createUser({ userId: "rex" });
  const rows: readonly (readonly [string, RegExp])[] = [
    ["users lock rex --until 2020-01-01", /: --until: .*must be later than the start.*\(FIELD_INVALID\)/],
    ["users lock rex --reason-code spam", /: --reason-code: "spam" is not allowed/],
  ];
  await Promise.all(rows.map(([line, says]) => assertRefused(lk(line), { code: 2, says })));
  await assertRefused(
    lk(["users", "create", "num", "--attributes", 'acme.crm={"ids":[{"id":12345678901234567890}]}']),
    {
      code: 2,
      says: /: --attributes\["acme.crm"\]\["ids"\]\[0\]\["id"\]: is a number beyond .*send it as a text/,
    },
  );
});

test("users list filters, limits and pages; JSON is one user a line", async () => {
  await organizations.createOrganization({ organizationId: "big" });
  const organizationId = "big";
  const many = Array.from({ length: 1000 }, (_, index) => ({ userId: `m${index}` }));
  await users.importUsers({ organizationId, users: many });
  await users.importUsers({ organizationId, users: many.map(({ userId }) => ({ userId: `n${userId}` })) });
  await users.createUser({ organizationId, userId: "bea", profile: { email: "bea@example.com" } });
  await users.lockUser({ userId: "bea", reasonCode: "SPAM", expiry: { case: "never", value: true } });
  const idsOf = async (line: string): Promise<readonly string[]> =>
    (await jsonOf<UserJson>(lk(`${line} --organization big --json`))).map(({ userId }) => userId);

  const all = await idsOf("users list --all");
  assert.equal(all.length, 2001);
  assert.equal(new Set(all).size, 2001);
  assert.deepEqual(await idsOf("users list --limit 1500"), all.slice(0, 1500));
  assert.equal((await idsOf("users list --prefix nm99")).length, 11);
  assert.deepEqual(await idsOf("users list --state locked,banned --reason-code SPAM,FRAUD"), ["bea"]);
  assert.deepEqual(await idsOf("users list --restriction lock --search BEA@example"), ["bea"]);
  assert.deepEqual(await idsOf("users list --restriction ban"), []);
  assert.deepEqual(await idsOf("users list --order newest --limit 1"), ["bea"]);

  const { code, stdout, stderr } = await lk("users list --order changed --organization big");
  assert.equal(code, 0);
  const lines = stdout.split("\n");
  assert.match(lines[0] ?? "", /^USER +STATE +UNTIL +REASON +USERNAME +EMAIL +ORGANIZATION +CHANGED$/);
  assert.match(lines[1] ?? "", /^bea +LOCKED +without end +SPAM +- +bea@example\.com +big +\d{4}-\S+Z$/);
  assert.equal(lines.length, 102);
  assert.match(stderr, /^there may be more: --all lists all of them/);
  assert.equal((await lk("users list --prefix zz --organization big")).stderr, "none found\n");
});

test("users delete leaves a tombstone that show and list tell when asked", async () => {
  await users.createUser({ userId: "del" });
  assert.equal(await printed(lk("users delete del --yes --note gone")), "del is DELETED, sequence 2\n");
  await assertRefused(lk("users show del"), { code: 3, says: /no user with the id "del" \(USER_NOT_FOUND\)/ });
  assert.match(await printed(lk("users show del --deleted")), /^state +DELETED$/m);
  const [listed] = await jsonOf<UserJson>(lk("users list --deleted --state deleted --json"));
  assert.equal(listed?.state, "STATE_DELETED");
});

test("users events tells who did what, the newest first, and escapes what could drive a terminal", async () => {
  await users.createUser({ userId: "eve", profile: { username: "eve" } });
  await users.lockUser({ userId: "eve", reasonCode: "SPAM", note: "red \u001b[31m text" });
  await users.unlockUser({ userId: "eve", reasonCode: "APPEAL" });
  const lines = (await printed(lk("users events eve"))).split("\n");
  assert.match(lines[0] ?? "", /^SEQUENCE +TIME +EVENT +BY +VIA +WHAT +NOTE$/);
  // The key of these calls has a name.
  assert.match(lines[1] ?? "", /^3 +\S+Z +UserUnlocked +LOCKKEEPER_ADMIN_KEY +grpc +APPEAL +-$/);
  assert.match(
    lines[2] ?? "",
    /^2 +\S+Z +UserLocked +LOCKKEEPER_ADMIN_KEY +grpc +SPAM, until \S+Z +red \\u\{1b\}\[31m text$/,
  );
  assert.match(lines[3] ?? "", /^1 +\S+Z +UserCreated +LOCKKEEPER_ADMIN_KEY +grpc +profile\.username +-$/);
  // A caller that may not read keys sees their ids.
  const { secret } = await keys.createApiKey({ permissions: ["events.read"] });
  const ids = await printed(lk("users events eve", { LOCKKEEPER_KEY: secret }));
  assert.equal(ids.match(/ key:\w+ +grpc /g)?.length, 3);
  const events = await jsonOf<{ sequence: string; userCreated?: object }>(
    lk("users events eve --oldest-first --limit 2 --json"),
  );
  assert.deepEqual(
    events.map(({ sequence }) => sequence),
    ["1", "2"],
  );
  assert.ok(events[0]?.userCreated);
});

test("events list shows what happened to everything, filtered, and says where a filter is wrong", async () => {
  await users.createUser({ userId: "fay" });
  await users.banUser({ userId: "fay", reasonCode: "FRAUD" });
  const lines = (await printed(lk("events list --filter user=fay --oldest-first"))).split("\n");
  assert.match(lines[0] ?? "", /^TIME +EVENT +OF +BY +VIA +WHAT +NOTE$/);
  assert.match(lines[1] ?? "", /^\S+Z +UserCreated +fay +LOCKKEEPER_ADMIN_KEY +grpc/);
  assert.match(
    lines[2] ?? "",
    /^\S+Z +UserBanned +fay +LOCKKEEPER_ADMIN_KEY +grpc +FRAUD, without end, sessions ended/,
  );
  const [created] = await jsonOf<{ cursor: string }>(
    lk("events list --filter user=fay --oldest-first --limit 1 --json"),
  );
  const after = await jsonOf<{ userBanned?: object }>(
    lk(`events list --filter user=fay --after ${created?.cursor} --json`),
  );
  assert.deepEqual([after.length, after[0]?.userBanned !== undefined], [1, true]);
  await users.updateUser({ userId: "fay", profile: { phone: "+41" }, updateMask: { paths: ["profile.phone"] } });
  await printed(lk("events redact fay 3 --fields profile.phone --reason-code ASKED --yes"));
  await users.deleteUser({ userId: "fay", reasonCode: "ASKED", erase: true });
  const [, redacted, deleted] = (
    await printed(
      lk(["events", "list", "--filter", "user=fay AND (type=EventRedacted OR type=UserDeleted)", "--oldest-first"]),
    )
  ).split("\n");
  assert.match(redacted ?? "", /event 3, profile\.phone, ASKED/);
  assert.match(deleted ?? "", /ASKED, personal values erased/);
  await assertRefused(lk("events list --filter user:fay"), { code: 2, says: /column 1: "user:fay" is not allowed/ });
});

test("--organization keeps a command inside one organization", async () => {
  await organizations.createOrganization({ organizationId: "acme" });
  await users.createUser({ userId: "oto" });
  await assertRefused(lk("users lock oto --organization acme"), { code: 3, says: /USER_NOT_FOUND/ });
  const [created] = await jsonOf<{ user: { details: { resourceOwner: string } } }>(
    lk("users create bob --organization acme --json"),
  );
  assert.equal(created?.user.details.resourceOwner, "acme");
  const listed = await jsonOf<UserJson>(lk("users list --organization acme --json"));
  assert.deepEqual(
    listed.map(({ userId }) => userId),
    ["bob"],
  );
});

test("users update changes what is named, takes away what is empty, and leaves the rest", async () => {
  const profile = { username: "uma", email: "uma@example.com", phone: "1" };
  await users.createUser({ userId: "uma", profile, attributes: { a: { x: 1 }, b: { y: 2 }, "acme-crm": { z: 3 } } });
  const line = ["users", "update", "uma", "--email", "uma@example.org", "--email-verified", "true", "--phone", ""];
  const attributes = ["--attributes", 'a={"x":9}', "--remove-attributes", "b"];
  assert.equal(await printed(lk([...line, ...attributes, "--expected-sequence", "1"])), "uma is ACTIVE, sequence 2\n");
  const [shown] = await jsonOf<UserAnswer>(lk("users show uma --json"));
  assert.deepEqual(shown?.user.profile, { username: "uma", email: "uma@example.org", emailVerified: true });
  assert.deepEqual(shown?.user.attributes, { a: { x: 9 }, "acme-crm": { z: 3 } });
  const checked = await lk(["users", "update", "uma", "--username", "", "--validate-only"]);
  assert.deepEqual(
    [checked.stdout, checked.stderr],
    ["uma would be ACTIVE, sequence 3\n", "checked only; nothing was changed\n"],
  );
  await printed(lk(["users", "update", "uma", "--attributes", 'acme-crm={"z":4}']));
  await assertRefused(lk("users update nobody --email x@y.zz"), { code: 3, says: /USER_NOT_FOUND/ });
  await assertRefused(lk(["users", "update", "uma", "--attributes", 'a={"id":12345678901234567890}']), {
    code: 2,
    says: /send it as a text/,
  });
});

test("users list --due-before names whose restrictions end by then", async () => {
  for (const userId of ["due1", "due2"]) await users.createUser({ userId });
  await users.lockUser({ userId: "due1", expiry: { case: "duration", value: { seconds: 60n } } });
  await users.lockUser({ userId: "due2", expiry: { case: "never", value: true } });
  const until = new Date(Date.now() + 3_600_000).toISOString();
  assert.match(await printed(lk(`users list --due-before ${until} -o name --prefix due`)), /^due1\n$/);
});

test("events redact takes one value away, users delete --erase all of them, and the next person shows none", async () => {
  const name = "zelda-lovelace";
  const email = `${name}@example.com`;
  await printed(lk(["users", "create", "zoe", "--username", name, "--email", email, "--note", name]));
  await printed(lk("users ban zoe --note on-paper"));
  const redact = ["events", "redact", "zoe", "1", "--fields", "profile.email", "--yes"];
  assert.match(await printed(lk(redact)), /^zoe is at sequence 3$/m);
  const shown = await printed(lk("users show zoe"));
  assert.ok(shown.includes(name) && !shown.includes(email));
  await assertRefused(lk("events redact zoe 9 --yes"), { code: 3, says: /\(EVENT_NOT_FOUND\)/ });
  await printed(lk("users delete zoe --erase --yes"));
  await printed(lk("users create zoe --username other"));
  const reads = [
    ...[
      "users show zoe",
      "users events zoe --all",
      "users list --all",
      "events list --all",
      "sessions list --user zoe",
    ],
    "signin attempts --user zoe",
  ];
  for (const words of reads) assert.ok(!(await printed(lk(`${words} --json`))).includes(name), words);
});
