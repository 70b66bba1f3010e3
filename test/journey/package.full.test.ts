/** Both npm packages as a stranger gets them: packed, installed elsewhere, started by any Node, called from TypeScript. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import * as dialects from "../../src/dialect/dialects.ts";
import { readVersion } from "../../src/version.ts";
import { ROOT, strangersEnvironment, strangersNode } from "../support/npm-start.ts";
import { findProgram, runCommand } from "../support/run-command.ts";
import { ADMIN_KEY, temporaryFolder } from "../support/service.ts";
import { DOCUMENTED_URL, printedBy, readPages, readSnippets } from "../support/snippets.ts";

const START_TIMEOUT_MS = 30_000;
/** Half a megabyte of it is the console: each file as it is, as brotli and as gzip. */
const PACKAGE_BYTES_MAX = 3_000_000;
const CLIENT_BYTES_MAX = 200_000;
/** What the client brings with all it depends on, unpacked. */
const CLIENT_INSTALLED_BYTES_MAX = 20_000_000;
/** What npm says when it cannot ask the registry for what is not in its cache. */
const NO_REGISTRY = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENOTCACHED|ENETUNREACH|network/;

const PROGRAM = `import { Code, ConnectError, createLockkeeperClient, reasonOf, State, type User } from "@lockkeeper/client";

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

const COMPILER_OPTIONS = { target: "ES2024", module: "NodeNext", strict: true, exactOptionalPropertyTypes: true };

/** Instead of @types/node: the package alone must be enough to compile. */
const PROCESS = "declare const process: { argv: string[]; env: Record<string, string | undefined> };\n";

/** Returns the TypeScript of the documentation, page by page in their order. */
async function readExamples(): Promise<readonly string[]> {
  const pages = [...(await readPages()), "clients/typescript/README.md"];
  const snippets = await Promise.all(pages.map((page) => readSnippets(page, "ts")));
  return snippets.flat().map(({ code }) => code);
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

/** Packs the service and the client; the service's build makes both. */
async function pack(destination: string): Promise<{ readonly service: Packed; readonly client: Packed }> {
  const packs = [];
  for (const more of [[], ["--workspace", "clients/typescript", "--ignore-scripts"]]) {
    const { ok, text } = await npm(ROOT, "pack", "--json", "--silent", "--pack-destination", destination, ...more);
    assert.ok(ok, text);
    packs.push(...(JSON.parse(text) as readonly Packed[]));
  }
  const [service, client] = packs;
  assert.ok(service !== undefined && client !== undefined);
  return { service, client };
}

/** An empty project of a stranger's, with a package installed from its tarball; undefined after a skip. */
async function install(t: TestContext, home: string, tarball: string): Promise<boolean> {
  await mkdir(home);
  await writeFile(join(home, "package.json"), JSON.stringify({ name: "stranger", private: true, type: "module" }));
  const installed = await npm(home, "install", "--prefer-offline", "--no-audit", "--no-fund", tarball);
  if (!installed.ok && NO_REGISTRY.test(installed.text)) {
    t.skip(`npm can reach no registry for the package's dependencies: ${installed.text.slice(-300)}`);
    return false;
  }
  assert.ok(installed.ok, installed.text);
  return true;
}

async function bytesBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return (await Promise.all(files.map(async (file) => (await stat(file)).size))).reduce((sum, size) => sum + size, 0);
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
    "docs/quickstart.md",
    "bin/lockkeeper.cjs",
    "bin/compile-cache.cjs",
    "bin/memory.cjs",
    "dist/main.js",
    "dist/reader-worker.js",
    "dist/checkpoint-worker.js",
    "dist/THIRD-PARTY-NOTICES.txt",
    "dist/swagger-ui/LICENSE",
    "proto/lockkeeper/user/v1/user_service.proto",
    "proto/google/api/annotations.proto",
    "proto/google/rpc/error_details.proto",
    "deploy/lockkeeper.service",
    "deploy/lockkeeper.sysusers.conf",
    "deploy/lockkeeper.env.example",
  ]) {
    assert.ok(paths.includes(path), path);
  }
  const strange = paths.filter(
    (path) => !/^(?:LICENSE|README\.md|CHANGELOG\.md|package\.json|(?:bin|dist|docs|proto|deploy)\/.*)$/.test(path),
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
  const form = /^# +npm install --prefix (\S+) \.\/lockkeeper-(\S+)\.tgz && cd (\S+)$/m;
  const [, prefix = "", version = "", place = ""] = form.exec(text) ?? [];
  assert.equal(version, readVersion());
  assert.equal(place, `${prefix}/node_modules/lockkeeper`);
  assert.ok(text.includes(`\nExecStart=${prefix}/node_modules/.bin/node ${place}/bin/lockkeeper.cjs serve\n`));
  const named = [...text.matchAll(/^# .*?(deploy\/\S+)/gm)].map(([, path = ""]) => path);
  assert.equal(named.length, 3);
  for (const path of named) await access(join(folder, path));
}

/** The packages that the sources import, those of dialects among them. Imports of types alone do not count. */
async function importedPackages(): Promise<ReadonlySet<string>> {
  const form = /^import (?!type )[^"]*? from "((?:@[^/"]+\/)?[^./"@:][^/":]*)(?:\/[^"]*)?"/gm;
  const paths = (await readdir(join(ROOT, "src"), { recursive: true })).filter((path) => path.endsWith(".ts"));
  const texts = await Promise.all(paths.map((path) => readFile(join(ROOT, "src", path), "utf8")));
  return new Set(texts.flatMap((text) => [...text.matchAll(form)].map(([, name = ""]) => name)));
}

/** Whatever the bundle has from other packages, their licences are next to it; what is installed by npm is not inside. */
async function assertNoticesThere(folder: string): Promise<void> {
  const text = await readFile(join(folder, "dist/THIRD-PARTY-NOTICES.txt"), "utf8");
  const { dependencies } = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as { dependencies: object };
  assert.deepEqual(Object.keys(dependencies), ["better-sqlite3", "node"]);
  const imported = await importedPackages();
  assert.ok(imported.has("prom-client") && imported.has("better-sqlite3"));
  for (const name of imported) {
    const notice = new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(.+\\)$`, "m");
    if (name in dependencies) assert.doesNotMatch(text, notice);
    else assert.match(text, notice);
  }
}

test("the packages install elsewhere: npx serves, any Node starts it, and the client type-checks and calls", async (t) => {
  const folder = await temporaryFolder(t);
  const { service, client } = await pack(folder);
  assertLean(t, service);
  const home = join(folder, "stranger");
  if (!(await install(t, home, join(folder, service.filename)))) return;
  const installed = join(home, "node_modules/lockkeeper");
  await assertUnitCopies(installed);
  await assertNoticesThere(installed);
  await assertProtosCompile(t, join(installed, "proto"));
  const version = await runCommand(strangersNode(), [join(installed, "bin/lockkeeper.cjs"), "--version"]);
  assert.deepEqual(version, { code: 0, stdout: `${readVersion()}\n`, stderr: "" });
  const { url, stop } = await npxServe(t, home);
  await assertClientWorks(t, { folder, tarball: client, url });
  for (const path of ["/docs", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "/openapi.json"]) {
    assert.equal((await fetch(url + path)).status, 200, path);
  }
  // A port that serves only one of the dialects would not be ready.
  for (let tries = 0; (await fetch(`${url}/readyz`)).status !== 200; tries++) {
    if (tries > 100) assert.fail("the dialects do not load");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await stop();
});

async function assertClientWorks(
  t: TestContext,
  { folder, tarball, url }: { readonly folder: string; readonly tarball: Packed; readonly url: string },
): Promise<void> {
  const paths = tarball.files.map(({ path }) => path);
  assert.deepEqual(
    paths.filter((path) => !/^(?:LICENSE|README\.md|package\.json|dist\/.+(?:\.js|\.d\.ts))$/.test(path)),
    [],
  );
  assert.ok(paths.includes("LICENSE") && paths.includes("README.md"));
  assert.ok(tarball.size < CLIENT_BYTES_MAX, `${tarball.size} bytes`);
  const home = join(folder, "caller");
  if (!(await install(t, home, join(folder, tarball.filename)))) return;
  assert.equal(findProgram("node", join(home, "node_modules/.bin")), undefined, "it would replace the caller's Node");
  const bytes = await bytesBelow(join(home, "node_modules"));
  assert.ok(bytes < CLIENT_INSTALLED_BYTES_MAX, `${bytes} bytes are installed`);
  t.diagnostic(`the client's tarball has ${tarball.size} bytes; installed with what it needs: ${bytes}`);
  await writeFile(join(home, "program.ts"), PROGRAM);
  await writeFile(join(home, "process.d.ts"), PROCESS);
  const examples = await readExamples();
  assert.ok(examples.length >= 6);
  for (const [index, code] of examples.entries()) {
    await writeFile(join(home, `example-${index}.ts`), code.replaceAll(DOCUMENTED_URL, url));
  }
  const imports = examples.map((_, index) => `await import("./example-${index}.js");\n`);
  await writeFile(join(home, "examples.ts"), `${imports.join("")}export {};\n`);
  await writeFile(join(home, "tsconfig.json"), JSON.stringify({ compilerOptions: COMPILER_OPTIONS }));
  const checked = await runCommand(join(ROOT, "node_modules/.bin/tsc"), ["-p", home]);
  assert.equal(checked.code, 0, checked.stdout);
  const environment = strangersEnvironment({ KEY: ADMIN_KEY });
  const ran = await runCommand(strangersNode(), [join(home, "program.js"), url, ADMIN_KEY], { environment });
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
  const examplesRan = await runCommand(strangersNode(), [join(home, "examples.js")], { environment });
  assert.deepEqual(examplesRan, { code: 0, stdout: examples.map(printedBy).join(""), stderr: "" });
}

/** The oldest protoc that we name is 3.15; what is installed is newer, and older than what knows all of the options. */
async function assertProtosCompile(t: TestContext, folder: string): Promise<void> {
  const protoc = findProgram("protoc");
  if (protoc === undefined) {
    t.diagnostic("there is no protoc on PATH: whether the shipped protos compile was not tried");
    return;
  }
  const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith(".proto"));
  assert.ok(files.length > 15);
  const { code, stderr } = await runCommand(protoc, ["-I", folder, "--descriptor_set_out=/dev/null", ...files]);
  assert.equal(code, 0, stderr);
  // The line for each language, if its compiler's plugins are on this machine.
  const page = await readFile(join(ROOT, "docs/clients.md"), "utf8");
  const lines = [...page.matchAll(/^(?<line>(?:protoc|python3) .*?) +# (?<language>\w+): (?<needs>.*)$/gm)].map(
    ({ groups }) => groups,
  );
  assert.deepEqual(
    lines.map((each) => each?.language),
    ["Go", "Python", "Java"],
  );
  for (const each of lines) {
    const { line = "", language = "", needs = "" } = each ?? {};
    const missing = needs
      .split(", ")
      .filter((need) => !need.startsWith("protoc-gen-") || findProgram(need) === undefined);
    if (missing.length > 0) {
      t.diagnostic(`the line for ${language} was not run: ${missing.join(", ")} is not on PATH`);
      continue;
    }
    const ran = await runCommand("sh", ["-c", line], { folder });
    assert.equal(ran.code, 0, ran.stderr);
  }
}
