/** The commands on sessions, sign-ins, policies, keys and organizations against a running service. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { Writable } from "node:stream";
import { after, test } from "node:test";
import { Factor } from "../../../gen/lockkeeper/resource/v1/factor_pb.ts";
import { clientsOf, ended, spawnService, startService, temporaryFolder } from "../../support/service.ts";
import { assertRefused, cliEnvironment, cliOf, jsonOf, printed, runOn, TestTerminal } from "../support/cli.ts";

const { url, users, sessions, signIns, organizations, keys } = await startService({ after });
const lk = cliOf(url);

test("sessions are listed and ended, one by its id or all of a user", async () => {
  await users.createUser({ userId: "sue" });
  const { session } = await sessions.createSession({ userId: "sue", ip: "192.0.2.1", userAgent: "a\u001b[2Jb" });
  await sessions.createSession({ userId: "sue" });
  const id = session?.sessionId ?? "";
  const table = await printed(lk("sessions list --user sue"));
  assert.match(table, /^SESSION +USER +STATUS +OPENED +LAST ACTIVITY +EXPIRES +IP +USER AGENT\n/);
  assert.match(table, new RegExp(`^${id} +sue +ACTIVE( +\\S+Z){3} +192\\.0\\.2\\.1 +a\\\\u\\{1b\\}\\[2Jb$`, "m"));
  assert.equal(await printed(lk(`sessions revoke ${id}`)), `${id} of sue is REVOKED\n`);
  await assertRefused(lk(`sessions revoke ${id}`), { code: 4, says: /\(SESSION_ENDED\)/ });
  const active = await jsonOf<{ sessionId: string }>(lk("sessions list --active --all --json"));
  assert.equal(active.length, 1);
  const all = "sessions revoke --user sue --reason-code PHISHED --note x --expected-sequence 2";
  assert.equal(await printed(lk(`${all} --yes`)), "every session of sue is ended; revocation epoch 4194306\n");
  assert.deepEqual(await jsonOf(lk("sessions list --active --json")), []);
});

test("signin check says who may act, and the exit code says whether all may", async () => {
  for (const userId of ["ann", "bob"]) await users.createUser({ userId });
  await users.banUser({ userId: "bob", reasonCode: "FRAUD" });
  assert.match(await printed(lk("signin check ann")), /^USER +MAY ACT .*\nann +yes +ACTIVE +- +- +10 +4194305\n$/);
  const both = await lk("signin check ann bob --factor otp");
  assert.equal(both.code, 4);
  assert.match(both.stdout, /^bob +no +BANNED +without end +FRAUD +10 +4194306$/m);
  assert.equal(both.stderr, "");
  const json = await lk("signin check bob ann --json");
  assert.equal(json.code, 4);
  const answers = json.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { userId: string; decision: { allowed?: boolean } });
  assert.deepEqual(
    answers.map(({ userId, decision }) => [userId, decision.allowed ?? false]),
    [
      ["bob", false],
      ["ann", true],
    ],
  );
  const unknown = await lk("signin check ann zed");
  assert.equal(unknown.code, 3);
  assert.match(unknown.stdout, /^ann +yes/m);
  assert.match(unknown.stderr, /"zed" \(USER_NOT_FOUND\)\n$/);
});

test("the exit code is the command's own though its reader is gone; a list ends well and early", async () => {
  for (const userId of ["zoe", "zac"]) await users.createUser({ userId });
  await users.banUser({ userId: "zac" });
  const codeWithoutReader = async (line: string): Promise<unknown> => {
    const stdout = new Writable({ write: (_chunk, _encoding, done) => done(gone) });
    const { code } = await runOn(new TestTerminal({ environment: cliEnvironment(url), stdout }), line.split(" "));
    return code;
  };
  const gone = Object.assign(new Error("the reader has gone"), { code: "EPIPE" });
  const lines = ["signin check zac", "signin check zac --json", "signin check zoe", "users list", "users list --json"];
  assert.deepEqual(await Promise.all(lines.map(codeWithoutReader)), [4, 4, 0, 0, 0]);
});

interface PolicyAnswer {
  readonly policy: {
    readonly organizationId?: string;
    readonly values?: Readonly<Record<string, unknown>>;
    readonly effective: Readonly<Record<string, unknown>>;
  };
}

test("policy set changes what is named, keeps other limits, and lets values be inherited again", async () => {
  const set = async (line: string): Promise<PolicyAnswer["policy"]["values"]> =>
    (await jsonOf<PolicyAnswer>(lk(`policy set ${line} --json`)))[0]?.policy.values;
  assert.deepEqual(await set("--attempts password=5"), { limits: [{ factor: "FACTOR_PASSWORD", attemptsMax: 5 }] });
  const values =
    "--counting-window 2h --lock-duration 15m --growth-factor 2 --lock-duration-max 1d --permanent-after 9 " +
    "--reservation-time 1m --revoke-sessions true --reset-on-success false --reset-on-unlock false --conceal-unknown true";
  assert.deepEqual(await set(`--attempts otp=3,recovery=0 ${values}`), {
    limits: [
      { factor: "FACTOR_PASSWORD", attemptsMax: 5 },
      { factor: "FACTOR_OTP", attemptsMax: 3 },
      { factor: "FACTOR_RECOVERY", attemptsMax: 0 },
    ],
    countingWindow: "7200s",
    lockDuration: "900s",
    growthFactor: 2,
    lockDurationMax: "86400s",
    permanentAfter: 9,
    reservationTime: "60s",
    revokeSessions: true,
    resetOnSuccess: false,
    resetOnUnlock: false,
    concealUnknown: true,
  });
  const shown = await printed(lk("policy show"));
  assert.match(shown, /^policy of +the instance\n/);
  assert.match(shown, /^lock-duration +15m +15m$/m);
  assert.match(shown, /^attempts passkey +0 \(never locks\) +-$/m);
  assert.deepEqual(await set("--organization default --lock-duration 20m --inherit growth-factor"), {
    lockDuration: "1200s",
  });
  assert.match(await printed(lk("policy show --organization default")), /^attempts otp +3 +-$/m);
  assert.deepEqual(await set("--inherit all"), {});
  await assertRefused(lk("policy set --lock-duration 1ms"), {
    code: 2,
    says: /: --lock-duration: .*\(FIELD_INVALID\)/,
  });
  await assertRefused(lk("policy set --lock-duration 1h --expected-sequence 99"), {
    code: 4,
    says: /SEQUENCE_MISMATCH/,
  });
});

test("policy simulate shows which users other values would have locked", async () => {
  await users.createUser({ userId: "sim" });
  const subject = { subject: { case: "userId" as const, value: "sim" } };
  for (let i = 0; i < 3; i++) await signIns.recordFailure({ subject, factor: Factor.PASSWORD });
  const text = await printed(lk("policy simulate --attempts password=2 --lock-duration 1d"));
  assert.match(text, /^3 attempts: 1 lock, 1 attempt refused\n\nUSER +FACTOR .*\nsim +PASSWORD( +\S+Z){2} +1\n$/);
  const [none] = await jsonOf<{ attemptCount?: string }>(
    lk("policy simulate --until 2020-01-01 --from 2019-01-01 --json"),
  );
  assert.equal(none?.attemptCount, undefined);
  await assertRefused(lk("policy simulate --from 2020-01-02 --until 2020-01-01"), {
    code: 2,
    says: /--from: .*earlier/,
  });
});

test("keys are created, listed and revoked; the new one opens what it may and no more", async () => {
  await organizations.createOrganization({ organizationId: "acme" });
  await users.createUser({ userId: "kim" });
  const text = await printed(lk("keys create --role viewer --display-name desk --expires 2099-01-31"));
  assert.match(text, /^name +desk$/m);
  assert.match(text, /^expires +2099-01-31T00:00:00Z$/m);
  const secret = /^secret, shown this once +(lk_\w+)$/m.exec(text)?.[1] ?? assert.fail(text);
  const id = /^key +(\w+)$/m.exec(text)?.[1] ?? assert.fail(text);
  await printed(lk("users show kim", { LOCKKEEPER_KEY: secret }));
  await assertRefused(lk("users lock kim", { LOCKKEEPER_KEY: secret }), { code: 5, says: /\(PERMISSION_MISSING\)/ });
  const [listed] = await jsonOf<{ apiKey: { permissions: string[] }; secret: string }>(
    lk("keys create --permissions user.read,user.write --organization acme --json"),
  );
  assert.deepEqual(listed?.apiKey.permissions, ["user.read", "user.write"]);
  const checked = await lk("keys create --role login --validate-only");
  assert.match(checked.stdout, /^would be created:\nkey /);
  assert.doesNotMatch(checked.stdout, /secret/);
  assert.equal(checked.stderr, "checked only; nothing was changed\n");
  const table = await printed(lk("keys list"));
  assert.match(table, new RegExp(`^${id} +desk +viewer +\\(instance\\) +2099-01-31T00:00:00Z +- `, "m"));
  assert.equal((await jsonOf(lk("keys list --organization acme --json"))).length, 1);
  assert.match(await printed(lk(`keys revoke ${id} --note leaked --yes`)), /^\w+ \(desk\) is revoked since \S+Z\n$/);
  await assertRefused(lk("users show kim", { LOCKKEEPER_KEY: secret }), { code: 5, says: /\(CREDENTIAL_INVALID\)/ });
  await assertRefused(lk(`keys revoke ${id} --yes`), { code: 4, says: /\(API_KEY_ALREADY_REVOKED\)/ });
  await assertRefused(lk("keys revoke zz --yes"), { code: 3, says: /\(API_KEY_NOT_FOUND\)/ });
  await assertRefused(lk("keys create"), { code: 2, says: /--role: exactly one of role and permissions is needed/ });
});

test("keys are shown, and rotated with an overlap or at once", async () => {
  const text = await printed(lk("keys create --role viewer --display-name turn"));
  const id = /^key +(\w+)$/m.exec(text)?.[1] ?? assert.fail(text);
  const first = /^secret, shown this once +(\S+)$/m.exec(text)?.[1] ?? assert.fail(text);
  const shown = await printed(lk(`keys show ${id}`));
  for (const line of [/^name +turn$/m, /^role +viewer$/m, /^expires +never$/m, /^created by +key:\w+$/m]) {
    assert.match(shown, line);
  }
  assert.doesNotMatch(shown, /secret|rotated/);
  await assertRefused(lk("keys show zz"), { code: 3, says: /\(API_KEY_NOT_FOUND\)/ });
  const [rotated] = await jsonOf<{ secret: string }>(lk(`keys rotate ${id} --overlap 1h --json`));
  for (const LOCKKEEPER_KEY of [first, rotated?.secret ?? ""]) await printed(lk("whoami", { LOCKKEEPER_KEY }));
  const [, at = "", until = ""] =
    /^rotated +(\S+Z)\nearlier secrets end +(\S+Z)$/m.exec(await printed(lk(`keys show ${id}`))) ?? assert.fail();
  assert.equal(Date.parse(until) - Date.parse(at), 3_600_000);
  await assertRefused(lk(`keys rotate ${id} --overlap 0s`), { code: 2, says: /End every current secret.*pass --yes/ });
  const last = await printed(lk(`keys rotate ${id} --overlap 0s --yes --note leaked`));
  const secret = /^secret, shown this once +(\S+)$/m.exec(last)?.[1] ?? assert.fail(last);
  await printed(lk("whoami", { LOCKKEEPER_KEY: secret }));
  await assertRefused(lk("whoami", { LOCKKEEPER_KEY: first }), { code: 5, says: /\(CREDENTIAL_INVALID\)/ });
  assert.match(last, /^rotated +\S+Z$/m);
  await assertRefused(lk(`keys rotate ${id} --overlap 31d`), {
    code: 2,
    says: /--overlap: "31d" is not allowed; at most 30d$/m,
  });
});

test("attempts are listed by user, network and outcome", async () => {
  await users.createUser({ userId: "tim" });
  const subject = { subject: { case: "userId" as const, value: "tim" } };
  const from = (ip: string) => ({ subject, factor: Factor.PASSWORD, client: { ip, userAgent: "curl\u001b" } });
  await signIns.recordFailure(from("203.0.113.7"));
  await signIns.recordSuccess(from("198.51.100.1"));
  const table = await printed(lk("signin attempts --user tim"));
  assert.match(table, /^TIME +USER +FACTOR +OUTCOME +IP +USER AGENT +BY\n/);
  assert.match(table, /^\S+Z +tim +PASSWORD +SUCCEEDED +198\.51\.100\.1 +curl\\u\{1b\} +LOCKKEEPER_ADMIN_KEY$/m);
  const failed = await printed(lk("signin attempts --network 203.0.113.0/24 --outcome failed"));
  assert.match(failed, /^[^\n]+\n\S+Z +tim +PASSWORD +FAILED +203\.0\.113\.7 [^\n]+\n$/);
  assert.deepEqual(await jsonOf(lk("signin attempts --user tim --until 2020-01-01 --json")), []);
  await assertRefused(lk("signin attempts --network 203.0.113.0/99"), { code: 2, says: /: --network: / });
});

test("an administrator who lost every key creates one in the database of a stopped service", async (t) => {
  const path = join(await temporaryFolder(t), "lockkeeper.db");
  const child = await spawnService(t, { path });
  const lk = cliOf(child.url);
  const line = `keys create --database sqlite:${path}`;
  await assertRefused(lk(line), {
    code: 4,
    says: /while the service is stopped: the database .* is in use by another process/,
  });
  child.process.kill("SIGTERM");
  await ended(child);
  const [{ secret } = assert.fail("no key")] = await jsonOf<{ keyId: string; secret: string }>(
    lk(`${line} --display-name rescue --json`, { LOCKKEEPER_KEY: "" }),
  );
  assert.match(await printed(lk(line, { LOCKKEEPER_KEY: "" })), /^role +owner$/m);
  const next = await spawnService(t, { path });
  const { apiKeys } = await clientsOf(next.url, secret).keys.listApiKeys({});
  const rescue = apiKeys.find(({ displayName }) => displayName === "rescue");
  assert.equal(rescue?.role, "owner");
  assert.equal(rescue?.createdBy, "system");
});

test("organizations are created, listed and updated", async () => {
  const created = await printed(lk(["orgs", "create", "emca", "--display-name", "Acme Ltd", "--lock-duration", "15m"]));
  assert.match(created, /^organization +emca\nname +Acme Ltd\nlocks last +15m\nsequence +1\n/);
  await assertRefused(lk("orgs create emca"), { code: 4, says: /\(ORGANIZATION_ALREADY_EXISTS\)/ });
  assert.match(
    await printed(lk("orgs update emca --lock-duration 2h --expected-sequence 1")),
    /^locks last +2h\nsequence +2$/m,
  );
  assert.match(await printed(lk("orgs update emca --reset-lock-duration")), /^locks last +1h\nsequence +3$/m);
  const [renamed] = await jsonOf<{ organization: object }>(
    lk(["orgs", "update", "emca", "--display-name", "", "--json"]),
  );
  assert.ok(renamed !== undefined && !("displayName" in renamed.organization));
  const listed = await jsonOf<{ organizationId: string }>(lk("orgs list --json"));
  assert.deepEqual(
    listed.map(({ organizationId }) => organizationId),
    ["acme", "default", "emca"],
  );
  assert.match(await printed(lk("orgs list")), /^ORGANIZATION +NAME +LOCKS LAST .*\nacme +/);
  assert.match(await printed(lk("orgs show acme emca")), /^organization +acme\n(?:.+\n)+\norganization +emca\n/);
  assert.equal(await printed(lk("orgs show emca acme -o name")), "emca\nacme\n");
  await assertRefused(lk("orgs show zz"), { code: 3, says: /\(ORGANIZATION_NOT_FOUND\)/ });
  await assertRefused(lk("orgs update zz --lock-duration 2h"), { code: 3, says: /\(ORGANIZATION_NOT_FOUND\)/ });
});

test("what was only checked says so in every form, and its lines say would be", async () => {
  await organizations.createOrganization({ organizationId: "dry" });
  const { apiKey } = await keys.createApiKey({ displayName: "dry", role: "viewer" });
  const changes: readonly (readonly [line: string, says: RegExp])[] = [
    ["users create dry", /^dry would be ACTIVE, /],
    ["keys create --role viewer", /^would be created:\n/],
    [`keys rotate ${apiKey?.apiKeyId}`, /^would be rotated:\n/],
    [`keys revoke ${apiKey?.apiKeyId}`, / would be revoked /],
    ["orgs create drier", /^would be created:\n/],
    ["orgs update dry --display-name x", /^would be updated:\n/],
    ["policy set --lock-duration 3h", /^would be set:\n/],
  ];
  for (const [line, says] of changes) {
    assert.match((await lk(`${line} --validate-only`)).stdout, says);
    for (const form of ["json", "yaml", "name", "wide"]) {
      const { code, stderr } = await lk(`${line} --validate-only -o ${form}`);
      assert.deepEqual([code, stderr], [0, "checked only; nothing was changed\n"], `${line} -o ${form}`);
    }
  }
});
