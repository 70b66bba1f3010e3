/** HTTP/1.1 requests whose path, headers and body go out as they are: no client normalises or refuses them first. */
import * as http from "node:http";
import { ADMIN_KEY } from "./service.ts";

/** An answer that takes longer is a hang. */
const ANSWER_TIMEOUT_MS = 30_000;

export interface HttpAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

export interface HttpRequest {
  readonly method?: string;
  /** Sent with `content-type: application/json` unless `headers` says otherwise. */
  readonly body?: string | Uint8Array;
  /** `undefined` leaves a header out that would be sent otherwise. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** Absent: the owner's. `null`: no credential is sent. */
  readonly key?: string | null;
}

/** One request, to the end of its answer. */
export function httpRequest(url: string, path: string, request: HttpRequest = {}): Promise<HttpAnswer> {
  const { body, key = ADMIN_KEY } = request;
  const { hostname, port } = new URL(url);
  const headers = Object.fromEntries(
    Object.entries({
      ...(body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      ...request.headers,
    }).filter(([, value]) => value !== undefined),
  ) as http.OutgoingHttpHeaders;
  return new Promise((resolve, reject) => {
    const method = request.method ?? (body === undefined ? "GET" : "POST");
    const sent = http.request({ hostname, port, path, method, headers, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("error", reject);
      answer.on("end", () => {
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text: Buffer.concat(chunks).toString() });
      });
    });
    sent.setTimeout(ANSWER_TIMEOUT_MS, () => sent.destroy(new Error(`no answer to ${method} ${path}`)));
    sent.on("error", reject);
    sent.end(body);
  });
}
