/** The OpenAPI document of a running service: valid, complete in both directions, and as strict as the service. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { type DescMethod, type DescService, getOption, hasOption, type JsonObject } from "@bufbuild/protobuf";
import { Validator } from "@seriousme/openapi-schema-validator";
import { http } from "../../gen/google/api/annotations_pb.ts";
import { EXAMPLES } from "../../src/openapi/examples.ts";
import { ADMIN_KEY, startService } from "../support/service.ts";
import {
  at,
  exampleBody,
  isConnect,
  operationsOf,
  readDocument,
  refusalsIn,
  schemaChecker,
  send,
} from "./support/operations.ts";

const GEN = join(import.meta.dirname, "../../gen/lockkeeper");

/** Every service of our contract, wherever it is mounted. */
async function servicesOfOurs(): Promise<readonly DescService[]> {
  const files = readdirSync(GEN, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith("_service_pb.ts"),
  );
  const modules = await Promise.all(files.map((file) => import(join(GEN, file)) as Promise<Record<string, unknown>>));
  return modules
    .flatMap((module) => Object.values(module))
    .filter((each): each is DescService => (each as Partial<DescService>).kind === "service");
}

function unaryMethods(services: readonly DescService[]): readonly DescMethod[] {
  return services.flatMap(({ methods }) => methods).filter(({ methodKind }) => methodKind === "unary");
}

/** `METHOD /path` of each rule, read from the options alone. */
function restPathsOf(method: DescMethod): readonly string[] {
  if (!hasOption(method, http)) return [];
  const rule = getOption(method, http);
  return [rule, ...rule.additionalBindings].map(({ pattern }) => {
    assert.ok(pattern.case !== undefined && pattern.case !== "custom");
    return `${pattern.case.toUpperCase()} ${pattern.value}`;
  });
}

async function documentOf(t: TestContext): Promise<{ readonly url: string; readonly document: JsonObject }> {
  const { url } = await startService(t);
  return { url, document: await readDocument(url) };
}

describe("the OpenAPI document", () => {
  test("is valid OpenAPI 3.1, and the validator finds invalid documents", async (t) => {
    const { document } = await documentOf(t);
    const validator = new Validator();
    assert.deepEqual(await validator.validate(document), { valid: true });
    assert.equal(validator.version, "3.1");
    assert.equal((await validator.validate({ ...document, paths: { "/x": { get: 1 } } })).valid, false);
  });

  test("has each REST path and each Connect path of the unary RPCs, and no other", async (t) => {
    const { url, document } = await documentOf(t);
    const methods = unaryMethods(await servicesOfOurs());
    const expected = methods.flatMap((method) => [
      ...restPathsOf(method),
      `POST /${method.parent.typeName}/${method.name}`,
    ]);
    const operations = operationsOf(document);
    const described = operations.map(({ method, path }) => `${method} ${path}`);
    assert.deepEqual(described.toSorted(), expected.toSorted());
    assert.ok(described.length > 70, `${described.length} operations`);
    // Each is served: without a credential the service asks for one; an unknown path gets another answer.
    for (const operation of operations) {
      const { status } = await send(url, operation, {});
      assert.equal(status, 401, `${operation.method} ${operation.path}`);
    }
  });

  test("each operation has a unique id and a description, and each reference has a target", async (t) => {
    const { document } = await documentOf(t);
    const operations = operationsOf(document);
    assert.equal(new Set(operations.map(({ operationId }) => operationId)).size, operations.length);
    for (const { object, operationId } of operations) {
      assert.match(`${object.summary}`, /^[A-Z].*\.$/, operationId);
      assert.match(`${object.description}`, /Needs [a-z.]+/, operationId);
    }
    const text = JSON.stringify(document);
    // Comments of the contract have proto names; readers of this document send JSON.
    const named = [...text.matchAll(/`[a-z]+_[a-z_]+`/g)].map(([name]) => name);
    assert.deepEqual(named, ["`failed_precondition`"], "a code of Connect, no field");
    const references = new Set([...text.matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path ?? ""));
    assert.ok(references.size > 50);
    for (const reference of references) assert.ok(at(document, ...reference.split("/")), reference);
    // A service with only streams has a description and no operation.
    const tags = (document.tags as JsonObject[]).filter(({ description }) => !/^Streams/m.test(`${description}`));
    const used = new Set(operations.map(({ tag }) => tag));
    for (const { name } of tags) assert.ok(used.has(String(name)), `${name}`);
    for (const tag of used) assert.ok(JSON.stringify(document.tags).includes(`"name":"${tag}"`), tag);
  });

  test("each operation shows its own refusals, which match the schema, and omits those that no call gets", async (t) => {
    const { document } = await documentOf(t);
    const faultsOf = schemaChecker(document);
    const operations = new Map(operationsOf(document).map((each) => [each.operationId, each]));
    for (const [name, { value }] of Object.entries(
      at(document, "components", "examples") as Record<string, JsonObject>,
    )) {
      const schema = name.startsWith("rest") ? "google.rpc.Status" : "connect.Error";
      assert.deepEqual(faultsOf(`/components/schemas/${schema}`, value ?? null), [], name);
    }
    const shownBy = (operationId: string, status: number): readonly string[] => {
      const operation = operations.get(operationId);
      assert.ok(operation !== undefined, operationId);
      return Object.keys(refusalsIn(document, operation, status));
    };
    assert.deepEqual(shownBy("UserService_LockUser", 404), ["USER_NOT_FOUND"]);
    assert.deepEqual(shownBy("UserService_LockUser_Connect", 400), [
      "USER_ALREADY_LOCKED",
      "FIELD_INVALID",
      "REQUEST_ID_REUSED",
      "REQUEST_MALFORMED",
    ]);
    assert.deepEqual(shownBy("UserService_ListUsers", 404), []);
    assert.deepEqual(shownBy("UserService_ListUsers", 409), []);
    assert.deepEqual(shownBy("UserService_ListUsers", 413), ["REQUEST_TOO_LARGE"]);
    assert.deepEqual(shownBy("AdminService_WhoAmI", 403), []);
  });

  test("has an example for each unary RPC", async () => {
    const methods = unaryMethods(await servicesOfOurs());
    const names = methods.map((method) => `${method.parent.typeName}/${method.name}`);
    assert.deepEqual(Object.keys(EXAMPLES).toSorted(), names.toSorted());
  });

  test("is public, has an ETag, and is missing with --docs false", async (t) => {
    const { url } = await startService(t);
    const first = await fetch(`${url}/openapi.json`);
    const etag = first.headers.get("etag") ?? "";
    assert.match(etag, /^"[\w-]{22}-gzip"$/);
    const again = await fetch(`${url}/openapi.json`, { headers: { "if-none-match": etag } });
    assert.deepEqual([again.status, await again.text()], [304, ""]);
    const other = await fetch(`${url}/openapi.json`, { headers: { "if-none-match": '"other"' } });
    assert.equal(other.status, 200);
    assert.equal((await fetch(`${url}/openapi.json`, { method: "POST" })).status, 405);
    assert.equal((await fetch(`${url}/openapi.json/x`)).status, 404);
    const without = await startService(t, { config: { docs: false } });
    for (const path of ["/openapi.json", "/docs", "/docs/swagger-ui.css"]) {
      assert.equal((await fetch(without.url + path)).status, 404, path);
    }
  });
});

/** Bodies that the schema refuses, made from the example: one for each rule of a top-level property. */
function spoiled(schema: JsonObject, example: JsonObject): readonly (readonly [what: string, body: JsonObject])[] {
  const properties = schema.properties as Record<string, JsonObject>;
  const without = (name: string): JsonObject =>
    Object.fromEntries(Object.entries(example).filter(([each]) => each !== name));
  return [
    ["an unknown member", { ...example, noSuchMember: 1 }],
    ...((schema.required ?? []) as string[]).map((name) => [`no ${name}`, without(name)] as const),
    ...Object.entries(properties).flatMap(([name, { maxLength, pattern, type, const: only, minimum }]) => [
      ...(maxLength === undefined
        ? []
        : [[`a long ${name}`, { ...example, [name]: "A".repeat(Number(maxLength) + 1) }] as const]),
      ...(pattern === undefined ? [] : [[`a strange ${name}`, { ...example, [name]: "é ?" }] as const]),
      ...(type === "boolean" ? [[`a text as ${name}`, { ...example, [name]: "yes" }] as const] : []),
      ...(only === true ? [[`false as ${name}`, { ...example, [name]: false }] as const] : []),
      ...(minimum === 0 ? [[`a negative ${name}`, { ...example, [name]: -1 }] as const] : []),
    ]),
  ];
}

test("the service refuses what the schemas refuse, rule by rule", async (t) => {
  const { url, document } = await documentOf(t);
  const faultsOf = schemaChecker(document);
  let count = 0;
  for (const operation of operationsOf(document).filter(isConnect)) {
    const content = `${operation.pointer}/requestBody/content/application~1json/schema`;
    const schema = at(operation.object, "requestBody", "content", "application/json", "schema") as JsonObject;
    for (const [what, body] of spoiled(schema, exampleBody(operation) ?? {})) {
      const label = `${operation.operationId}, ${what}`;
      assert.notDeepEqual(faultsOf(content, body), [], label);
      const sent = await send(url, operation, { key: ADMIN_KEY, body });
      assert.equal(sent.status, 400, `${label}: ${JSON.stringify(sent.body)}`);
      count++;
    }
  }
  assert.ok(count > 150, `${count} bodies`);
  t.diagnostic(`${count} bodies refused by schema and service alike`);
});
