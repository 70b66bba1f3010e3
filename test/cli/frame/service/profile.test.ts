/** The profile: what login saves, who may read it, and which service gets its key. */
import assert from "node:assert/strict";
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ADMIN_KEY, startService, temporaryFolder } from "../../../support/service.ts";
import {
  assertRefused,
  cliEnvironment,
  cliOf,
  jsonOf,
  pipedTo,
  printed,
  runOn,
  TestTerminal,
} from "../../support/cli.ts";

const NOBODY = { LOCKKEEPER_KEY: "", LOCKKEEPER_SERVER: "" };

test("login checks the key, keeps it for its owner alone, and logout forgets it", async (t) => {
  const { url } = await startService(t);
  const LOCKKEEPER_PROFILE = join(await temporaryFolder(t), "made", "profile.json");
  const environment = { ...NOBODY, LOCKKEEPER_PROFILE };
  const lk = cliOf(url);
  const typed = new TestTerminal({
    environment: cliEnvironment(url, environment),
    columns: 80,
    onStderr: (piece, terminal) => {
      if (piece.startsWith("API key for ")) terminal.type(`${ADMIN_KEY}\n`);
    },
  });
  const { code, stdout, stderr } = await runOn(typed, ["login", "--server", url]);
  assert.equal(code, 0, stderr);
  assert.match(
    stdout,
    /^logged in at http:\S+ as key:\w+ \(LOCKKEEPER_ADMIN_KEY\) for the whole instance; saved in \S+\n$/,
  );
  assert.ok(!`${stdout}${stderr}`.includes(ADMIN_KEY), "the key is not shown");
  assert.equal(statSync(LOCKKEEPER_PROFILE).mode & 0o777, 0o600);
  assert.match(await printed(lk("whoami", environment)), /^role +owner$/m);
  assert.match(await printed(lk("status", environment)), /^answers +yes, in \d+ ms$/m);
  const [status] = await jsonOf<{ server: string }>(lk("status --json", environment));
  assert.equal(status?.server, url);
  // Another service does not get to see the key.
  const { url: other } = await startService(t);
  await assertRefused(lk(["whoami", "--server", other], environment), {
    code: 5,
    says: /there is no API key \(the profile's key is for http:\/\/127\.0\.0\.1:\d+\): set LOCKKEEPER_KEY/,
  });

  // Whether it answers, and nothing that needs a key.
  assert.deepEqual(
    (await jsonOf(lk(["status", "--json", "--server", other], environment))).map((each) => Object.keys(each as object)),
    [["server", "answerMs"]],
  );
  chmodSync(LOCKKEEPER_PROFILE, 0o640);
  await assertRefused(lk("whoami", environment), { code: 2, says: /has mode 0640; it must be 0600: chmod 600 \S+$/m });
  // What is complete without it does not look at it.
  await printed(lk("whoami", { LOCKKEEPER_PROFILE }));
  writeFileSync(LOCKKEEPER_PROFILE, "{}", { mode: 0o600 });
  chmodSync(LOCKKEEPER_PROFILE, 0o600);
  await assertRefused(lk("whoami", environment), {
    code: 2,
    says: /is not a profile; create a new one with lockkeeper login/,
  });
  assert.match(await printed(lk("logout", environment)), /^deleted \S+profile\.json\n$/);
  assert.ok(!existsSync(LOCKKEEPER_PROFILE));
  assert.equal(await printed(lk("logout", environment)), "there was no profile\n");
});

test("login takes the key from standard input or a file, and keeps none that the service refuses", async (t) => {
  const { url } = await startService(t);
  const folder = await temporaryFolder(t);
  const LOCKKEEPER_PROFILE = join(folder, "profile.json");
  const login = (stdin: string, ...more: readonly string[]) =>
    runOn(new TestTerminal({ environment: cliEnvironment(url, { LOCKKEEPER_PROFILE }), stdin }), ["login", ...more]);
  await assertRefused(login("hunter2"), { code: 5, says: /^(?!.*hunter2).*\(CREDENTIAL_INVALID\)/ });
  await assertRefused(login(""), { code: 2, says: /standard input has no key; nothing was saved/ });
  assert.ok(!existsSync(LOCKKEEPER_PROFILE));
  const [kept] = await jsonOf<{ profile: string; actor: string }>(login(`${ADMIN_KEY}\n`, "--json"));
  assert.equal(kept?.profile, LOCKKEEPER_PROFILE);
  writeFileSync(join(folder, "key"), ADMIN_KEY);
  await printed(login("", "--key-file", join(folder, "key")));
  assert.equal(JSON.parse(readFileSync(LOCKKEEPER_PROFILE, "utf8")).key, ADMIN_KEY);
});

test("whoami tells scope and permissions of a key", async (t) => {
  const { url, keys, organizations } = await startService(t);
  await organizations.createOrganization({ organizationId: "acme" });
  const { secret } = await keys.createApiKey({
    permissions: ["user.read"],
    organizationId: "acme",
    displayName: "desk",
  });
  const text = await printed(cliOf(url)("whoami", { LOCKKEEPER_KEY: secret }));
  for (const line of [/^name +desk$/m, /^permissions +user\.read$/m, /^organization +acme$/m, /^expires +never$/m]) {
    assert.match(text, line);
  }
  const piped = await pipedTo(url, "", "whoami -o name");
  assert.match(piped.stdout, /^key:\w+\n$/);
});
