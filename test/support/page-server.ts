/** Serves a page and the modules it needs, straight from the sources and node_modules: what a bundler would make. */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import * as http from "node:http";
import { stripTypeScriptTypes } from "node:module";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import type { TestContext } from "node:test";

const ROOT = join(import.meta.dirname, "../..");
const PACKAGES = ["@bufbuild/protobuf", "@connectrpc/connect", "@connectrpc/connect-web", "grpc-web"];
const SERVED = ["/gen/", "/node_modules/", "/test/support/"];

interface Manifest {
  readonly module?: string;
  readonly exports?: Readonly<Record<string, string | { readonly import?: string }>>;
}

/** A server of its own on a free port, and so an origin of its own. It closes with the test. */
export async function startPageServer(t: TestContext, entry: string): Promise<{ readonly origin: string }> {
  const page = `<!doctype html><meta charset="utf-8"><title>page</title><link rel="icon" href="data:,">
<script type="importmap">${JSON.stringify({ imports: await importMap() })}</script>
<script type="module" src="${entry}"></script>`;
  const server = http.createServer((request, response) => {
    serve(page, request.url ?? "").then(
      ({ type, text }) => response.writeHead(200, { "content-type": type }).end(text),
      (error: unknown) => response.writeHead(404).end(String(error)),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** What bare names mean, from the packages' own manifests. */
async function importMap(): Promise<Record<string, string>> {
  const imports: Record<string, string> = {};
  for (const name of PACKAGES) {
    const text = await readFile(join(ROOT, "node_modules", name, "package.json"), "utf8");
    const { exports = {}, module } = JSON.parse(text) as Manifest;
    const entries = Object.entries(module === undefined ? exports : { ".": module, ...exports });
    for (const [path, target] of entries) {
      const file = typeof target === "string" ? target : target.import;
      if (file?.endsWith(".js")) imports[join(name, path)] = join("/node_modules", name, file);
    }
  }
  return imports;
}

async function serve(page: string, path: string): Promise<{ type: string; text: string }> {
  if (path === "/") return { type: "text/html", text: page };
  const file = normalize(path);
  if (!SERVED.some((folder) => file.startsWith(folder))) throw new Error(`${path} is not served`);
  const text = await readFile(join(ROOT, file), "utf8");
  return { type: "text/javascript", text: extname(file) === ".ts" ? stripTypeScriptTypes(text) : text };
}
