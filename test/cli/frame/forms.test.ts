/** The forms of results: for eyes on a terminal, for programs, for the next command; and several ids at once. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { parseAllDocuments } from "yaml";
import { State } from "../../../gen/lockkeeper/user/v1/user_pb.ts";
import { yamlDocument } from "../../../src/cli/frame/output.ts";
import { widthOf } from "../../../src/cli/frame/table.ts";
import { counted, relativeText } from "../../../src/cli/frame/text.ts";
import { startService } from "../../support/service.ts";
import { assertRefused, cliEnvironment, cliOf, jsonOf, pipedTo, printed, runOn, TestTerminal } from "../support/cli.ts";

const { url, users, organizations } = await startService({ after });
const lk = cliOf(url);

/** What a person sees at a terminal of a width. */
async function seen(line: string, columns: number, more: NodeJS.ProcessEnv = {}): Promise<string> {
  const terminal = new TestTerminal({ environment: cliEnvironment(url, { TERM: "xterm", ...more }), columns });
  const { code, stdout } = await runOn(terminal, line.split(" "));
  assert.equal(code, 0);
  return stdout;
}

/** A terminal's colours begin so. */
const COLOUR = "\u001b[";

describe("the forms of results", () => {
  test("on a terminal lines are cut to its width, times are relative, states have colours", async () => {
    await organizations.createOrganization({ organizationId: "look" });
    const organizationId = "look";
    await users.createUser({ organizationId, userId: "ann", profile: { email: `${"ann.".repeat(30)}@example.com` } });
    await users.lockUser({ userId: "ann", expiry: { case: "duration", value: { seconds: 7210n } } });
    const list = "users list --organization look";
    const plain = await seen(list, 80, { NO_COLOR: "1" });
    assert.ok(plain.split("\n").every((line) => widthOf(line) <= 80));
    assert.match(plain, /^ann +LOCKED +in 2h .*…/m);
    assert.match(plain, / (?:now|\ds ago)\n$/);
    const colours = await seen(list, 80);
    assert.ok(colours.includes(`${COLOUR}33mLOCKED${COLOUR}39m`), colours);
    assert.ok(!(await seen(list, 80, { TERM: "dumb" })).includes(COLOUR));
    const wide = await seen(`${list} -o wide`, 80);
    assert.match(wide, /NAME +SEQUENCE +CREATED\n/);
    assert.match(wide, /\d{4}-\d\d-\d\dT\S+Z +- +2 +\d{4}-\S+Z\n$/);
    assert.ok(!wide.includes("…"));
    // Nobody looks at what goes to a file.
    assert.match(await printed(lk(list)), /^ann +LOCKED +\d{4}-\S+Z .*ann\.@example\.com/m);
  });

  test("yaml is the JSON, a document for each item; name is the ids alone", async () => {
    await organizations.createOrganization({ organizationId: "forms" });
    for (const userId of ["bob", "cat"]) await users.createUser({ organizationId: "forms", userId });
    const list = "users list --organization forms";
    const yaml = await printed(lk(`${list} -o yaml`));
    assert.deepEqual(
      parseAllDocuments(yaml).map((each) => (each as { toJSON(): unknown }).toJSON()),
      await jsonOf(lk(`${list} --json`)),
    );
    assert.equal(await printed(lk(`${list} --output name`)), "bob\ncat\n");
    assert.equal(await printed(lk("users lock bob -o name")), "bob\n");
    assert.equal(await printed(lk(`${list} -o json`)), await printed(lk(`${list} --json`)));
    assert.equal((await lk(`${list} -o name --prefix zz`)).stderr, "");
    await assertRefused(lk("users show zz -o yaml"), { code: 3, says: /USER_NOT_FOUND/ });
    assert.equal(JSON.parse((await lk("users show zz -o json")).stderr).code, 5);
  });

  test("yaml lets nothing drive a terminal, and keeps every text", async () => {
    const json = { "a\u001b": ["\u202e\u{e0001}", "no", "1e3", "2030-01-31", "\u0085", "x: y", "a\nb"], n: 1 };
    const text = await yamlDocument(json);
    assert.doesNotMatch(text.replaceAll("\n", ""), /[\p{Cc}\p{Cf}\u2028\u2029]/u);
    assert.deepEqual(parseAllDocuments(text)[0]?.toJSON(), json);
  });

  test("one thing is not said to be several", () => {
    assert.deepEqual(
      [0, 1, 2n].map((count) => counted(count, "checkpoint")),
      ["0 checkpoints", "1 checkpoint", "2 checkpoints"],
    );
    assert.equal(counted(1000, "row", "1,000"), "1,000 rows");
  });

  test("the distance of an instant is shown in two units while they are few, up to some years", () => {
    const now = Date.parse("2030-01-31T00:00:00Z");
    const rows: readonly (readonly [seconds: number, text: string])[] = [
      [0, "now"],
      [-59, "59s ago"],
      [61, "in 1m1s"],
      [-3600, "1h ago"],
      [5400, "in 1h30m"],
      [-36_060, "10h ago"],
      [90_000, "in 1d1h"],
      [-86_400 * 365, "365d ago"],
      [86_400 * 1461, "2034-01-31"],
    ];
    for (const [seconds, text] of rows) {
      const instant = { seconds: BigInt(now / 1000 + seconds), nanos: 0 };
      assert.equal(relativeText(instant as Parameters<typeof relativeText>[0], now), text);
    }
  });
});

describe("several ids", () => {
  test("each is done on its own; one that is refused or not found is reported and decides the exit code", async () => {
    for (const userId of ["eve", "fay", "gus"]) await users.createUser({ userId });
    await users.lockUser({ userId: "fay" });
    const { code, stdout, stderr } = await lk("users lock eve fay zed gus");
    assert.match(stdout, /^eve is LOCKED .*\ngus is LOCKED .*\n$/);
    assert.match(stderr, /^lockkeeper: fay: .*\(USER_ALREADY_LOCKED\)\nlockkeeper: zed: .*\(USER_NOT_FOUND\)\n$/);
    assert.equal(code, 4);
    const shown = await printed(lk("users show eve fay"));
    assert.match(shown, /^user +eve$(?:.|\n)*\n\nuser +fay$/m);
    assert.equal((await jsonOf(lk("users show eve fay --json"))).length, 2);
  });

  test("what would meet all of them ends the command", async () => {
    const { code, stderr } = await lk("users lock eve fay", { LOCKKEEPER_KEY: "wrong" });
    assert.equal(code, 5);
    assert.equal(stderr.match(/CREDENTIAL_INVALID/g)?.length, 1);
  });

  test("- takes them from standard input, one a line", async () => {
    for (const userId of ["hal", "ida"]) await users.createUser({ userId });
    const banned = await pipedTo(url, "hal\r\n\n  \nida\n", "users ban - --reason-code SPAM");
    assert.match(banned.stdout, /^hal is BANNED .*\nida is BANNED .*\n$/);
    const checked = await pipedTo(url, "hal\nida", "signin check - -o name");
    assert.deepEqual([checked.code, checked.stdout], [4, "hal\nida\n"]);
    const none = await pipedTo(url, "\n", "users unban -");
    assert.deepEqual(none, { code: 0, stdout: "", stderr: "standard input has no ids; nothing was done\n" });
    // Nobody can be asked, because standard input has the ids.
    await assertRefused(pipedTo(url, "hal\n", "users delete -"), { code: 2, says: /pass --yes to confirm/ });
    assert.equal((await users.getUser({ userId: "hal" })).user?.state, State.BANNED);
    await assertRefused(pipedTo(url, "hal\n", "users show - -"), {
      code: 2,
      says: /- \(standard input\) is given twice/,
    });
  });
});
