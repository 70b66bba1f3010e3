/** Serves the API reference to anyone: `/openapi.json`, and the page at `/docs` that shows it. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { DescService } from "@bufbuild/protobuf";
import { RPC_PERMISSIONS } from "../../auth/permissions.ts";
import { REASONS } from "../../domain/refusal.ts";
import type { RestPolicy } from "../../transcoding/policy.ts";
import type { RouteMount } from "../../transcoding/route-table.ts";
import { acceptsGzip, encodeContent } from "../../transport/exchange/content-coding.ts";
import { type HttpAnswer, type HttpMount, mountHttp } from "../../transport/mount.ts";
import { readVersion } from "../../version.ts";
import { answerPage, fileOf, kept, type Make, redirectTo, type Strangers, type TakeTurn } from "./public-page.ts";

const VERSION = readVersion();

/** The files of swagger-ui-dist that the page needs, with their types; the build copies them next to the compiled sources. */
export const VIEWER_FILES: Readonly<Record<string, string>> = {
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  "swagger-ui.css": "text/css; charset=utf-8",
  "favicon-32x32.png": "image/png",
};

const DESCRIPTION = `Locks, unlocks and bans user accounts next to a login. One handler set answers REST, Connect, gRPC and gRPC-Web; this
page has the REST paths and, under the tags "(Connect)", the Connect ones with JSON.

JSON follows the proto3 mapping: 64-bit numbers are strings, times are RFC 3339, names are lowerCamelCase. Unknown members
and query parameters are refused. Dialects (\`--dialects\`) are not described here; health is \`grpc.health.v1\`,
\`/healthz\` and \`/readyz\`.`;

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>lockkeeper ${VERSION}</title>
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="stylesheet" href="/docs/page.css">
</head>
<body>
<div id="reference"></div>
<noscript>This page needs JavaScript; the same is at <a href="/openapi.json">/openapi.json</a>.</noscript>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

/** No response has links. Without their column, and with long names broken, the tables fit on a phone. */
const STYLE = `.swagger-ui .response-col_links { display: none }
.swagger-ui table { table-layout: fixed; width: 100% }
.swagger-ui .response-col_status, .swagger-ui .parameters-col_name { width: 30% }
.swagger-ui td, .swagger-ui th, .swagger-ui .renderedMarkdown, .swagger-ui .opblock-summary-path { overflow-wrap: anywhere }
@media (max-width: 640px) {
  .swagger-ui .wrapper, .swagger-ui .opblock-section-header, .swagger-ui .table-container, .swagger-ui .responses-inner { padding-left: 8px; padding-right: 8px }
  .swagger-ui .parameters-col_name, .swagger-ui .parameters-col_description { display: block; width: 100% }
  .swagger-ui .parameters-col_description input, .swagger-ui .parameters-col_description select, .swagger-ui textarea { max-width: 100%; min-width: 0 }
  .swagger-ui .opblock .opblock-summary, .swagger-ui .response-controls, .swagger-ui .opblock-tag { flex-wrap: wrap }
  .swagger-ui .opblock-tag small { flex-basis: 100%; order: 1; padding: 0 }
  .swagger-ui .response-control-examples, .swagger-ui .examples-select-element { flex-basis: 100%; max-width: 100%; width: 100% }
}
`;

/**
 * No validator and no stored credential: the page calls this service alone. The viewer's own filter compares only the
 * names of tags; this one shows the operations that have every word in their names, path or sentence. Every path of Connect
 * has the name of the package, so that counts only if it is typed whole, with its dots.
 */
const START = `const filter = () => ({
  fn: {
    opsFilter: (tags, phrase) => {
      const words = phrase.toLowerCase().split(/\\s+/).filter((word) => word !== "");
      const textOf = (each, tag) => {
        const path = each.get("path");
        const near = path.replace(/^\\/[\\w.]*\\.(?=\\w+\\/\\w+$)/, "/");
        const { operationId, summary } = each.get("operation").toObject();
        return [path, [each.get("method"), near, operationId, summary, tag].join(" ").toLowerCase()];
      };
      const has = ([path, text], word) => text.includes(word) || (word.includes(".") && path.toLowerCase().includes(word));
      return tags
        .map((tag, name) =>
          tag.update("operations", (all) => all.filter((each) => words.every((word) => has(textOf(each, name), word)))))
        .filter((tag) => !tag.get("operations").isEmpty());
    },
  },
});
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayOperationId: true,
  filter: true,
  plugins: [filter],
  onComplete: () =>
    document.querySelector(".operation-filter-input")?.setAttribute("placeholder", "Method, path or words"),
  validatorUrl: null,
});
`;

const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  // The viewer's style sheet contains its icons.
  "img-src 'self' data:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** The part of a mount that the document describes. */
interface Described {
  readonly service: DescService;
  readonly options: { readonly rest?: RestPolicy; readonly methods?: readonly string[] };
}

/** A document as it is and, if that is shorter, as gzip. */
interface Held {
  readonly plain: HttpAnswer;
  readonly zipped: HttpAnswer;
}

/** Returns the mounts of the document and its page. `mounts`: the services; those with REST paths are described. */
export function referenceMounts(mounts: readonly Described[], strangers: Strangers): HttpMount<never>[] {
  const page = held(async () => fileOf("text/html; charset=utf-8", Buffer.from(PAGE)));
  const files = Object.entries(VIEWER_FILES).map(([name, type]): [string, Make] => [
    `/docs/${name}`,
    held(async () => fileOf(type, await readFile(join(viewerFolder(), name)))),
  ]);
  const pages: ReadonlyMap<string, Make> = new Map<string, Make>([
    [
      "/openapi.json",
      held(async (takeTurn) => fileOf("application/json", Buffer.from(await createDocument(mounts, takeTurn)))),
    ],
    ["/docs", page],
    ["/docs/", page],
    ["/docs/page.css", held(async () => fileOf("text/css; charset=utf-8", Buffer.from(STYLE)))],
    ["/docs/start.js", held(async () => fileOf("text/javascript; charset=utf-8", Buffer.from(START)))],
    ...files,
  ]);
  const header = { "content-security-policy": CONTENT_SECURITY_POLICY };
  const options = { strangers, operation: "reference", header, paths: PATHS };
  return [
    // A person who opens the address in a browser wants to read.
    mountHttp("/", (call) => answerPage(call, toDocs, options), { isExact: true }),
    ...PATHS.map((prefix) => mountHttp<never>(prefix, (call) => answerPage(call, pages.get(call.path), options))),
  ];
}

const PATHS = ["/openapi.json", "/docs"] as const;

const toDocs = held(async () => redirectTo("/docs", "the reference is at /docs, for programs at /openapi.json\n"));

function held(make: (takeTurn: TakeTurn) => Promise<HttpAnswer>): Make {
  const both = kept(async (takeTurn) => withZipped(await make(takeTurn)));
  return async (acceptEncoding, takeTurn) => {
    const { plain, zipped } = await both(takeTurn);
    return acceptsGzip(acceptEncoding) ? zipped : plain;
  };
}

async function withZipped(plain: HttpAnswer): Promise<Held> {
  const body = await encodeContent("gzip", plain.body);
  if (body === undefined || body.byteLength >= plain.body.byteLength) return { plain, zipped: plain };
  const etag = String(plain.header.etag).replace(/"$/, '-gzip"');
  return { plain, zipped: { ...plain, body, header: { ...plain.header, etag, "content-encoding": "gzip" } } };
}

async function createDocument(mounts: readonly Described[], takeTurn: TakeTurn): Promise<string> {
  // Loaded at the first request: a service whose reference nobody reads pays nothing. One after another, because Node
  // compiles what it loads together in one turn.
  const { COMMENTS } = await import("../../../gen/lockkeeper/comments.ts");
  await takeTurn();
  const { EXAMPLES } = await import("../../openapi/examples.ts");
  await takeTurn();
  const { refusalsOf } = await import("../../openapi/refusals.ts");
  await takeTurn();
  const { createOpenApi } = await import("../../openapi/document.ts");
  await takeTurn();
  const document = await createOpenApi({
    title: "lockkeeper",
    description: DESCRIPTION,
    version: VERSION,
    mounts: mounts.flatMap(toRouteMount),
    comments: COMMENTS,
    reasons: REASONS,
    refusalsOf: (method) => refusalsOf(method, RPC_PERMISSIONS),
    examples: EXAMPLES,
    takeTurn,
  });
  await takeTurn();
  return JSON.stringify(document);
}

function toRouteMount({ service, options }: Described): readonly RouteMount[] {
  const { rest: policy, methods: names } = options;
  if (policy === undefined) return [];
  const methods = service.methods.filter(({ localName }) => names?.includes(localName) ?? true);
  return [{ service, methods, policy }];
}

/** Returns the folder of the viewer: the build copies it next to the bundle; sources read it where npm installed it. */
function viewerFolder(): string {
  if (import.meta.filename.endsWith(".js")) return join(import.meta.dirname, "swagger-ui");
  return dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
}
