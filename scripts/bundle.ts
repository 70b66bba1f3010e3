/** Bundles the service for the npm package: few files load in a fraction of the time that hundreds take. */
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build, type Metafile, type Plugin } from "esbuild";
import { type BundledPackage, noticesOf } from "./notices.ts";

const ROOT = join(import.meta.dirname, "..");
const MAIN = join(ROOT, "src/main.ts");

/** A file that runs as a thread: the code that starts it names it in this form, so none can be forgotten here. */
const THREAD_FORM = /new URL\("(\.{1,2}\/[^"]+\.ts)", import\.meta\.url\)/g;

/** The folder of the innermost package to which a file belongs. */
const PACKAGE_FORM = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/;

/** What `pg` asks for on demand, and never here: a native driver, and the sockets of another runtime. */
const OPTIONAL = ["pg-native", "pg-cloudflare"];

/** CommonJS packages inside ask for Node's modules by `require`, which modules do not have. */
const REQUIRE = 'const require = process.getBuiltinModule("node:module").createRequire(import.meta.url);';

/** Bundles src/main.ts and all threads into a folder, flat, with the notices of the packages that are inside. */
export async function bundleService(folder: string): Promise<void> {
  const threads = findThreads();
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [MAIN, ...threads],
    entryNames: "[name]",
    outdir: folder,
    bundle: true,
    // What is imported on demand, such as a dialect, stays a file that is loaded on demand.
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    external: [...installed(), ...OPTIONAL],
    // Not minified: stack traces keep their names, and a comment above each module names its source.
    banner: { js: REQUIRE },
    plugins: [threadNames(new Set(threads))],
    metafile: true,
    logLevel: "warning",
  });
  writeFileSync(join(folder, "THIRD-PARTY-NOTICES.txt"), noticesOf(packagesIn(metafile)));
}

/** Returns the packages that stay outside, since the package's manifest has npm install them: better-sqlite3 is native. */
function installed(): string[] {
  const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { readonly dependencies: object };
  return Object.keys(manifest.dependencies);
}

/** Returns the files that run as threads. Throws when two have the same name: the bundle puts all into one folder. */
function findThreads(): readonly string[] {
  const files = globSync("src/**/*.ts", { cwd: ROOT }).map((file) => join(ROOT, file));
  const threads = [...new Set(files.flatMap((file) => threadsIn(file, readFileSync(file, "utf8"))))];
  const names = [MAIN, ...threads].map((file) => basename(file));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`two files that run by themselves are called ${twice}: rename one of them`);
  return threads;
}

function threadsIn(file: string, text: string): readonly string[] {
  return [...text.matchAll(THREAD_FORM)].map(([, path = ""]) => fileURLToPath(new URL(path, pathToFileURL(file))));
}

/** Names each thread by its bundled file, which is next to the file that starts it. */
function threadNames(threads: ReadonlySet<string>): Plugin {
  return {
    name: "thread names",
    setup({ onLoad }) {
      onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => {
        const text = readFileSync(path, "utf8");
        const contents = text.replace(THREAD_FORM, (form, thread: string) => {
          const file = fileURLToPath(new URL(thread, pathToFileURL(path)));
          if (!threads.has(file)) return form;
          return `new URL("./${basename(file, ".ts")}.js", import.meta.url)`;
        });
        return { contents, loader: "ts" };
      });
    },
  };
}

/** Returns the packages that have parts in the bundle, by name. */
function packagesIn({ outputs }: Metafile): readonly BundledPackage[] {
  const packages = new Map<string, Set<string>>();
  for (const { inputs } of Object.values(outputs)) {
    for (const [file, { bytesInOutput }] of Object.entries(inputs)) {
      const folder = PACKAGE_FORM.exec(file)?.[0];
      if (folder === undefined || bytesInOutput === 0) continue;
      packages.set(folder, (packages.get(folder) ?? new Set()).add(join(ROOT, file)));
    }
  }
  return [...packages].sort().map(([folder, files]) => ({ folder: join(ROOT, folder), files: [...files].sort() }));
}
