/** Serves the browser console to anyone at `/console`: the files that its build made, and what the page has to know. */
import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { findPackageJSON } from "node:module";
import { dirname, extname, join } from "node:path";
import type { IssuerConfig } from "../../auth/oidc-config.ts";
import { acceptsCoding } from "../../transport/exchange/content-coding.ts";
import { type HttpAnswer, type HttpMount, mountHttp } from "../../transport/mount.ts";
import { readVersion } from "../../version.ts";
import { answerPage, fileOf, kept, type Make, redirectTo, type Strangers, textOf } from "./public-page.ts";

const ROOT_PATH = "/console";
const ASSETS_PATH = `${ROOT_PATH}/assets/`;
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
 * Reads the names of its files now, and their content when they are first asked for.
 */
export function consoleMounts(issuers: readonly IssuerConfig[], strangers: Strangers): HttpMount<never>[] {
  const options = { strangers, operation: "console", header: headerOf(issuers), paths: [ROOT_PATH] };
  const folder = consoleFolder();
  const files = makesOf(folder, {});
  const page = files.get("index.html");
  const assets = makesOf(join(folder, "assets"), FOREVER);
  if (page === undefined || assets.size === 0) {
    const notBuilt: Make = async () => textOf(404, NOT_BUILT, {});
    return [mountHttp<never>(ROOT_PATH, (call) => answerPage(call, notBuilt, options))];
  }
  const settings = JSON.stringify(settingsOf(issuers));
  const config: Make = async () => fileOf("application/json", Buffer.from(settings));
  const makeOf = (path: string): Make | undefined => {
    if (path === `${ROOT_PATH}/config.json`) return config;
    if (path === NOTICES_PATH) return files.get(NOTICES_PATH.slice(ROOT_PATH.length + 1));
    // Every other path is a page of the console, which its own router shows.
    return path.startsWith(ASSETS_PATH) ? assets.get(path.slice(ASSETS_PATH.length)) : page;
  };
  const toConsole: Make = async () =>
    redirectTo(ROOT_PATH, "the console is at /console, the reference at /docs, for programs at /openapi.json\n");
  return [
    mountHttp<never>("/", (call) => answerPage(call, toConsole, options), { isExact: true }),
    mountHttp<never>(ROOT_PATH, (call) => answerPage(call, makeOf(call.path), options)),
  ];
}

/** Returns the folder of the built console: the build copies it next to the bundle; sources read it where it was built. */
function consoleFolder(): string {
  if (import.meta.filename.endsWith(".js")) return join(import.meta.dirname, "console");
  return join(dirname(findPackageJSON(import.meta.url) ?? ""), "console/dist");
}

/** Returns how to make each file of a folder, by name; none where there is no folder. No other path reaches the disk. */
function makesOf(folder: string, header: Readonly<Record<string, string>>): ReadonlyMap<string, Make> {
  if (!existsSync(folder)) return new Map();
  const names = new Set(readdirSync(folder));
  return new Map(
    [...names].flatMap((name): [string, Make][] => {
      const type = TYPES[extname(name)];
      return type === undefined ? [] : [[name, makeFile({ folder, name, names, type, header })]];
    }),
  );
}

interface BuiltFile {
  readonly folder: string;
  readonly name: string;
  /** All names in the folder. */
  readonly names: ReadonlySet<string>;
  readonly type: string;
  readonly header: Readonly<Record<string, string>>;
}

function makeFile({ folder, name, names, type, header }: BuiltFile): Make {
  const read = (suffix: string, more: Readonly<Record<string, string>>) =>
    kept(async (): Promise<HttpAnswer> => {
      const file = fileOf(type, await readFile(join(folder, `${name}${suffix}`)));
      return { ...file, header: { ...file.header, ...header, ...more } };
    });
  const plain = read("", {});
  const coded = CODINGS.filter(({ suffix }) => names.has(`${name}${suffix}`)).map((coding) => ({
    name: coding.name,
    make: read(coding.suffix, { "content-encoding": coding.name }),
  }));
  return (acceptEncoding, takeTurn) => {
    const make = coded.find((each) => acceptsCoding(acceptEncoding, each.name))?.make ?? plain;
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
