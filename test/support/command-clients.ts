/** Clients that are programs of their own, driven to LockUser, UnlockUser and BanUser: curl and buf curl. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { JsonObject } from "@bufbuild/protobuf";
import { UserService } from "../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { type Codings, headersOf, type JourneyClient } from "./journey-clients.ts";
import { refusedByConnectJson, refusedByStatusJson } from "./outcome.ts";
import { runCommand } from "./run-command.ts";

/** How many programs run at once. */
const COMMANDS_MAX = 3;

const BUF = join(import.meta.dirname, "../../node_modules/.bin/buf");

/** The verb behind a user's path. */
const VERBS = { LockUser: "lock", UnlockUser: "unlock", BanUser: "ban" } as const;

export function bufCurlClients(url: string): JourneyClient[] {
  const turn = turnstile(COMMANDS_MAX);
  const rows = [
    ["grpc", "grpc", "HTTP/2"],
    ["grpcweb", "grpc-web", "HTTP/1.1"],
    ["grpcweb", "grpc-web", "HTTP/2"],
    ["connect", "connect", "HTTP/1.1"],
    ["connect", "connect", "HTTP/2"],
  ] as const;
  return rows.map(([protocol, wire, http]) => ({
    name: `buf curl ${protocol}, ${http}`,
    wire,
    close: () => undefined,
    call: (rpc, request, key) =>
      turn(async () => {
        const { code, stdout, stderr } = await runCommand(BUF, [
          "curl",
          ...(http === "HTTP/2" ? ["--http2-prior-knowledge"] : []),
          ...["--protocol", protocol, "-d", JSON.stringify(request)],
          ...Object.entries(headersOf(key)).flatMap(([name, value]) => ["-H", `${name}: ${value}`]),
          `${url}/${UserService.typeName}/${rpc}`,
        ]);
        if (code === 0) return { answer: JSON.parse(stdout) as JsonObject };
        assert.match(stderr, /^\{/, `buf curl ended with ${code}: ${stderr}`);
        return refusedByConnectJson(JSON.parse(stderr) as JsonObject);
      }),
  }));
}

/** JSON on the Connect path and on the REST path × HTTP/1.1 and HTTP/2 × identity and gzip. */
export function curlClients(url: string): JourneyClient[] {
  const turn = turnstile(COMMANDS_MAX);
  const clients: JourneyClient[] = [];
  for (const wire of ["connect", "rest"] as const) {
    for (const http of ["1.1", "2"] as const) {
      for (const zipped of [false, true]) {
        const codings: Codings = { sent: 0, received: 0 };
        clients.push({
          name: `curl ${wire === "rest" ? "REST" : "Connect"}, HTTP/${http}, ${zipped ? "gzip" : "identity"}`,
          wire,
          codings,
          close: () => undefined,
          call: (rpc, request, key) =>
            turn(async () => {
              const { userId, ...rest } = request;
              const verbPath = `/v1/users/${encodeURIComponent(String(userId))}:${VERBS[rpc]}`;
              const path = wire === "rest" ? verbPath : `/${UserService.typeName}/${rpc}`;
              const body = JSON.stringify(wire === "rest" ? rest : request);
              const { status, json } = await curl({ url: url + path, http, zipped, key, body, codings });
              if (status === 200) return { answer: json };
              return wire === "rest" ? refusedByStatusJson(json) : refusedByConnectJson(json);
            }),
        });
      }
    }
  }
  return clients;
}

interface Curl {
  readonly url: string;
  readonly http: "1.1" | "2";
  readonly zipped: boolean;
  readonly key: string | undefined;
  readonly body: string;
  readonly codings: Codings;
}

async function curl({ url, http, zipped, key, body, codings }: Curl): Promise<{ status: number; json: JsonObject }> {
  const { code, stdout, stderr } = await runCommand(
    "curl",
    [
      ...["-sS", "--max-time", "20", "--data-binary", "@-", "-H", "content-type: application/json"],
      http === "2" ? "--http2-prior-knowledge" : "--http1.1",
      ...(zipped ? ["--compressed", "-H", "content-encoding: gzip"] : []),
      ...Object.entries(headersOf(key)).flatMap(([name, value]) => ["-H", `${name}: ${value}`]),
      ...["-w", "\n%{http_code} %{http_version} %{content_type} %header{content-encoding}", url],
    ],
    { stdin: zipped ? gzipSync(body) : body },
  );
  assert.equal(code, 0, stderr);
  const end = stdout.lastIndexOf("\n");
  const [status, version, contentType, contentEncoding] = stdout.slice(end + 1).split(" ");
  assert.equal(version, http);
  assert.equal(contentType, "application/json");
  if (zipped) codings.sent++;
  if (contentEncoding === "gzip") codings.received++;
  return { status: Number(status), json: JSON.parse(stdout.slice(0, end)) };
}

/** Lets so many through at once. */
function turnstile(max: number): <T>(act: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let inside = 0;
  return async (act) => {
    if (inside >= max) await new Promise<void>((resolve) => waiting.push(resolve));
    else inside++;
    try {
      return await act();
    } finally {
      const next = waiting.shift();
      if (next === undefined) inside--;
      else next();
    }
  };
}
