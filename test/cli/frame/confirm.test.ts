/** What cannot be undone is asked for: on a terminal, and nowhere else. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { State } from "../../../gen/lockkeeper/user/v1/user_pb.ts";
import { type CommandResult, findProgram } from "../../support/run-command.ts";
import { startService } from "../../support/service.ts";
import { assertRefused, cliEnvironment, cliOf, MAIN, runOn, TestTerminal } from "../support/cli.ts";

test("without a terminal it is refused, says --yes, and nothing is done", async (t) => {
  const { url, users, keys } = await startService(t);
  const lk = cliOf(url);
  await users.createUser({ userId: "ann" });
  const { apiKey } = await keys.createApiKey({ role: "login" });
  for (const line of ["users delete ann", `keys revoke ${apiKey?.apiKeyId}`, "sessions revoke --user ann"]) {
    await assertRefused(lk(line), {
      code: 2,
      says: /\?.*cannot be undone.*no terminal to ask on; pass --yes to confirm/,
    });
  }
  const { user } = await users.getUser({ userId: "ann" });
  assert.equal(user?.details?.sequence, 1n);
  // What changes nothing is not asked for.
  assert.equal((await lk("users delete ann --validate-only")).code, 0);
});

/** Runs a command on a terminal, types when it is asked, and returns exit code and screen. */
async function onTerminal(url: string, line: string, typed: string): Promise<CommandResult> {
  let isAsked = false;
  const terminal = new TestTerminal({
    environment: cliEnvironment(url),
    columns: 80,
    onStderr(_, { written }) {
      if (isAsked || !written.stderr.includes("[y/N]")) return;
      isAsked = true;
      terminal.type(typed);
    },
  });
  return runOn(terminal, line.split(" "));
}

test("on a terminal it is asked, and only yes does it", async (t) => {
  const { url, users } = await startService(t);
  await users.createUser({ userId: "ann" });
  const rows: readonly (readonly [typed: string, code: number, says: RegExp])[] = [
    ["n\n", 2, /not confirmed; nothing was done/],
    ["\n", 2, /not confirmed/],
    ["\u0004", 130, /interrupted; nothing was done/],
  ];
  for (const [typed, code, says] of rows) {
    const result = await onTerminal(url, "users delete ann", typed);
    assert.match(result.stderr, /Delete the user ann\? \[y\/N\]/);
    assert.match(result.stderr, says);
    assert.equal(result.code, code, JSON.stringify(typed));
  }
  assert.equal((await users.getUser({ userId: "ann" })).user?.state, State.ACTIVE);
  await users.createUser({ userId: "bob" });
  const done = await onTerminal(url, "users delete ann bob", "Yes\n");
  assert.match(done.stderr, /Delete the users ann, bob\? \[y\/N\]/);
  assert.match(done.stdout, /^ann is DELETED.*\nbob is DELETED/);
  assert.equal(done.code, 0);
});

test("on a real terminal, an interrupt at the question does nothing", async (t) => {
  if (findProgram("script") === undefined) {
    return t.skip("script is not installed; on Debian: apt-get install bsdutils");
  }
  const { url, users } = await startService(t);
  await users.createUser({ userId: "ann" });
  const command = `'${process.execPath}' '${MAIN}' users delete ann`;
  const child = spawn("script", ["--quiet", "--return", "--command", command, "/dev/null"], {
    env: cliEnvironment(url),
  });
  let screen = "";
  child.stdout.on("data", (chunk: Buffer) => {
    const isAsked = screen.includes("[y/N]");
    screen += chunk.toString();
    if (!isAsked && screen.includes("[y/N]")) child.stdin.write("\u0003");
  });
  const [code] = (await once(child, "close")) as [number | null];
  assert.match(screen, /interrupted; /);
  assert.equal(code, 130);
  assert.equal((await users.getUser({ userId: "ann" })).user?.state, State.ACTIVE);
});
