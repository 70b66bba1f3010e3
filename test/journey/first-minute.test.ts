/** The first minute of a stranger: npm start, the lines to paste, the second start, and the README's own commands. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { State } from "../../gen/lockkeeper/user/v1/user_pb.ts";
import { npmStart, ROOT, strangersEnvironment } from "../support/npm-start.ts";
import { findProgram, runCommand } from "../support/run-command.ts";
import { clientsOf, temporaryFolder } from "../support/service.ts";
import { until } from "../support/until.ts";

interface Answer {
  readonly details?: { readonly sequence: string; readonly resourceOwner: string };
  readonly user?: { readonly userId: string; readonly state: string };
  readonly apiKey?: { readonly role: string };
  readonly secret?: string;
  readonly decision?: { readonly attemptsLeft?: number };
  readonly admitted?: boolean;
  readonly code?: unknown;
}

async function shell(line: string, environment: NodeJS.ProcessEnv): Promise<Answer> {
  const { code, stdout, stderr } = await runCommand("sh", ["-c", line], { environment, folder: ROOT });
  assert.equal(code, 0, `${line}\n${stdout}${stderr}`);
  const answer = JSON.parse(stdout) as Answer;
  assert.equal(answer.code, undefined, `${line}\n${stdout}`);
  return answer;
}

async function databasePath(t: TestContext): Promise<string> {
  return join(await temporaryFolder(t), "lockkeeper.db");
}

function skippedWithoutCurl(t: TestContext): boolean {
  if (findProgram("curl") !== undefined) return false;
  t.skip("there is no curl on PATH");
  return true;
}

test("npm start runs on the Node of the repository, whichever the machine has", async (t) => {
  const environment = strangersEnvironment();
  const { dependencies } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as {
    dependencies: { node: string };
  };
  const own = await runCommand("sh", ["-c", "node --version"], { environment, folder: ROOT });
  const used = await runCommand("npm", ["exec", "-c", "node --version"], { environment, folder: ROOT });
  t.diagnostic(`the machine's own Node is ${own.stdout.trim() || "none"}, npm scripts run on ${used.stdout.trim()}`);
  assert.equal(used.stdout.trim(), `v${dependencies.node}`);
});

test("the first start prints a key and three lines that do what they say; the second prints none", async (t) => {
  if (skippedWithoutCurl(t)) return;
  const path = await databasePath(t);
  const first = await npmStart(t, path);
  const [made, keyLine, listening, tryIt, ...lines] = first.printed().trimEnd().split("\n");
  const key = /^admin key, shown this once: (lk_\w+)$/.exec(keyLine ?? "")?.[1] ?? assert.fail(first.printed());
  assert.equal(made, `new, empty database ${path}`);
  assert.equal(listening, `listening on ${first.url}`);
  assert.equal(tryIt, "try it:");
  assert.equal(lines.length, 3);
  const [create = "", lock = "", unlock = ""] = lines;
  assert.match(create, /^ {2}curl /);
  assert.match(lock, /^ {2}curl /);
  assert.match(unlock, /^ {2}npx @bufbuild\/buf curl /);
  const { users } = clientsOf(first.url, key);
  const stateOfAlice = async (): Promise<[State | undefined, bigint | undefined]> => {
    const { user } = await users.getUser({ userId: "alice" });
    return [user?.state, user?.details?.sequence];
  };
  const environment = strangersEnvironment();
  assert.equal((await shell(create, environment)).user?.state, "STATE_ACTIVE");
  assert.deepEqual(await stateOfAlice(), [State.ACTIVE, 1n]);
  assert.equal((await shell(lock, environment)).user?.state, "STATE_LOCKED");
  assert.deepEqual(await stateOfAlice(), [State.LOCKED, 2n]);
  assert.equal((await shell(unlock, environment)).user?.state, "STATE_ACTIVE");
  assert.deepEqual(await stateOfAlice(), [State.ACTIVE, 3n]);
  assert.ok(!first.stderr().includes(key), "the key is in the log");
  await first.stop();

  const second = await npmStart(t, path);
  assert.equal(second.printed(), `listening on ${second.url}\n`);
  const again = await clientsOf(second.url, key).users.getUser({ userId: "alice" });
  assert.equal(again.user?.details?.sequence, 3n);
  await second.stop();
});

test("SIGTERM to npm start ends the service with it, and exit code 0", async (t) => {
  const { process: npm, url } = await npmStart(t, await databasePath(t));
  npm.kill("SIGTERM");
  const [code, signal] = (await once(npm, "exit")) as [number | null, NodeJS.Signals | null];
  assert.deepEqual({ code, signal }, { code: 0, signal: null });
  const isGone = (): Promise<boolean> =>
    fetch(`${url}/healthz`).then(
      () => false,
      () => true,
    );
  await until(isGone, "the end of the service");
});

/** The commands of the README's ```sh blocks, lines that go on joined. */
async function readmeCommands(): Promise<readonly string[]> {
  const readme = await readFile(join(ROOT, "README.md"), "utf8");
  const blocks = [...readme.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block ?? "");
  return blocks.flatMap((block) => block.replaceAll("\\\n", " ").split("\n")).filter((line) => line.trim() !== "");
}

/** The answer has the members of the one that the README shows; `…` stands for more. */
async function assertAsShown({ details, user }: Answer): Promise<void> {
  const readme = await readFile(join(ROOT, "README.md"), "utf8");
  const shown = JSON.parse(/^```json\n(.*?)^```$/ms.exec(readme)?.[1] ?? "null") as Required<Answer>;
  assert.deepEqual(Object.keys(shown), ["details", "user"]);
  assert.deepEqual(Object.keys(shown.details), Object.keys(details ?? {}));
  assert.deepEqual([shown.details.sequence, shown.details.resourceOwner], [details?.sequence, details?.resourceOwner]);
  assert.deepEqual([shown.user.userId, shown.user.state], [user?.userId, user?.state]);
}

test("the README's commands do what the README says", async (t) => {
  if (skippedWithoutCurl(t)) return;
  const commands = await readmeCommands();
  assert.deepEqual(commands.slice(0, 2), ["npm ci", "npm start"]);
  const isCall = (line: string): boolean => /^(?:curl|npx @bufbuild\/buf curl) /.test(line);
  const others = commands.slice(2).filter((line) => !isCall(line));
  const isStart = (line: string): boolean => line.startsWith("npm start -- ");
  assert.deepEqual(
    others.filter((line) => !isStart(line)).map((line) => line.replace(/=.*/, "")),
    ["export KEY", "A"],
    "a command that no test runs",
  );
  const A = /^A=(\S+)/m.exec(others.join("\n"))?.[1];
  const flags = others.filter(isStart).flatMap((line) => line.split(" ").slice(3));
  const service = await npmStart(t, await databasePath(t), { flags });
  const KEY = /lk_\w+/.exec(service.printed())?.[0];
  const environment = strangersEnvironment({ KEY, A });
  const said: string[] = [];
  for (const line of commands.filter(isCall)) {
    assert.ok(line.includes("http://127.0.0.1:8080/"), line);
    const answer = await shell(line.replaceAll("http://127.0.0.1:8080", service.url), environment);
    const { user, apiKey, secret, decision, admitted } = answer;
    if (line.endsWith("alice:lock")) await assertAsShown(answer);
    const left = decision && `${decision.attemptsLeft}${admitted === true ? " of 10" : ""} left`;
    said.push(user?.state ?? apiKey?.role ?? left ?? "?");
    if (apiKey !== undefined) assert.match(secret ?? "", /^lk_\w+$/);
  }
  assert.deepEqual(said, [
    ...["STATE_ACTIVE", "STATE_LOCKED", "STATE_ACTIVE", "STATE_BANNED"],
    ...["STATE_ACTIVE", "9 of 10 left", "9 left", "9 left"],
    "operator",
  ]);
  await service.stop();
});
