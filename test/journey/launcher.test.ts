/** The launcher of the command: the memory bounds of `serve`, and the cache of compiled code that only its user can change. */
import assert from "node:assert/strict";
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, cp, mkdir, readdir, stat, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { json } from "node:stream/consumers";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { defer } from "../support/cleanup.ts";
import { ROOT, strangersEnvironment } from "../support/npm-start.ts";
import { runCommand } from "../support/run-command.ts";
import { temporaryFolder } from "../support/service.ts";

const { NODE_OPTIONS } = createRequire(import.meta.url)("../../bin/memory.cjs") as {
  readonly NODE_OPTIONS: readonly string[];
};

/** What a program sees of the launcher that starts it. */
interface Seen {
  readonly options: readonly string[];
  readonly arenas: string | null;
  readonly cache: string | null;
}

const PROGRAM = `import { getCompileCacheDir } from "node:module";
const { MALLOC_ARENA_MAX: arenas = null } = process.env;
console.log(JSON.stringify({ options: process.execArgv, arenas, cache: getCompileCacheDir() ?? null }));
`;

interface Launch {
  readonly command?: string;
  readonly options?: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
}

/** Starts the launcher before a program that prints what it sees. */
async function launch(folder: string, { command = "users", options = [], environment = {} }: Launch): Promise<Seen> {
  const program = join(folder, "package");
  await cp(join(ROOT, "bin"), join(program, "bin"), { recursive: true });
  await mkdir(join(program, "dist"), { recursive: true });
  await writeFile(join(program, "package.json"), '{"type":"module"}');
  await writeFile(join(program, "dist/main.js"), PROGRAM);
  const words = [...options, join(program, "bin/lockkeeper.cjs"), command];
  const { MALLOC_ARENA_MAX: _, ...base } = strangersEnvironment({ XDG_CACHE_HOME: join(folder, "cache") });
  const { stdout, stderr } = await runCommand(process.execPath, words, { environment: { ...base, ...environment } });
  assert.equal(stderr, "");
  return JSON.parse(stdout) as Seen;
}

describe("the memory bounds", () => {
  test("are set for the service and for no other command", async (t) => {
    const folder = await temporaryFolder(t);
    const service = await launch(folder, { command: "serve" });
    assert.deepEqual([service.options, service.arenas], [NODE_OPTIONS, "2"]);
    const other = await launch(folder, { command: "users" });
    assert.deepEqual([other.options, other.arenas], [[], null]);
  });

  test("leave what the administrator sets as it is", async (t) => {
    const [first = "", ...rest] = NODE_OPTIONS;
    const own = `${first.split("=")[0]}=32`;
    const folder = await temporaryFolder(t);
    const flag = await launch(folder, { command: "serve", options: [own], environment: { MALLOC_ARENA_MAX: "4" } });
    assert.deepEqual([flag.options, flag.arenas], [[...rest, own], "4"]);
    for (const spelled of [own, own.replaceAll("-", "_").replace("__", "--")]) {
      const variable = await launch(folder, { command: "serve", environment: { NODE_OPTIONS: spelled } });
      assert.deepEqual(variable.options, rest);
    }
  });

  test("are left out where the process cannot be replaced: its parent talks to it, or it may start no program", async (t) => {
    const folder = await temporaryFolder(t);
    const restricted = ["--permission", "--allow-fs-read=*", "--allow-fs-write=*"];
    const { options } = await launch(folder, { command: "serve", options: restricted });
    assert.deepEqual(options, restricted);
    const child = fork(join(folder, "package/bin/lockkeeper.cjs"), ["serve"], { silent: true, execArgv: [] });
    child.send("hello");
    assert.deepEqual(((await json(child.stdout as Readable)) as Seen).options, []);
  });
});

describe("the cache of compiled code", () => {
  test("is a folder of the user's own, which is made when it is not there", async (t) => {
    const folder = await temporaryFolder(t);
    const { cache } = await launch(folder, {});
    assert.ok(cache?.startsWith(join(folder, "cache/lockkeeper/")), `${cache}`);
    assert.equal((await stat(join(folder, "cache/lockkeeper"))).mode & 0o777, 0o700);
  });

  test("is the folder that systemd gives, or what Node's own variables say", async (t) => {
    const folder = await temporaryFolder(t);
    const given = join(folder, "given");
    const bySystemd = (await launch(folder, { environment: { CACHE_DIRECTORY: given } })).cache;
    assert.ok(bySystemd?.startsWith(given), `${bySystemd}`);
    const own = join(folder, "own");
    const byVariable = (await launch(folder, { environment: { NODE_COMPILE_CACHE: own } })).cache;
    assert.ok(byVariable?.startsWith(own), `${byVariable}`);
    const off = await launch(folder, { environment: { NODE_DISABLE_COMPILE_CACHE: "1" } });
    assert.equal(off.cache, null);
  });

  test("is not used where others could put code into it, or where it cannot be made", async (t) => {
    for (const spoil of [openFolder, openFolderAbove, fileInPlace, linkToOpenFolder]) {
      await t.test(spoil.name, async (each) => {
        const folder = await temporaryFolder(each);
        await spoil(folder);
        assert.equal((await launch(folder, {})).cache, null);
      });
    }
    const folder = await temporaryFolder(t);
    assert.equal((await launch(folder, { environment: { XDG_CACHE_HOME: "/proc/none" } })).cache, null);
  });

  test("leaves no folder behind where it is not used", async (t) => {
    const folder = await temporaryFolder(t);
    await openFolderAbove(folder);
    assert.equal((await launch(folder, {})).cache, null);
    assert.deepEqual(await readdir(join(folder, "cache")), []);
  });

  test("is there after a start that is killed", async (t) => {
    const folder = await temporaryFolder(t);
    const url = await startService(t, folder);
    assert.match(url, /^http/);
    const cache = join(folder, "cache/lockkeeper");
    // It is written after the start is announced.
    for (let tries = 0; (await filesIn(cache)) < 100; tries++) {
      assert.ok(tries < 100, `${await filesIn(cache)} files`);
      await delay(50);
    }
  });
});

async function openFolder(folder: string): Promise<void> {
  await mkdir(join(folder, "cache/lockkeeper"), { recursive: true });
  await chmod(join(folder, "cache/lockkeeper"), 0o777);
}

async function openFolderAbove(folder: string): Promise<void> {
  await mkdir(join(folder, "cache"));
  await chmod(join(folder, "cache"), 0o777);
}

async function fileInPlace(folder: string): Promise<void> {
  await writeFile(join(folder, "cache"), "");
}

async function linkToOpenFolder(folder: string): Promise<void> {
  await mkdir(join(folder, "cache"));
  await mkdir(join(folder, "open"));
  await chmod(join(folder, "open"), 0o777);
  await symlink(join(folder, "open"), join(folder, "cache/lockkeeper"));
}

async function filesIn(folder: string): Promise<number> {
  return (await readdir(folder, { recursive: true })).length;
}

/** Starts the service as `npm start` does; it is killed at the end. */
async function startService(t: TestContext, folder: string): Promise<string> {
  const words = ["serve", "--listen", "127.0.0.1:0", "--database", `sqlite:${join(folder, "lockkeeper.db")}`];
  const child = spawn(process.execPath, [join(ROOT, "bin/lockkeeper.cjs"), ...words], {
    stdio: ["ignore", "pipe", "ignore"],
    env: strangersEnvironment({ XDG_CACHE_HOME: join(folder, "cache") }),
  });
  defer(t, async () => {
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  });
  let said = "";
  for await (const text of child.stdout.setEncoding("utf8")) {
    said += text as string;
    const url = /^listening on (\S+)$/m.exec(said)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error(`no start:\n${said}`);
}
