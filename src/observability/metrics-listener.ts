/** A separate port for `GET /metrics`: cleartext, without a credential, and nothing else on it. */
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import type { Metrics } from "./metrics.ts";

export const METRICS_PATH = "/metrics";

/** A scraper sends a head of a few hundred bytes at once. */
const REQUEST_MS_MAX = 10_000;
const CONNECTIONS_MAX = 64;

export interface MetricsListener {
  readonly url: string;
  /** Accepts no more scrapes and cuts off those in progress. */
  close(): Promise<void>;
}

/** What a scrape reads. In a serving thread it is that of the main thread. */
export type Exposition = Pick<Metrics, "contentType" | "text">;

/** The answer to a scrape. Header names are lower case. */
export interface MetricsAnswer {
  readonly status: number;
  readonly header: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/**
 * Opens the port; 0 picks a free one. Rejects if it cannot listen. `onTrouble` is called with the cause of a failed
 * scrape.
 */
export async function listenForMetrics(
  metrics: Metrics,
  { host, port }: { readonly host: string; readonly port: number },
  onTrouble: (error: unknown) => void,
): Promise<MetricsListener> {
  const server = http.createServer({ requestTimeout: REQUEST_MS_MAX, headersTimeout: REQUEST_MS_MAX });
  server.maxConnections = CONNECTIONS_MAX;
  server.on("request", (request, response) => {
    answerScrape(metrics, request.method ?? "", request.url ?? "").then(
      ({ status, header, body }) => {
        response.writeHead(status, { ...header, "content-length": body.byteLength });
        response.end(request.method === "HEAD" ? undefined : body);
      },
      (error: unknown) => {
        onTrouble(error);
        response.destroy();
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${bound}${METRICS_PATH}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The body of a scrape. */
export async function readMetrics(metrics: Exposition): Promise<MetricsAnswer> {
  const header = { "content-type": metrics.contentType, "cache-control": "no-store" };
  return { status: 200, header, body: Buffer.from(await metrics.text()) };
}

/** `target`: the path, and a query that is ignored. */
async function answerScrape(metrics: Metrics, method: string, target: string): Promise<MetricsAnswer> {
  const path = target.split("?", 1)[0];
  if (path !== METRICS_PATH) return answerText(404, `only ${METRICS_PATH} is served here`);
  if (method !== "GET" && method !== "HEAD") {
    return answerText(405, `${METRICS_PATH} does not allow ${method}; it allows GET, HEAD`, { allow: "GET, HEAD" });
  }
  return await readMetrics(metrics);
}

function answerText(status: number, text: string, header: Readonly<Record<string, string>> = {}): MetricsAnswer {
  return { status, header: { ...header, "content-type": "text/plain" }, body: Buffer.from(`${text}\n`) };
}
