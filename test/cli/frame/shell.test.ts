/** What a shell sees: completion, help, version, and a start that loads no more than it needs. */
import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { pathToFileURL } from "node:url";
import { COMMANDS } from "../../../src/cli/commands/commands.ts";
import { findProgram, runCommand } from "../../support/run-command.ts";
import { startService, temporaryFolder } from "../../support/service.ts";
import { readRootFile } from "../../tidy/support/tree.ts";
import { assertRefused, cliEnvironment, cliOf, MAIN, printed } from "../support/cli.ts";

const NOWHERE = "http://127.0.0.1:1";

/** A folder for PATH in which `lockkeeper` is this one. */
async function installed(t: TestContext): Promise<string> {
  const folder = await temporaryFolder(t);
  const program = join(folder, "lockkeeper");
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`);
  chmodSync(program, 0o755);
  return folder;
}

/** What bash offers for the last of these words. */
async function offered(folder: string, words: readonly string[]): Promise<readonly string[]> {
  const quoted = words.map((word) => `'${word}'`).join(" ");
  const script = [
    "source <(lockkeeper completion bash) || exit 1",
    `COMP_WORDS=(lockkeeper ${quoted})`,
    `COMP_CWORD=${words.length}`,
    "_lockkeeper_yargs_completions",
    `printf "%s\\n" "\${COMPREPLY[@]}"`,
  ].join("\n");
  const environment = cliEnvironment(NOWHERE, { PATH: `${folder}:${process.env.PATH}`, SHELL: "/bin/zsh" });
  const { stdout, stderr, code } = await runCommand("bash", ["-c", script], { environment });
  assert.deepEqual([code, stderr], [0, ""]);
  return stdout.split("\n").filter((line) => line !== "");
}

test("the completion script of bash offers commands, flags and their values", async (t) => {
  if (findProgram("bash") === undefined) return t.skip("bash is not installed");
  const folder = await installed(t);
  const firsts = [...new Set(COMMANDS.map(({ name }) => name.split(" ")[0] ?? ""))];
  assert.deepEqual([...(await offered(folder, [""]))].sort(), firsts.sort());
  assert.deepEqual(await offered(folder, ["users", "un"]), ["unlock", "unban"]);
  assert.deepEqual(await offered(folder, ["users", "lock", "ann", "--du"]), ["--duration"]);
  assert.deepEqual(await offered(folder, ["users", "list", "--state", "b"]), ["banned"]);
  assert.deepEqual(await offered(folder, ["serve", "--log-f"]), ["--log-format"]);
});

test("completion prints the script of the shell that is named, or of SHELL", async () => {
  const lk = cliOf(NOWHERE);
  assert.match(await printed(lk("completion zsh")), /^#compdef lockkeeper\n/);
  assert.match(await printed(lk("completion fish")), /^complete -f -c lockkeeper /m);
  assert.match(await printed(lk("completion", { SHELL: "/usr/bin/fish" })), /^complete -f -c lockkeeper /m);
  await assertRefused(lk("completion tcsh"), {
    code: 2,
    says: /<shell>: "tcsh" is not allowed; it must be one of bash, zsh, fish/,
  });
  await assertRefused(lk("completion", { SHELL: "" }), { code: 2, says: /SHELL: "" is not allowed/ });
});

test("--help and --version answer without a service, a key or a terminal, whatever the language of the machine", async () => {
  const lk = cliOf(NOWHERE);
  const german = { LANG: "de_DE.UTF-8", LC_ALL: "de_DE.UTF-8", LOCKKEEPER_KEY: "" };
  const help = await printed(lk("--help", german));
  for (const part of ["lockkeeper users", "--server", "LOCKKEEPER_KEY", "Exit codes:", "130 "]) {
    assert.ok(help.includes(part), part);
  }
  const lock = await printed(lk("users lock --help", german));
  assert.match(lock, /^lockkeeper users lock <user> \[flags\]\n/);
  assert.match(lock, /^Examples:$/m);
  assert.ok(!lock.includes("[string]") && !lock.includes("\u001b"));
  assert.match(await printed(lk("users --help")), /^ +lockkeeper users show <user> +show one user/m);
  const { version } = JSON.parse(readRootFile("package.json") ?? "") as { version: string };
  assert.equal(await printed(lk("--version")), `${version}\n`);
});

test("a command loads neither the server nor a database", async (t) => {
  const { url, users } = await startService(t);
  await users.createUser({ userId: "ann" });
  const folder = await temporaryFolder(t);
  const hook = join(folder, "hook.mjs");
  const list = `import { registerHooks } from "node:module";
    registerHooks({ load(url, context, next) { process.stderr.write(url + "\\n"); return next(url, context); } });`;
  writeFileSync(hook, list);
  const NODE_OPTIONS = `--import ${pathToFileURL(hook).href}`;
  const { code, stderr } = await cliOf(url)("users show ann", { NODE_OPTIONS });
  assert.equal(code, 0, stderr);
  const loaded = stderr.split("\n").filter((line) => !line.startsWith("node:"));
  assert.ok(loaded.some((line) => line.endsWith("/src/cli/commands/users/show.ts")));
  const needless =
    /better-sqlite3|kysely|protovalidate|opentelemetry|prom-client|\/src\/(?!main\.ts|version\.ts|cli\/|config|transcoding\/closest-name\.ts)/;
  assert.deepEqual(
    loaded.filter((line) => needless.test(line)),
    [],
  );
});
