/** Makes what the npm packages ship: `dist/` with the bundled service, the console and the viewer of /docs, `proto/google`, and the client. */
import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { VIEWER_FILES } from "../src/server/pages/reference.ts";
import { buildConsole } from "./build-console.ts";
import { bundleService } from "./bundle.ts";

const ROOT = join(import.meta.dirname, "..");
const DIST = join(ROOT, "dist");
const CLIENT = join(ROOT, "clients/typescript");
const VIEWER = join(ROOT, "node_modules/swagger-ui-dist");
const GOOGLE_PROTOS = join(ROOT, "node_modules/google-gax/build/protos");

function compile(project: string): void {
  const tsc = spawnSync(join(ROOT, "node_modules/.bin/tsc"), ["-p", project], { stdio: "inherit", cwd: ROOT });
  if (tsc.status !== 0) process.exit(1);
}

/** The compiler rewrites the imports of code only; a type that imports `./a.ts` would send every reader to the sources. */
function nameCompiledFiles(folder: string): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".d.ts")) continue;
    const file = join(folder, name);
    writeFileSync(file, readFileSync(file, "utf8").replace(/(["'])(\.{1,2}\/[^"']+)\.ts\1/g, "$1$2.js$1"));
  }
}

async function buildService(): Promise<void> {
  rmSync(DIST, { recursive: true, force: true });
  await bundleService(DIST);
  mkdirSync(join(DIST, "swagger-ui"));
  for (const file of [...Object.keys(VIEWER_FILES), "LICENSE", "NOTICE", "swagger-ui-bundle.js.LICENSE.txt"]) {
    copyFileSync(join(VIEWER, file), join(DIST, "swagger-ui", file));
  }
}

/** Copies the protos of Google's that ours import, so that `protoc -I proto` needs nothing else. */
function copyGoogleProtos(): void {
  const target = join(ROOT, "proto/google");
  rmSync(target, { recursive: true, force: true });
  const wanted = importsOf(join(ROOT, "proto"));
  for (const path of wanted) {
    mkdirSync(dirname(join(ROOT, "proto", path)), { recursive: true });
    copyFileSync(join(GOOGLE_PROTOS, path), join(ROOT, "proto", path));
    for (const more of importsIn(join(GOOGLE_PROTOS, path))) wanted.add(more);
  }
}

/** What the files of a folder import of Google's, but for what comes with every compiler. */
function importsOf(folder: string): Set<string> {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".proto"));
  // No message of ours has the details of errors: each error carries them as an Any.
  return new Set(["google/rpc/error_details.proto", ...files.flatMap((file) => importsIn(join(folder, file)))]);
}

function importsIn(file: string): readonly string[] {
  // The compiler's own descriptor.proto does not know `debug_redact` before protoc 22; distributions still have 21.
  const form = /^import (?:public )?"(google\/(?:api\/.+|rpc\/.+|protobuf\/descriptor\.proto))";/gm;
  return [...readFileSync(file, "utf8").matchAll(form)].map(([, path = ""]) => path);
}

function buildClient(): void {
  rmSync(join(CLIENT, "dist"), { recursive: true, force: true });
  compile(join(CLIENT, "tsconfig.json"));
  nameCompiledFiles(join(CLIENT, "dist"));
  cpSync(join(ROOT, "LICENSE"), join(CLIENT, "LICENSE"));
}

/** Next to the bundle, where the service looks for it. */
function copyConsole(): void {
  cpSync(join(ROOT, "console/dist"), join(DIST, "console"), {
    recursive: true,
    filter: (file) => !file.endsWith("/.built"),
  });
}

await Promise.all([buildService(), buildConsole()]);
copyConsole();
copyGoogleProtos();
buildClient();
