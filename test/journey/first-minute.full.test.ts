/** The first minute of a stranger: npm start, the lines to paste, the second start, and the commands of the documentation. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { State } from "../../gen/lockkeeper/user/v1/user_pb.ts";
import * as dialects from "../../src/dialect/dialects.ts";
import { npmStart, ROOT, strangersEnvironment } from "../support/npm-start.ts";
import { findProgram, runCommand } from "../support/run-command.ts";
import { clientsOf, temporaryFolder } from "../support/service.ts";
import { assertShown, DOCUMENTED_URL, readPages, readSnippets, type Snippet, snippetsOf } from "../support/snippets.ts";
import { until } from "../support/until.ts";

interface Answer {
  readonly user?: { readonly state: string };
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
  const [made, keyLine, listening, open, tryIt, ...lines] = first.printed().trimEnd().split("\n");
  const key = /^admin key, shown this once: (lk_\w+)$/.exec(keyLine ?? "")?.[1] ?? assert.fail(first.printed());
  assert.equal(made, `new, empty database ${path}`);
  assert.equal(listening, `listening on ${first.url}`);
  assert.equal(open, `open ${first.url}/console`);
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

/**
 * Each curl answers on a line of its own; one that follows a stream (`-N`) ends after a second. `npx` finds the programs
 * of the repository without asking the registry.
 */
const PRELUDE = `set -e
curl() {
  case " $* " in
  *" -N "*) command curl -sS --max-time 1 "$@" 2>/dev/null || [ $? = 28 ] ;;
  *) command curl -sS "$@" ;;
  esac
  echo
}
npx() { name=\${1##*/}; shift; if [ "$name" = lockkeeper ]; then bin/lockkeeper.cjs "$@"; else "node_modules/.bin/$name" "$@"; fi; }
`;
const SEPARATOR = "\u001e";
/** What a test cannot repeat: starting the service, and the key that the first start printed. */
const BEFORE_ANY = /^(?:npm ci && npm start|export KEY=.*)\n/gm;

/** Runs the shell snippets of a page one after another in one shell; returns what each of them printed. */
async function runPage(snippets: readonly Snippet[], url: string, environment: NodeJS.ProcessEnv): Promise<string[]> {
  const blocks = snippets.map(({ code }) => code.replace(BEFORE_ANY, "").replaceAll(DOCUMENTED_URL, url));
  const script = PRELUDE + blocks.map((block) => `${block}printf '${SEPARATOR}'\n`).join("");
  const { code, stdout, stderr } = await runCommand("sh", [], { stdin: script, environment, folder: ROOT });
  assert.equal(code, 0, `${script}\n${stdout}${stderr}`);
  return stdout.split(SEPARATOR).slice(0, -1);
}

/** The last answer is the one that the page shows, and no other one is a refusal. */
function assertAnswers(printed: string, { code, answer }: Snippet): void {
  const lines = printed.trim().split("\n");
  // `buf curl` prints one answer over several lines.
  const texts = lines[0] === "{" ? [lines.join("")] : lines.filter((line) => line.startsWith("{"));
  const answers = texts.map((text) => JSON.parse(text) as Answer);
  if (answer !== undefined) assertShown(answers.pop(), answer, code);
  for (const each of answers) assert.equal(each.code, undefined, `${code}\n${JSON.stringify(each)}`);
}

test("the documentation's commands do what it says, in its order, in one instance", async (t) => {
  if (skippedWithoutCurl(t)) return;
  const known: readonly dialects.Dialect[] = Object.values(dialects);
  const flags = ["--dialects", known.map(({ name }) => name).join()];
  const service = await npmStart(t, await databasePath(t), { flags });
  const KEY = /lk_\w+/.exec(service.printed())?.[0];
  const environment = strangersEnvironment({ KEY, LOCKKEEPER_SERVER: service.url });
  const isReady = async (): Promise<boolean> => (await fetch(`${service.url}/readyz`)).ok;
  await until(isReady, "the dialects");
  const ran: string[] = [];
  for (const page of await readPages()) {
    const snippets = await readSnippets(page, "sh");
    if (snippets.length === 0) continue;
    const printed = await runPage(snippets, service.url, environment);
    for (const [index, snippet] of snippets.entries()) assertAnswers(printed[index] ?? "", snippet);
    ran.push(`${page}: ${snippets.length}`);
  }
  t.diagnostic(ran.join(", "));
  assert.ok(ran.length >= 8, ran.join());
  await service.stop();
});

test("what the documentation shows is compared as a reader would", () => {
  const [snippet] = snippetsOf('x\n```sh\nA\n```\n\n```json\n{ "a": "b…", "…": "…" }\n```\n');
  assert.deepEqual(snippet, { language: "sh", code: "A\n", answer: { a: "b…", "…": "…" } });
  assertShown({ a: "bc", d: 1 }, snippet?.answer, "more");
  assertShown({ a: ["2030-01-01T00:00:00Z", 2] }, { a: ["2026-11-21T14:00:00Z", "…"] }, "times");
  for (const wrong of [{ a: "c" }, {}, undefined, { a: { b: "b" } }]) {
    assert.throws(() => assertShown(wrong, snippet?.answer, "wrong"));
  }
  assert.throws(() => assertShown({ a: "b", c: 1 }, { a: "b" }, "a member that is not shown"));
});
