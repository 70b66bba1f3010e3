/** Builds the browser console into console/dist, or serves its sources to a browser while they are written. */
import { existsSync, globSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { build, InlineConfig } from "vite";
import { type BundledPackage, noticesOf } from "./notices.ts";

const ROOT = join(import.meta.dirname, "..");
const CONSOLE = join(ROOT, "console");
const DIST = join(CONSOLE, "dist");
/** Its time is that of the build. */
const STAMP = join(DIST, ".built");

/** What the bundle is made of. What npm installs changes with its lock. */
const SOURCES = ["console/{src/**/*,index.html,package.json}", "gen/lockkeeper/**/*_pb.ts", "package-lock.json"];

/** The folder of the innermost package to which a file belongs. */
const PACKAGE_FORM = /^\/(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/;

const CODED = /\.(?:css|html|js|svg)$/;

/** Preact in place of React: the first page is 81 kB with it and 130 kB without, and all tests hold. */
const PREACT = [
  { find: /^react-dom\/client$/, replacement: "preact/compat/client" },
  { find: /^react(?:-dom)?$/, replacement: "preact/compat" },
  { find: /^react\/jsx(?:-dev)?-runtime$/, replacement: "preact/jsx-runtime" },
];

const SETTINGS: InlineConfig = {
  configFile: false,
  root: CONSOLE,
  base: "/console/",
  resolve: { alias: PREACT },
};

/** Returns whether a file that the console is made of is newer than the console. */
export function isConsoleStale(): boolean {
  if (!existsSync(STAMP)) return true;
  const built = statSync(STAMP).mtimeMs;
  return globSync([...SOURCES, "scripts/build-console.ts"], { cwd: ROOT }).some(
    (file) => statSync(join(ROOT, file)).mtimeMs > built,
  );
}

/** Builds the console into console/dist, each file also compressed. Rejects where what builds it is not installed. */
export async function buildConsole(logLevel: InlineConfig["logLevel"] = "warn"): Promise<void> {
  const vite = await import("vite");
  // Next to it first: a service that runs meanwhile has a whole one.
  const folder = join(CONSOLE, `.cache/dist-${process.pid}`);
  const output = await vite.build({
    ...SETTINGS,
    logLevel,
    build: {
      outDir: folder,
      emptyOutDir: true,
      // The first that have light-dark() in style sheets.
      target: ["chrome123", "firefox120", "safari17.5"],
      // The polyfill and inlined files would need what the content security policy refuses.
      modulePreload: { polyfill: false },
      assetsInlineLimit: 0,
      reportCompressedSize: false,
      rolldownOptions: {
        // "use client" of libraries means nothing here.
        onwarn: (warning, warn) => warning.code !== "MODULE_LEVEL_DIRECTIVE" && warn(warning),
      },
    },
  });
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((each) => CODED.test(each))) {
    const file = join(folder, name);
    const text = readFileSync(file);
    const params = { [constants.BROTLI_PARAM_SIZE_HINT]: text.byteLength };
    writeFileSync(`${file}.br`, brotliCompressSync(text, { params }));
    writeFileSync(`${file}.gz`, gzipSync(text, { level: 9 }));
  }
  writeFileSync(join(folder, "THIRD-PARTY-NOTICES.txt"), noticesOf(packagesIn(output)));
  writeFileSync(join(folder, ".built"), "");
  rmSync(DIST, { recursive: true, force: true });
  renameSync(folder, DIST);
}

/** Returns the packages that have parts in the bundle, by name. */
function packagesIn(output: Awaited<ReturnType<typeof build>>): readonly BundledPackage[] {
  const chunks = [output].flat().flatMap((each) => ("output" in each ? each.output : []));
  const files = chunks.flatMap((chunk) => (chunk.type === "chunk" ? chunk.moduleIds : []));
  const packages = Map.groupBy(files.map(fileOf), (file) => PACKAGE_FORM.exec(file)?.[0] ?? "");
  packages.delete("");
  return [...packages].sort().map(([folder, of]) => ({ folder, files: [...new Set(of)].sort() }));
}

/** Without what a bundler adds to the names of modules. */
function fileOf(moduleId: string): string {
  return moduleId.replace(/^\0/, "").replace(/\?.*$/, "");
}

/** Serves the sources at port 5173; what is not the console's goes to a service. `service`: its URL. */
async function serveSources(service: string): Promise<void> {
  const { createServer } = await import("vite");
  const proxied = { target: service, changeOrigin: true };
  const server = await createServer({
    ...SETTINGS,
    server: { port: 5173, proxy: { "^/lockkeeper\\.": proxied, "^/console/config\\.json$": proxied } },
  });
  await server.listen();
  server.printUrls();
}

/** Builds it if its sources changed. Says what keeps it from that in one line: a start without the console is better than none. */
export async function buildIfStale(): Promise<void> {
  if (!isConsoleStale()) return;
  try {
    process.stdout.write("building the browser console, once after each change of its sources\n");
    await buildConsole("silent");
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const cause = stripVTControlCharacters(text).replaceAll(/\s+/g, " ").slice(0, 300);
    const rest = existsSync(STAMP) ? "with an older one" : "without it";
    process.stderr.write(`the browser console cannot be built here, so the service starts ${rest}: ${cause}\n`);
  }
}

if (import.meta.main) {
  const [mode = "always", service = "http://127.0.0.1:8080"] = process.argv.slice(2);
  if (mode === "dev") await serveSources(service);
  else await buildConsole();
}
