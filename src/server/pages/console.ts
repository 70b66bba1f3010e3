/** Serves the browser console to anyone at `/console`: the files that its build made, and what the page has to know. */
import { existsSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { findPackageJSON } from "node:module";
import { dirname, extname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { IssuerConfig } from "../../auth/oidc-config.ts";
import { acceptsCoding } from "../../transport/exchange/content-coding.ts";
import { type HttpAnswer, type HttpCall, type HttpMount, mountHttp } from "../../transport/mount.ts";
import { readVersion } from "../../version.ts";
import { answerPage, fileOf, kept, type Make, redirectTo, type Strangers, textOf } from "./public-page.ts";

const ROOT_PATH = "/console";
const ASSETS_PATH = `${ROOT_PATH}/assets/`;
const PAGE = "index.html";
/** The licences of what the page is bundled with. */
const NOTICES_PATH = `${ROOT_PATH}/THIRD-PARTY-NOTICES.txt`;

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
};

/** The codings that the build makes of each file, the shortest first. */
const CODINGS = [
  { name: "br", suffix: ".br" },
  { name: "gzip", suffix: ".gz" },
] as const;

/** The name of a file has the hash of its content, so it never changes. */
const FOREVER = { "cache-control": "public, max-age=31536000, immutable" };

const NOT_BUILT = "the console is not built here; in the repository `node scripts/build-console.ts` builds it\n";

/**
 * Returns the mounts of the console, and of `/`, which leads to it; where the console was not built, a mount that says so.
 * `folder`: of the build. All of it is read when something is first asked for, and kept: another build under a running
 * service changes nothing before the next start, and no page gets files of two builds.
 */
export function consoleMounts(
  issuers: readonly IssuerConfig[],
  strangers: Strangers,
  folder: string = consoleFolder(),
): HttpMount<never>[] {
  const options = { strangers, operation: "console", header: headerOf(issuers), paths: [ROOT_PATH] };
  if (!existsSync(join(folder, PAGE))) {
    const notBuilt: Make = async () => textOf(404, NOT_BUILT, {});
    return [mountHttp<never>(ROOT_PATH, (call) => answerPage(call, notBuilt, options))];
  }
  const settings = JSON.stringify(settingsOf(issuers));
  const config: Make = async () => fileOf("application/json", Buffer.from(settings));
  const built = kept(() => readBuild(folder));
  const makeOf = async (call: HttpCall<never>): Promise<Make | undefined> => {
    const { path } = call;
    if (path === `${ROOT_PATH}/config.json`) return config;
    const files = await built(() => call.takeTurn());
    const isFile = path.startsWith(ASSETS_PATH) || path === NOTICES_PATH;
    // Every other path is a page of the console, which its own router shows.
    return files.get(isFile ? path.slice(ROOT_PATH.length + 1) : PAGE);
  };
  const toConsole: Make = async () =>
    redirectTo(ROOT_PATH, "the console is at /console, the reference at /docs, for programs at /openapi.json\n");
  return [
    mountHttp<never>("/", (call) => answerPage(call, toConsole, options), { isExact: true }),
    mountHttp<never>(ROOT_PATH, async (call) => answerPage(call, await makeOf(call), options)),
  ];
}

/** Returns the folder of the built console: the build copies it next to the bundle; sources read it where it was built. */
function consoleFolder(): string {
  if (import.meta.filename.endsWith(".js")) return join(import.meta.dirname, "console");
  return join(dirname(findPackageJSON(import.meta.url) ?? ""), "console/dist");
}

/** One build replaces another within the time of two calls. */
const READS_MAX = 3;
const AGAIN_MS = 100;

/** Reads a whole build: how to make each file, by its path. Rejects where none stays in place for long enough. */
async function readBuild(folder: string): Promise<ReadonlyMap<string, Make>> {
  for (let reads = 1; ; reads++) {
    try {
      const before = await stat(join(folder, PAGE));
      const contents = new Map([
        ...(await contentsOf(folder, "")),
        ...(await contentsOf(join(folder, "assets"), "assets/")),
      ]);
      const after = await stat(join(folder, PAGE));
      if (before.ino === after.ino && before.mtimeMs === after.mtimeMs) return makesOf(contents);
    } catch (error) {
      if (reads === READS_MAX) throw error;
    }
    if (reads === READS_MAX) throw new Error(`${folder} was changed while it was read`);
    await setTimeout(AGAIN_MS);
  }
}

/** Returns what is in the files of a folder, by name. */
async function contentsOf(folder: string, prefix: string): Promise<readonly (readonly [string, Buffer])[]> {
  const files = (await readdir(folder, { withFileTypes: true })).filter((each) => each.isFile());
  return await Promise.all(files.map(async ({ name }) => [prefix + name, await readFile(join(folder, name))] as const));
}

/** Returns how to make each file. No other path leads to a file. */
function makesOf(contents: ReadonlyMap<string, Buffer>): ReadonlyMap<string, Make> {
  return new Map(
    [...contents.keys()].flatMap((name): [string, Make][] => {
      const type = TYPES[extname(name)];
      return type === undefined ? [] : [[name, makeFile(contents, name, type)]];
    }),
  );
}

function makeFile(contents: ReadonlyMap<string, Buffer>, name: string, type: string): Make {
  const header = name.startsWith("assets/") ? FOREVER : {};
  const made = (content: Buffer, more: Readonly<Record<string, string>>) =>
    kept(async (): Promise<HttpAnswer> => {
      const file = fileOf(type, content);
      return { ...file, header: { ...file.header, ...header, ...more } };
    });
  const plain = made(contents.get(name) ?? Buffer.alloc(0), {});
  const coded = CODINGS.flatMap(({ name: coding, suffix }) => {
    const content = contents.get(name + suffix);
    return content === undefined ? [] : [{ coding, make: made(content, { "content-encoding": coding }) }];
  });
  return (acceptEncoding, takeTurn) => {
    const make = coded.find((each) => acceptsCoding(acceptEncoding, each.coding))?.make ?? plain;
    return make(takeTurn);
  };
}

/** What the page has to know before anybody signs in. Anyone may read it. */
function settingsOf(issuers: readonly IssuerConfig[]): object {
  return {
    version: readVersion(),
    issuers: issuers.flatMap(({ issuer, console: own }) => (own === undefined ? [] : [{ issuer, ...own }])),
  };
}

/** The page signs in at the issuers and calls this service; it loads nothing from elsewhere, and no text becomes code. */
function headerOf(issuers: readonly IssuerConfig[]): Readonly<Record<string, string>> {
  const origins = issuers.flatMap(({ issuer, console: own }) => (own === undefined ? [] : [new URL(issuer).origin]));
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    ["connect-src 'self'", ...new Set(origins)].join(" "),
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ];
  return { "content-security-policy": policy.join("; "), "cross-origin-opener-policy": "same-origin" };
}
