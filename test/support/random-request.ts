/** Requests for any RPC on any wire with random contents. */
import { type DescMethod, getOption, hasOption, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf";
import { http as httpRule } from "../../gen/google/api/annotations_pb.ts";
import type { HttpRule } from "../../gen/google/api/http_pb.ts";
import type { Random } from "./random.ts";
import { randomMessage, randomString, type Temper } from "./random-message.ts";
import { frame, type RawRequest } from "./wires.ts";

export interface GeneratedRequest {
  /** For the person who reads what went wrong. */
  readonly wire: string;
  readonly http: "1.1" | "2";
  readonly request: RawRequest;
}

/** No call waits longer: an attempt behind others would wait for ten seconds. */
const DEADLINE_MS = 200;

/** A call of one of `methods` on a wire by chance, without a credential. */
export function randomRequest(random: Random, methods: readonly DescMethod[]): GeneratedRequest {
  const method = random.pick(methods);
  const temper = random.pick(["likely", "wild"] as const);
  const message = randomMessage(random, method.input, temper);
  const bytes = Buffer.from(toBinary(method.input, message));
  const json = jsonOf(() => toJson(method.input, message));
  const http = random.pick(["1.1", "2"] as const);
  const kind = random.below(10);
  if (kind < 3 && json !== undefined && hasOption(method, httpRule)) {
    return { wire: "REST", http, request: restRequest(random, { rule: getOption(method, httpRule), json, temper }) };
  }
  const path = `/${method.parent.typeName}/${method.name}`;
  const rpc = (wire: string, type: string, body: Buffer, version = http): GeneratedRequest => ({
    wire,
    http: version,
    request: { path, headers: { "content-type": type, ...deadlineOf(type), ...teOf(version) }, body },
  });
  const text = json === undefined ? undefined : Buffer.from(JSON.stringify(json));
  if (kind === 3) return rpc("gRPC-Web", "application/grpc-web+proto", frame(bytes));
  if (kind === 4) {
    return rpc("gRPC-Web in text", "application/grpc-web-text", Buffer.from(frame(bytes).toString("base64")));
  }
  if (kind === 5) return rpc("Connect", "application/proto", bytes);
  if (kind >= 6 && kind < 8 && text !== undefined) return rpc("Connect with JSON", "application/json", text);
  return rpc("gRPC", "application/grpc", frame(bytes), "2");
}

/** A message that has no JSON form, such as one with a time beyond the year 9999, goes out in binary only. */
function jsonOf(make: () => JsonValue): JsonValue | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}

interface RestCall {
  readonly rule: HttpRule;
  readonly json: JsonValue;
  readonly temper: Temper;
}

function restRequest(random: Random, { rule, json, temper }: RestCall): RawRequest {
  const { pattern } = random.pick([rule, ...rule.additionalBindings]);
  const [method, template] =
    pattern.case === "custom"
      ? [pattern.value.kind, pattern.value.path]
      : [(pattern.case ?? "get").toUpperCase(), pattern.value ?? "/"];
  const path = template.replaceAll(/\{[^}]*\}/g, () => encodeURIComponent(randomString(random, temper)).slice(0, 600));
  const query =
    random.below(4) === 0
      ? `?${random.pick(["pageSize", "states", "validateOnly", "x", "filter.y"])}=${random.below(5)}`
      : "";
  const body = rule.body === "" ? Buffer.alloc(0) : Buffer.from(JSON.stringify(json));
  const type: Record<string, string> = rule.body === "" ? {} : { "content-type": "application/json" };
  return { method, path: path + query, headers: { ...type, ...deadlineOf("application/json") }, body };
}

function deadlineOf(type: string): Record<string, string> {
  return type.startsWith("application/grpc")
    ? { "grpc-timeout": `${DEADLINE_MS}m` }
    : { "connect-timeout-ms": `${DEADLINE_MS}` };
}

function teOf(version: "1.1" | "2"): Record<string, string> {
  return version === "2" ? { te: "trailers" } : {};
}
