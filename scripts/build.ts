/** Makes `dist/`, what the npm package ships: the sources as JavaScript, the client's types, and the viewer of /docs. */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { VIEWER_FILES } from "../src/server/reference.ts";

const ROOT = join(import.meta.dirname, "..");
const DIST = join(ROOT, "dist");
const VIEWER = join(ROOT, "node_modules/swagger-ui-dist");
const BUILD = join(ROOT, "tsconfig.build.json");

function compile(...args: readonly string[]): void {
  const tsc = spawnSync(join(ROOT, "node_modules/.bin/tsc"), args, { stdio: "inherit", cwd: ROOT });
  if (tsc.status !== 0) process.exit(1);
}

/** Only code has its imports rewritten by the compiler; types of `./a.ts` would have every reader look for sources. */
function nameCompiledFiles(): void {
  for (const name of readdirSync(DIST, { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".d.ts")) continue;
    const file = join(DIST, name);
    writeFileSync(file, readFileSync(file, "utf8").replace(/(["'])(\.{1,2}\/[^"']+)\.ts\1/g, "$1$2.js$1"));
  }
}

rmSync(DIST, { recursive: true, force: true });
compile("-p", BUILD);
// Nobody can import anything but the client, so that nothing else needs types.
compile("-p", join(ROOT, "tsconfig.types.json"));
nameCompiledFiles();
mkdirSync(join(DIST, "swagger-ui"));
for (const file of [...Object.keys(VIEWER_FILES), "LICENSE", "NOTICE", "swagger-ui-bundle.js.LICENSE.txt"]) {
  copyFileSync(join(VIEWER, file), join(DIST, "swagger-ui", file));
}
