/** Documents of services with every form of rule, field and body: the generator supports more than ours uses. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { create, type DescService, type JsonObject, type JsonValue, toJson } from "@bufbuild/protobuf";
import { Validator } from "@seriousme/openapi-schema-validator";
import { createOpenApi } from "../../src/openapi/document.ts";
import { nativeRestPolicy } from "../../src/transcoding/policy.ts";
import { bare, message, registry, shelf } from "../transcoding/support/shelf.ts";
import { at, operationsOf, schemaChecker } from "./support/operations.ts";

/** These have bindings with `**`, several segments in one variable, or any HTTP method. */
const UNSAYABLE = ["GetBook", "Probe"];

function documentOf(service: DescService, without: readonly string[] = []): Promise<JsonObject> {
  const methods = service.methods.filter(({ name }) => !without.includes(name));
  return createOpenApi({
    title: "shelf",
    description: "",
    version: "1.2.3",
    mounts: [{ service, methods, policy: nativeRestPolicy({ registry }) }],
    comments: { "shelf.v1.Profile.email": "Where to write." },
    reasons: { NOT_ALLOWED: ["PERMISSION_DENIED", "No."] },
    refusalsOf: () => ({ kind: "read", own: {}, shared: { NOT_ALLOWED: { message: "no" } } }),
    examples: {},
    takeTurn: () => undefined,
  });
}

/** The names of the query parameters of an operation. */
function queryOf(document: JsonObject, method: string, path: string): readonly string[] {
  const parameters = (at(document, "paths", path, method, "parameters") ?? []) as JsonObject[];
  return parameters.filter((each) => each.in === "query").map(({ name }) => String(name));
}

const document = await documentOf(shelf, UNSAYABLE);

describe("the document of any service", () => {
  test("is valid", async () => {
    assert.deepEqual(await new Validator().validate(document), { valid: true });
  });

  test("omits streams and says so", async () => {
    const described = operationsOf(document).map(({ path }) => path);
    assert.ok(described.includes("/shelf.v1.ShelfService/Unbound"));
    assert.deepEqual(
      described.filter((path) => /watch|download/i.test(path)),
      [],
    );
    assert.match(JSON.stringify(document.tags), /Streams, which OpenAPI cannot describe: Watch, Download\./);
    const onlyStreams = await documentOf(bare, ["Unary", "Other"]);
    assert.deepEqual([(onlyStreams.tags as JsonValue[]).length, onlyStreams.paths], [1, {}]);
  });

  test("names the path that it cannot express", async () => {
    await assert.rejects(documentOf(shelf, ["Probe"]), /shelf\.v1\.ShelfService\.GetBook \(GET .*cannot express/);
    await assert.rejects(
      documentOf(shelf, ["GetBook"]),
      /ShelfService\.Probe \(\* \/v1\/any\/\{name\}\).*cannot express/,
    );
  });

  test("has a query parameter for each field that a query can set, with dotted names, except those of path and body", () => {
    const find = queryOf(document, "get", "/v1/find");
    for (const name of ["shelf", "i64", "tags", "profile.email", "profile.passPhrase", "at", "mask", "boxed"]) {
      assert.ok(find.includes(name), name);
    }
    for (const name of ["profile", "profile.manager.email", "readers", "labels", "attributes", "any"]) {
      assert.ok(!find.includes(name), name);
    }
    assert.ok(!queryOf(document, "get", "/v1/find/{shelf}").includes("shelf"));
    assert.ok(!queryOf(document, "post", "/v1/find").some((name) => name.startsWith("profile")));
    assert.deepEqual(queryOf(document, "put", "/v1/profiles/{profile.email}"), []);
    const email = (at(document, "paths", "/v1/find", "get", "parameters") as JsonObject[]).find(
      ({ name }) => name === "profile.email",
    );
    assert.deepEqual(email, {
      name: "profile.email",
      description: "Where to write.",
      schema: { type: "string" },
      in: "query",
      required: false,
    });
  });

  test("has the bodies that the rules bind", () => {
    const body = (method: string, path: string): JsonValue | undefined =>
      at(document, "paths", path, method, "requestBody", "content");
    const json = (content: JsonValue | undefined): JsonObject =>
      at(content, "application/json", "schema") as JsonObject;
    assert.ok(!("name" in (json(body("post", "/v1/books/{name}:lock")).properties as JsonObject)));
    assert.ok("profile" in (json(body("put", "/v1/profiles/{profile.email}")).properties as JsonObject));
    assert.equal(json(body("patch", "/v1/books/{book.name}")).$ref, "#/components/schemas/shelf.v1.Book");
    assert.deepEqual(json(body("put", "/v1/notes")), { type: "array", items: { type: "string" } });
    assert.deepEqual(body("post", "/v1/upload/{name}"), { "*/*": { schema: {} } });
    assert.equal(body("get", "/v1/find"), undefined);
    const answer = at(document, "paths", "/v1/list/total", "get", "responses", "200", "content");
    assert.equal(json(answer).type, "string");
  });
});

test("the schemas accept the JSON that protobuf-es writes, and refuse what only looks like it", () => {
  const faultsOf = schemaChecker(document);
  const scalars = message("Scalars");
  const init = {
    i32: -5,
    u32: 4_000_000_000,
    i64: -(2n ** 63n),
    u64: 2n ** 64n - 1n,
    f64: 7n,
    real: 1.5,
    flag: true,
    text: "t",
    data: new Uint8Array([1, 2, 255]),
    colour: 1,
    at: { seconds: 1n, nanos: 500_000_000 },
    wait: { seconds: -3n, nanos: 0 },
    mask: { paths: ["a_b", "c"] },
    label: "l",
    amount: 9n,
    tags: ["a"],
    colours: [1, 2],
    labels: { a: "b" },
    attributes: { x: [1, null, { y: true }] },
    choice: { case: "right", value: 4 },
  };
  const json = toJson(scalars, create(scalars, init), { registry }) as JsonObject;
  const pointer = "/components/schemas/shelf.v1.Scalars";
  assert.ok(Object.keys(json).length >= 20);
  assert.deepEqual(faultsOf(pointer, json), []);
  const wrong: JsonObject = {
    i32: "5",
    u32: -1,
    i64: 5,
    u64: "-1",
    flag: 1,
    colour: "RED",
    wait: "PT3S",
    mask: ["a"],
    amount: 9,
    tags: "a",
    colours: ["COLOUR_PINK"],
    labels: { a: 1 },
    attributes: [],
    any: {},
    left: "two members of one oneof",
  };
  for (const [name, value] of Object.entries(wrong)) {
    assert.notDeepEqual(faultsOf(pointer, { ...json, [name]: value }), [], name);
  }
});
