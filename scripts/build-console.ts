/** Builds the browser console into console/dist, or serves its sources to a browser while they are written. */
import { existsSync, globSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { InlineConfig } from "vite";

const ROOT = join(import.meta.dirname, "..");
const CONSOLE = join(ROOT, "console");
const DIST = join(CONSOLE, "dist");
/** Its time is that of the build. */
const STAMP = join(DIST, ".built");

/** What the bundle is made of. What npm installs changes with its lock. */
const SOURCES = ["console/{src/**/*,index.html,package.json}", "gen/lockkeeper/**/*_pb.ts", "package-lock.json"];

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
export async function buildConsole(): Promise<void> {
  const { build } = await import("vite");
  // Next to it first: a service that runs meanwhile has a whole one.
  const folder = join(CONSOLE, `.dist-${process.pid}`);
  await build({
    ...SETTINGS,
    logLevel: "warn",
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
  writeFileSync(join(folder, ".built"), "");
  rmSync(DIST, { recursive: true, force: true });
  renameSync(folder, DIST);
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

/** A start without the console is better than none. */
async function buildIfStale(): Promise<void> {
  if (/^false$/i.test(process.env.LOCKKEEPER_CONSOLE ?? "") || !isConsoleStale()) return;
  try {
    process.stdout.write("building the browser console, once after each change of its sources\n");
    await buildConsole();
  } catch (error) {
    const cause = error instanceof Error ? error.message.split("\n")[0] : String(error);
    process.stderr.write(
      `the browser console cannot be built here, so the service starts without it or with an older one: ${cause}\n`,
    );
  }
}

if (import.meta.main) {
  const [mode = "always", service = "http://127.0.0.1:8080"] = process.argv.slice(2);
  if (mode === "dev") await serveSources(service);
  else if (mode === "if-stale") await buildIfStale();
  else await buildConsole();
}
