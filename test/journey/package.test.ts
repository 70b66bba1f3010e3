/** The npm package as a stranger gets it: packed, installed elsewhere, started by npx, called from TypeScript. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import * as dialects from "../../src/dialect/dialects.ts";
import { ROOT, strangersEnvironment } from "../support/npm-start.ts";
import { runCommand } from "../support/run-command.ts";
import { ADMIN_KEY, temporaryFolder } from "../support/service.ts";

const START_TIMEOUT_MS = 30_000;
const PACKAGE_BYTES_MAX = 2_000_000;
/** What npm says when it cannot ask the registry for what is not in its cache. */
const NO_REGISTRY = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENOTCACHED|ENETUNREACH|network/;

const PROGRAM = `import { Code, ConnectError, createLockkeeperClient, reasonOf, State, type User } from "lockkeeper/client";

const [baseUrl = "", key = ""] = process.argv.slice(2);
for (const protocol of ["grpc", "connect"] as const) {
  const client = createLockkeeperClient({ baseUrl, key, protocol });
  const userId = \`alice-\${protocol}\`;
  await client.users.createUser({ userId, profile: { email: "alice@example.com" } });
  const { user } = await client.users.lockUser({ userId, expiry: { case: "never", value: true } });
  const locked: User | undefined = user;
  // @ts-expect-error the contract knows no such field
  void locked?.nickname;
  let refusal: string | undefined;
  try {
    await client.users.lockUser({ userId });
  } catch (error) {
    if (error instanceof ConnectError && error.code === Code.FailedPrecondition) refusal = reasonOf(error);
  }
  const { users } = await client.users.listUsers({});
  console.log(JSON.stringify({ protocol, locked: locked?.state === State.LOCKED, refusal, listed: users.length }));
  client.close();
}
`;

const TSCONFIG = {
  compilerOptions: {
    target: "ES2024",
    module: "NodeNext",
    strict: true,
    exactOptionalPropertyTypes: true,
  },
  files: ["process.d.ts", "program.ts", "example.ts"],
};

/** In the place of @types/node: who installs nothing but the package must be able to compile. */
const PROCESS = "declare const process: { argv: string[]; env: Record<string, string | undefined> };\n";

/** The README's example of TypeScript, against a service elsewhere. */
async function readExample(url: string): Promise<string> {
  const [, example = ""] = /^```ts\n(.*?)^```$/ms.exec(await readFile(join(ROOT, "README.md"), "utf8")) ?? [];
  const moved = example.replace("http://127.0.0.1:8080", url);
  assert.notEqual(moved, example);
  return moved;
}

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

async function npm(
  folder: string,
  ...args: readonly string[]
): Promise<{ readonly ok: boolean; readonly text: string }> {
  const { code, stdout, stderr } = await runCommand("npm", args, {
    folder,
    environment: strangersEnvironment(),
    timeoutMs: 120_000,
  });
  return { ok: code === 0, text: args[0] === "pack" && code === 0 ? stdout : `${stdout}${stderr}` };
}

async function pack(destination: string): Promise<Packed> {
  const { ok, text } = await npm(ROOT, "pack", "--json", "--silent", "--pack-destination", destination);
  assert.ok(ok, text);
  const [packed] = JSON.parse(text) as readonly Packed[];
  assert.ok(packed !== undefined);
  return packed;
}

/** Starts `npx lockkeeper serve` in a group of its own; it ends with the test. */
async function npxServe(
  t: TestContext,
  folder: string,
): Promise<{ readonly url: string; readonly stop: () => Promise<number> }> {
  const known: readonly dialects.Dialect[] = Object.values(dialects);
  const names = known.map(({ name }) => name);
  const args = ["lockkeeper", "serve", "--listen", "127.0.0.1:0", "--dialects", names.join(), "--log-level", "warn"];
  const environment = strangersEnvironment({ LOCKKEEPER_ADMIN_KEY: ADMIN_KEY });
  const child = spawn("npx", args, { cwd: folder, detached: true, env: environment });
  const signal = (name: NodeJS.Signals): void => {
    try {
      process.kill(-(child.pid ?? 0), name);
    } catch {
      // There is nobody left.
    }
  };
  t.after(() => signal("SIGKILL"));
  let said = "";
  const url = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no start:\n${said}`)), START_TIMEOUT_MS);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        const found = /^listening on (\S+)\n/m.exec(said)?.[1];
        if (found === undefined) return;
        clearTimeout(timer);
        resolve(found);
      });
    }
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`npx ended with ${code}:\n${said}`)));
  });
  return {
    url,
    stop: async () => {
      const exited = once(child, "exit");
      signal("SIGTERM");
      const [code] = (await exited) as [number];
      return code;
    },
  };
}

function assertLean(t: TestContext, { files, size, unpackedSize }: Packed): void {
  const paths = files.map(({ path }) => path);
  for (const path of [
    "LICENSE",
    "README.md",
    "bin/lockkeeper.cjs",
    "dist/src/main.js",
    "dist/src/client/client.d.ts",
    "dist/swagger-ui/LICENSE",
    "proto/lockkeeper/user/v1/user_service.proto",
    "deploy/lockkeeper.service",
    "deploy/lockkeeper.sysusers.conf",
    "deploy/lockkeeper.env.example",
  ]) {
    assert.ok(paths.includes(path), path);
  }
  const strange = paths.filter(
    (path) => !/^(?:LICENSE|README\.md|CHANGELOG\.md|package\.json|(?:bin|dist|proto|deploy)\/.*)$/.test(path),
  );
  assert.deepEqual(strange, []);
  // It builds from the sources, which are not here.
  assert.ok(!paths.includes("deploy/Containerfile"));
  assert.deepEqual(
    paths.filter((path) => /(?<!\.d)\.ts$|\.map$|\.test\./.test(path)),
    [],
  );
  assert.ok(size < PACKAGE_BYTES_MAX, `${size} bytes`);
  t.diagnostic(`the tarball has ${size} bytes, ${unpackedSize} unpacked, ${files.length} files`);
}

/** What the unit's comment tells to copy is there, in the folder that it tells to go to. */
async function assertUnitCopies(folder: string): Promise<void> {
  const text = await readFile(join(folder, "deploy/lockkeeper.service"), "utf8");
  const [, prefix = "", place = ""] = /^# +npm install --prefix (\S+) lockkeeper && cd (\S+)$/m.exec(text) ?? [];
  assert.equal(place, `${prefix}/node_modules/lockkeeper`);
  assert.ok(text.includes(`\nExecStart=${prefix}/node_modules/.bin/node ${place}/bin/lockkeeper.cjs serve\n`));
  const named = [...text.matchAll(/^# .*?(deploy\/\S+)/gm)].map(([, path = ""]) => path);
  assert.equal(named.length, 3);
  for (const path of named) await access(join(folder, path));
}

test("the package installs elsewhere, serves by npx, and its client type-checks and works", async (t) => {
  const folder = await temporaryFolder(t);
  const packed = await pack(folder);
  assertLean(t, packed);
  const home = join(folder, "stranger");
  await mkdir(home);
  await writeFile(join(home, "package.json"), JSON.stringify({ name: "stranger", private: true, type: "module" }));
  const flags = ["--prefer-offline", "--no-audit", "--no-fund"];
  const installed = await npm(home, "install", ...flags, join(folder, packed.filename));
  if (!installed.ok && NO_REGISTRY.test(installed.text)) {
    t.skip(`npm can reach no registry for the package's dependencies: ${installed.text.slice(-300)}`);
    return;
  }
  assert.ok(installed.ok, installed.text);
  await assertUnitCopies(join(home, "node_modules/lockkeeper"));
  const { url, stop } = await npxServe(t, home);

  await writeFile(join(home, "program.ts"), PROGRAM);
  await writeFile(join(home, "process.d.ts"), PROCESS);
  await writeFile(join(home, "example.ts"), await readExample(url));
  await writeFile(join(home, "tsconfig.json"), JSON.stringify(TSCONFIG));
  const checked = await runCommand(join(ROOT, "node_modules/.bin/tsc"), ["-p", home]);
  assert.equal(checked.code, 0, checked.stdout);
  const ran = await runCommand(process.execPath, [join(home, "program.js"), url, ADMIN_KEY], { timeoutMs: 20_000 });
  assert.equal(ran.code, 0, ran.stderr);
  const refusal = "USER_ALREADY_LOCKED";
  assert.deepEqual(
    ran.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown),
    [
      { protocol: "grpc", locked: true, refusal, listed: 1 },
      { protocol: "connect", locked: true, refusal, listed: 2 },
    ],
  );

  const exampleRan = await runCommand(process.execPath, [join(home, "example.js")], {
    environment: strangersEnvironment({ KEY: ADMIN_KEY }),
    timeoutMs: 20_000,
  });
  assert.deepEqual(exampleRan, { code: 0, stdout: "true\nUSER_ALREADY_LOCKED\n", stderr: "" });

  for (const path of ["/docs", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "/openapi.json"]) {
    assert.equal((await fetch(url + path)).status, 200, path);
  }
  // A port that serves but one of the dialects would not be ready.
  for (let tries = 0; (await fetch(`${url}/readyz`)).status !== 200; tries++) {
    if (tries > 100) assert.fail("the dialects do not load");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await stop();
});

test("a Node that is too old is told so in a sentence", async (t) => {
  const folder = await temporaryFolder(t);
  const older = join(folder, "older.cjs");
  await writeFile(older, 'Object.defineProperty(process.versions, "node", { value: "24.15.3" });');
  const shim = join(folder, "bin/lockkeeper.cjs");
  await cp(join(ROOT, "bin"), join(folder, "bin"), { recursive: true });
  const { code, stderr } = await runCommand(process.execPath, ["--require", older, shim, "serve"]);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^lockkeeper needs Node 24\.16 or newer; this is Node 24\.15\.3 \(.*\)\. npx lockkeeper runs it/,
  );
  assert.doesNotMatch(stderr, /\n./);
  assert.match(await readFile(shim, "utf8"), /^#!\/usr\/bin\/env node\n/);
});
