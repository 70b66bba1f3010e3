/** What a shell sees: completion, help, version, and a start that loads no more than it needs. */
import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { pathToFileURL } from "node:url";
import { PERMISSIONS, ROLES } from "../../../src/auth/permissions.ts";
import { COMMANDS } from "../../../src/cli/commands/commands.ts";
import { SETTINGS } from "../../../src/config.ts";
import * as dialects from "../../../src/dialect/dialects.ts";
import { findProgram, runCommand } from "../../support/run-command.ts";
import { startService, temporaryFolder } from "../../support/service.ts";
import { readRootFile } from "../../tidy/support/tree.ts";
import { assertRefused, cliEnvironment, cliOf, MAIN, printed, processOf, runOn, TestTerminal } from "../support/cli.ts";

const NOWHERE = "http://127.0.0.1:1";

interface Setting {
  readonly flag?: string;
  readonly placeholder: string;
  readonly environment: string;
  readonly fallback: string;
  readonly meaning: string;
}

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
    "_lockkeeper",
    `printf "%s\\n" "\${COMPREPLY[@]}"`,
  ].join("\n");
  const environment = cliEnvironment(NOWHERE, { PATH: `${folder}:${process.env.PATH}`, SHELL: "/bin/zsh" });
  const { stdout, stderr, code } = await runCommand("bash", ["-c", script], { environment });
  assert.deepEqual([code, stderr], [0, ""]);
  return stdout.split("\n").filter((line) => line !== "");
}

test("the completion script of bash offers commands, flags, their values, and files where they belong", async (t) => {
  if (findProgram("bash") === undefined) return t.skip("bash is not installed");
  const folder = await installed(t);
  assert.deepEqual(await offered(folder, ["users", "un"]), ["unlock", "unban"]);
  assert.deepEqual(await offered(folder, ["users", "list", "--state", "=", "locked,b"]), ["locked,banned"]);
  // An empty reply leaves it to bash, which offers files.
  assert.deepEqual(await offered(folder, ["users", "import", ""]), []);
});

test("what could come next is offered: commands, flags, values and files", async () => {
  const lk = cliOf(NOWHERE);
  const offersFor = async (...words: readonly string[]): Promise<readonly string[]> => {
    const lines = (await printed(lk(["__complete", ...words]))).trimEnd().split("\n");
    return lines.map((line) => line.split("\t")[0] ?? "");
  };
  const firsts = [...new Set(COMMANDS.map(({ name }) => name.split(" ")[0] ?? ""))];
  assert.deepEqual([...(await offersFor(""))].sort(), firsts.sort());
  assert.deepEqual(await offersFor("users", "un"), ["unlock", "unban"]);
  assert.deepEqual(await offersFor("users", "lock", "ann", "--du"), ["--duration"]);
  assert.deepEqual(await offersFor("users", "list", "--state", "b"), ["banned"]);
  assert.deepEqual(await offersFor("users", "list", "--state=locked,b"), ["--state=locked,banned"]);
  const further = await offersFor("users", "list", "--state", "locked,");
  assert.ok(further.includes("locked,banned") && !further.includes("locked,locked"), String(further));
  assert.deepEqual(await offersFor("help", "us"), ["users"]);
  assert.deepEqual(await offersFor("help", "users", "unl"), ["unlock"]);
  assert.deepEqual(await offersFor("users", "list", "-o", ""), ["table", "wide", "json", "yaml", "name"]);
  assert.deepEqual(await offersFor("serve", "--log-f"), ["--log-format"]);
  assert.deepEqual(await offersFor("serve", "--log-level", "de"), ["debug"]);
  assert.deepEqual(await offersFor("completion", "z"), ["zsh"]);
  const known: readonly dialects.Dialect[] = Object.values(dialects);
  const names = known.map(({ name }) => name);
  assert.deepEqual(await offersFor("serve", "--dialects", ""), names);
  assert.deepEqual(
    await offersFor("serve", "--dialects", `${names[0]},`),
    names.slice(1).map((name) => `${names[0]},${name}`),
  );
  assert.deepEqual(await offersFor("keys", "create", "--role", ""), Object.keys(ROLES));
  assert.deepEqual(await offersFor("keys", "create", "--permissions", ""), PERMISSIONS);
  assert.deepEqual(await offersFor("keys", "create", "--permissions=user.read,user.w"), [
    "--permissions=user.read,user.write",
  ]);
  for (const line of ["users show a --key-file", "serve --tls-cert", "users import", "restore", "backup"]) {
    assert.deepEqual(await offersFor(...line.split(" "), ""), [":files"], line);
  }
  assert.deepEqual(await offersFor("users", "show", ""), [""]);
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

test("help and version answer without a service or a key, in each way that people ask for them", async () => {
  const lk = cliOf(NOWHERE);
  const nobody = { LOCKKEEPER_KEY: "" };
  const help = await printed(lk("--help", nobody));
  for (const part of ["  users ", "--server", "LOCKKEEPER_KEY", "Exit codes:", "130 "]) {
    assert.ok(help.includes(part), part);
  }
  for (const line of [[], ["-h"], ["help"]]) assert.equal(await printed(lk(line, nobody)), help);
  const lock = await printed(lk("users lock --help", nobody));
  assert.match(lock, /^lockkeeper users lock <users\.\.> \[flags\]\n\nLock users, /);
  assert.match(lock, /^ {2}-d, --duration TIME +how long, such as/m);
  assert.match(lock, /^Examples:$/m);
  for (const line of ["help users lock", "users lock -h", "users lock ann --never -h"]) {
    assert.equal(await printed(lk(line, nobody)), lock);
  }
  const users = await printed(lk("users --help", nobody));
  assert.match(users, /^ {2}users show <users\.\.> +show users/m);
  for (const line of ["users", "help users"]) assert.equal(await printed(lk(line, nobody)), users);
  await assertRefused(lk("help usres"), { code: 2, says: /"usres" is not a command; did you mean users\?/ });
  const { version } = JSON.parse(readRootFile("package.json") ?? "") as { version: string };
  for (const line of ["--version", "-V", "version"]) assert.equal(await printed(lk(line)), `${version}\n`);
});

test("the help of serve names every setting with its flag, variable, default and meaning", async () => {
  const help = (await printed(cliOf(NOWHERE)("serve --help"))).replace(/\s+/g, " ");
  for (const { flag, placeholder, environment, fallback, meaning } of Object.values<Setting>(SETTINGS)) {
    const shown = `${meaning.charAt(0).toLowerCase()}${meaning.slice(1)}`.replaceAll("`", "").replace(/\.$/, "");
    const otherwise = `(or ${environment}${fallback === "" ? "" : `; default ${fallback}`})`;
    const row = flag === undefined ? `${environment} ${shown}` : `--${flag} ${placeholder} ${shown} ${otherwise}`;
    assert.ok(help.includes(row), row);
  }
});

test("no flag's meaning begins like a sentence or ends like one, in any command", () => {
  for (const command of COMMANDS) {
    for (const [name, { meaning }] of Object.entries({ ...command.words, ...command.flags })) {
      assert.doesNotMatch(meaning, /^[A-Z][a-z]|\.$|`true`/, `${command.name} ${name}`);
    }
  }
});

test("help fits the terminal, whatever its width", async () => {
  for (const columns of [60, 80, 110]) {
    for (const { name } of COMMANDS) {
      const terminal = new TestTerminal({ environment: cliEnvironment(NOWHERE), columns });
      const { stdout } = await runOn(terminal, [...name.split(" "), "--help"]);
      const [head = ""] = stdout.split("Examples:");
      const long = head.split("\n").filter((line) => line.length > columns && / {2,}\S+ \S/.test(line.trim()));
      assert.deepEqual(long, [], `${name} at ${columns}`);
    }
  }
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
  const { code, stderr } = await processOf(url)("users show ann", { NODE_OPTIONS });
  assert.equal(code, 0, stderr);
  const loaded = stderr.split("\n").filter((line) => !line.startsWith("node:"));
  assert.ok(loaded.some((line) => line.endsWith("/src/cli/commands/users/show.ts")));
  const needless =
    /better-sqlite3|kysely|protovalidate|opentelemetry|prom-client|\/src\/(?!main\.ts|version\.ts|cli\/|config|(?:environment|file-fault)\.ts|server\/service-parts\.ts|transcoding\/closest-name\.ts)/;
  assert.deepEqual(
    loaded.filter((line) => needless.test(line)),
    [],
  );
  // Help and refusals need no package and no descriptor.
  const help = await processOf(url)("users import --help", { NODE_OPTIONS });
  assert.doesNotMatch(help.stderr, /node_modules|\/gen\/(?!lockkeeper\/contract\.ts)/);
});

test("an unknown variable is reported in every format, with the one that was probably meant", async () => {
  const says =
    /^lockkeeper: the environment variable LOCKKEEPER_SERVR is not known and has no effect; did you mean LOCKKEEPER_SERVER\?\n[^\n]+\n$/;
  for (const form of ["table", "json"]) {
    const { stderr } = await cliOf(NOWHERE)(`whoami -o ${form}`, { LOCKKEEPER_SERVR: "http://secret-host" });
    assert.match(stderr, says);
    assert.doesNotMatch(stderr, /secret-host/);
  }
  // Many shells set variables of the service together with those of the commands.
  const known = cliOf(NOWHERE)("whoami", { LOCKKEEPER_LISTEN: "127.0.0.1:8080" });
  await assertRefused(known, { code: 6, says: /^lockkeeper: nothing listens at / });
});
