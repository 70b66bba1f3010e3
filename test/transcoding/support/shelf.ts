/** The test services: shelf.proto, compiled once per process, and functions that call the library with it. */
import { execFileSync } from "node:child_process";
import {
  clone,
  create,
  createFileRegistry,
  createRegistry,
  type DescMessage,
  type DescMethod,
  fromBinary,
  type Message,
  type MessageInitShape,
  setExtension,
  toJson,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema, MethodDescriptorProtoSchema, MethodOptionsSchema } from "@bufbuild/protobuf/wkt";
import type { ConnectError } from "@connectrpc/connect";
import { http } from "../../../gen/google/api/annotations_pb.ts";
import type { HttpRuleSchema } from "../../../gen/google/api/http_pb.ts";
import { HttpRuleSchema as ruleSchema } from "../../../gen/google/api/http_pb.ts";
import { BadRequestSchema, ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { decodeScanned, scanBody } from "../../../src/transcoding/decode.ts";
import { nativeRestPolicy, type RestPolicy } from "../../../src/transcoding/policy.ts";
import type { Route } from "../../../src/transcoding/route.ts";
import { createRouteTable, type RouteMatch, type RouteTable } from "../../../src/transcoding/route-table.ts";

const ROOT = new URL("../../../", import.meta.url).pathname;
const GOOGLE = "node_modules/google-gax/build/protos";
const MODULES = [{ path: "test/transcoding/support" }, { path: GOOGLE, includes: [`${GOOGLE}/google/api`] }];

const image = execFileSync(
  `${ROOT}node_modules/.bin/buf`,
  [
    ...["build", ".", "--config", JSON.stringify({ version: "v2", modules: MODULES })],
    ...["--path", "test/transcoding/support/shelf.proto", "-o", "-"],
  ],
  { cwd: ROOT, maxBuffer: 16 * 1024 * 1024 },
);
const files = createFileRegistry(fromBinary(FileDescriptorSetSchema, image));

export function message(name: string): DescMessage {
  const desc = files.getMessage(name.includes(".") ? name : `shelf.v1.${name}`);
  if (desc === undefined) throw new Error(`shelf.proto has no message ${name}`);
  return desc;
}

function service(name: string) {
  const desc = files.getService(`shelf.v1.${name}`);
  if (desc === undefined) throw new Error(`shelf.proto has no service ${name}`);
  return desc;
}

export const shelf = service("ShelfService");
export const bare = service("BareService");

/** The messages of shelf.proto and one kind of error detail. */
export const registry = createRegistry(
  message("Profile"),
  message("Book"),
  message("google.protobuf.Timestamp"),
  ErrorInfoSchema,
);

export function policy(overrides: Partial<RestPolicy> = {}): RestPolicy {
  return nativeRestPolicy({ registry, ...overrides });
}

/** Returns a method of BareService with a rule; a new descriptor each time. */
export function bind(rule: MessageInitShape<typeof HttpRuleSchema>, localName = "unary"): DescMethod {
  const method = bare.method[localName];
  if (method === undefined) throw new Error(`BareService has no method ${localName}`);
  const proto = clone(MethodDescriptorProtoSchema, method.proto);
  proto.options ??= create(MethodOptionsSchema);
  setExtension(proto.options, http, create(ruleSchema, rule));
  return { ...method, proto };
}

export function tableOf(methods: readonly DescMethod[], overrides: Partial<RestPolicy> = {}): RouteTable {
  return createRouteTable([{ service: bare, methods, policy: policy(overrides) }]);
}

/** Returns the routes of ShelfService. */
export function shelfTable(overrides: Partial<RestPolicy> = {}): RouteTable {
  return createRouteTable([{ service: shelf, methods: shelf.methods, policy: policy(overrides) }]);
}

const native = shelfTable();

export function matchOf(httpMethod: string, target: string, table = native): RouteMatch {
  const answer = table.match(httpMethod, target);
  if (answer.kind !== "match") throw new Error(`${httpMethod} ${target} is ${answer.kind}`);
  return answer;
}

export function routeOf(httpMethod: string, target: string, table = native): Route {
  return matchOf(httpMethod, target, table).route;
}

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export interface Call {
  readonly body?: string | Uint8Array;
  /** Null: none is sent. */
  readonly contentType?: string | null;
  readonly overrides?: Partial<RestPolicy>;
}

/** Decodes in both steps, as a mount does. */
export function decodeRequest(match: RouteMatch, contentType: string | undefined, body: Uint8Array): Message {
  return decodeScanned(match, contentType, body, scanBody(match.route, contentType, body));
}

/** Matches and decodes a request, and returns it as JSON without defaults. */
export function decode(httpMethod: string, target: string, call: Call = {}): unknown {
  const table = call.overrides === undefined ? native : shelfTable(call.overrides);
  const found = matchOf(httpMethod, target, table);
  const body = typeof call.body === "string" ? utf8(call.body) : (call.body ?? new Uint8Array(0));
  const contentType = call.contentType === undefined ? "application/json" : (call.contentType ?? undefined);
  return toJson(found.route.method.input, decodeRequest(found, contentType, body), { registry });
}

/** Returns the fields that the error's BadRequest detail names. */
export function violations(error: ConnectError): string[] {
  return error.findDetails(BadRequestSchema).flatMap((detail) => detail.fieldViolations.map(({ field }) => field));
}
