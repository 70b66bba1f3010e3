/** Routing by the policies of transcoding.md §3.1, and the rules that are refused at the start. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createRouteTable, type RouteAnswer } from "../../src/transcoding/route-table.ts";
import { bare, bind, policy, shelf, shelfTable, tableOf } from "./support/shelf.ts";

type Rule = Exclude<Parameters<typeof bind>[0], { $typeName: string }>;

const get = (path: string): Rule => ({ pattern: { case: "get", value: path } });
const post = (path: string, body = ""): Rule => ({ pattern: { case: "post", value: path }, body });

/** Describes an answer: the template and its captures, or the allowed methods, or the kind of answer. */
function show(answer: RouteAnswer): string {
  switch (answer.kind) {
    case "match":
      return [answer.route.template.text, ...answer.captures.map((text) => JSON.stringify(text))].join(" ");
    case "method_not_allowed":
      return `405 ${answer.allow.join(",")}`;
    default:
      return answer.kind;
  }
}

const OVERLAPPING = [
  get("/v1/users/{text}"),
  get("/v1/users/me"),
  get("/v1/{text=**}"),
  get("/v1/users/{text}/keys/{shelf}"),
  get("/v1/{text=users/*/**}"),
  post("/v1/users:import", "*"),
  post("/v1/users/{text}:lock", "*"),
  post("/v1/users/me", "*"),
  get("/v1/{text=**}:audit"),
  { pattern: { case: "delete", value: "/v1/users/{text}" } },
] satisfies Rule[];

const ROUTED: readonly [request: string, answer: string][] = [
  ["GET /v1/users/u1", '/v1/users/{text} "u1"'],
  ["GET /v1/users/me", "/v1/users/me"],
  ["POST /v1/users/me", "/v1/users/me"],
  // Literal first, but its branch has no DELETE, so the variable matches.
  ["DELETE /v1/users/me", '/v1/users/{text} "me"'],
  ["GET /v1/users/me/keys/k", '/v1/users/{text}/keys/{shelf} "me" "k"'],
  ["GET /v1/users/me/other", '/v1/{text=users/*/**} "users/me/other"'],
  ["GET /v1/users/u1/keys", '/v1/{text=users/*/**} "users/u1/keys"'],
  ["GET /v1/elsewhere/x", '/v1/{text=**} "elsewhere/x"'],
  ["GET /v1", '/v1/{text=**} ""'],
  ["GET /v1/", '/v1/{text=**} ""'],
  ["GET /v1//x", '/v1/{text=**} "/x"'],
  ["POST /v1/users:import", "/v1/users:import"],
  ["POST /v1/users/u1:lock", '/v1/users/{text}:lock "u1"'],
  ["POST /v1/users/did:web:x:lock", '/v1/users/{text}:lock "did:web:x"'],
  ["GET /v1/users/did:web:x", '/v1/users/{text} "did:web:x"'],
  // The verb has no GET: the colon belongs to the value.
  ["GET /v1/users/u1:lock", '/v1/users/{text} "u1:lock"'],
  ["GET /v1/users/u1%3Alock", '/v1/users/{text} "u1:lock"'],
  ["POST /v1/users/u1%3Alock", "405 DELETE,GET,HEAD"],
  ["GET /v1/users/u1:audit", '/v1/{text=**}:audit "users/u1"'],
  ["GET /v1:audit", '/v1/{text=**}:audit ""'],
  ["POST /v1/users/u1:l%6Fck", '/v1/users/{text}:lock "u1"'],
  ["POST /v1/users/u1:unlock", "405 DELETE,GET,HEAD"],
  ["PUT /v1/users/me", "405 DELETE,GET,HEAD,POST"],
  ["PUT /v1/users:import", "405 GET,HEAD,POST"],
  ["GET /v2/users", "not_found"],
  ["GET /", "not_found"],
  ["HEAD /v1/users/u1", '/v1/users/{text} "u1"'],
  ["GET /%76%31/users/me", "/v1/users/me"],
  // Dot segments are values, and a backslash is not a slash.
  ["GET /v1/users/..", '/v1/users/{text} ".."'],
  ["GET /v1/users/%2e%2e", '/v1/users/{text} ".."'],
  ["GET /v1/users/a\\b", '/v1/users/{text} "a\\\\b"'],
  ["GET http://host:8080/v1/users/u1?x=y", '/v1/users/{text} "u1"'],
  ["GET http://host", "not_found"],
  ["GET //v1/users/u1", "not_found"],
  ["OPTIONS *", "not_found"],
  ["CONNECT host:443", "not_found"],
  ["GET ", "not_found"],
];

const forward = tableOf(OVERLAPPING.map((rule) => bind(rule)));
const backward = tableOf(OVERLAPPING.toReversed().map((rule) => bind(rule)));

for (const [request, answer] of ROUTED) {
  const [httpMethod = "", target = ""] = request.split(" ");
  test(`routes ${request} to ${answer}`, () => {
    assert.equal(show(forward.match(httpMethod, target)), answer);
    assert.equal(show(backward.match(httpMethod, target)), answer, "with the rules in reverse order");
  });
}

const CAPTURED: readonly [template: string, target: string, answer: string][] = [
  ["/v1/{text}", "/v1/a%2Fb%2fc%20d", '/v1/{text} "a/b/c d"'],
  ["/v1/{text}", "/v1/%252F", '/v1/{text} "%2F"'],
  ["/v1/{text}", "/v1/a+b", '/v1/{text} "a+b"'],
  ["/v1/{text}", "/v1/", "not_found"],
  ["/v1/{text}", "/v1", "not_found"],
  ["/v1/{text}", "/v1/a/", "not_found"],
  ["/v1/{text}/x", "/v1//x", "not_found"],
  ["/v1/{text=a/*}", "/v1/a/b%2Fc%2f%20d", '/v1/{text=a/*} "a/b%2Fc%2f d"'],
  ["/v1/{text=**}", "/v1/a%2Fb/c%252F", '/v1/{text=**} "a%2Fb/c%2F"'],
  ["/v1/{text=**}", "/v1/one%20two", '/v1/{text=**} "one two"'],
  ["/v1/{text=o/**}", "/v1/o", '/v1/{text=o/**} "o"'],
  ["/v1/{text=o/**}", "/v1/o/", '/v1/{text=o/**} "o/"'],
  ["/v1/a%20b", "/v1/a%20b", "/v1/a%20b"],
  ["/v1/a b", "/v1/a%20b", "/v1/a b"],
  ["/v1/%E2%82%AC", "/v1/%e2%82%ac", "/v1/%E2%82%AC"],
  ["/", "/", "/"],
  ["/", "//", "not_found"],
  ["/{text=**}", "/", '/{text=**} ""'],
  ["/v1/users", "/v1/users/", "not_found"],
];

for (const [template, target, answer] of CAPTURED) {
  test(`reads ${target} with ${template} as ${answer}`, () => {
    assert.equal(show(tableOf([bind(get(template))]).match("GET", target)), answer);
  });
}

for (const target of [
  "/v1/%zz",
  "/v1/a%",
  "/v1/%FF",
  "/v1/%E2/%82",
  "/nowhere/%zz",
  "/v1/é",
  "/v1/a#b",
  "/v1/x?a=é",
  "/v1/a b",
]) {
  test(`answers that ${target} is malformed`, () => {
    const answer = forward.match("GET", target);
    assert.equal(answer.kind, "malformed");
    assert.equal(answer.kind === "malformed" && answer.error.code, 3);
  });
}

test("answers HEAD by an explicit rule, else by GET, else by a rule for any method", () => {
  const table = shelfTable();
  const pick = (httpMethod: string, target: string) => {
    const answer = table.match(httpMethod, target);
    return answer.kind === "match" && [answer.route.httpMethod, answer.headOnly];
  };
  assert.deepEqual(pick("HEAD", "/v1/probe/x"), ["HEAD", true]);
  assert.deepEqual(pick("GET", "/v1/probe/x"), ["GET", false]);
  assert.deepEqual(pick("HEAD", "/v1/books/x"), ["GET", true]);
  assert.deepEqual(pick("HEAD", "/v1/any/x"), ["*", true]);
  assert.deepEqual(pick("PROPFIND", "/v1/any/x"), ["*", false]);
});

test("keeps the raw query next to the match", () => {
  const answer = forward.match("GET", "/v1/users/u1?a=%20&b=?");
  assert.equal(answer.kind === "match" && answer.query, "a=%20&b=?");
});

test("prefixes templates with the mount's path and answers by the mount with the longest prefix", () => {
  const outer = policy();
  const inner = policy({ pathPrefix: "/management/v1" });
  const table = createRouteTable([
    { service: bare, methods: [bind(get("/users/{text}"))], policy: outer },
    { service: bare, methods: [bind(get("/users/{text}")), bind(get("/"))], policy: inner },
  ]);
  const found = table.match("GET", "/management/v1/users/u1");
  assert.equal(found.kind === "match" && found.route.policy, inner);
  assert.equal(table.match("GET", "/management/v1").kind, "match");
  assert.equal(table.match("GET", "/management/v1/").kind, "not_found");
  assert.equal(policyOf(table.match("GET", "/management/v1/x")), inner);
  assert.equal(policyOf(table.match("GET", "/management/v1x")), outer);
  assert.equal(policyOf(table.match("POST", "/management/v1/users/u1")), inner);
  assert.equal(policyOf(table.match("GET", "/management/v1/%zz")), inner);
  assert.equal(policyOf(tableOf([]).match("OPTIONS", "*")), undefined);
});

test("answers by a mount's own paths where it names some, the longest first", () => {
  const plain = policy();
  const named = policy({ ownPaths: ["/v2", "/resources/v3"] });
  const table = createRouteTable([
    { service: bare, methods: [bind(get("/v1/{text}"))], policy: plain },
    { service: bare, methods: [bind(get("/v2/{text}"))], policy: named },
  ]);
  for (const [target, expected] of [
    ["/v2/a/b", named],
    ["/v2", named],
    ["/v20", plain],
    ["/resources/v3/x", named],
    ["/resources/v4", plain],
    ["/v1/a/b", plain],
    ["/v2/%zz", named],
  ] as const) {
    assert.equal(policyOf(table.match("GET", target)), expected, target);
  }
});

function policyOf(answer: RouteAnswer): unknown {
  return answer.kind === "match" ? answer.route.policy : answer.policy;
}

test("gives methods without a rule no path", () => {
  const methods = new Set(shelfTable().routes.map((route) => route.method.name));
  assert.equal(methods.has("Unbound"), false);
  assert.equal(methods.size, shelf.methods.length - 1);
});

const REFUSED: readonly [what: string, rule: Rule, reason: RegExp][] = [
  [
    "an unknown path field",
    get("/v1/{nobody}"),
    /Unary \(GET \/v1\/\{nobody\}\): path variable nobody: .* has no field nobody/,
  ],
  ["an unknown nested path field", get("/v1/{profile.nobody}"), /has no field nobody/],
  ["a path below a scalar", get("/v1/{text.more}"), /has no fields to name/],
  ["a repeated path field", get("/v1/{tags}"), /a path cannot set a repeated field/],
  ["a map as path field", get("/v1/{labels}"), /a path cannot set a map/],
  ["a message as path field", get("/v1/{profile}"), /a path cannot set a message/],
  ["a Struct as path field", get("/v1/{attributes}"), /a path cannot set a message/],
  ["a field that two variables set", get("/v1/{text}/{text}"), /two path variables set text/],
  ["two members of one oneof in a path", get("/v1/{left}/{right}"), /two members of one oneof/],
  ["a body that is not a field", post("/v1/x", "nobody"), /body "nobody" is not a top-level field/],
  ["a nested body field", post("/v1/x", "profile.email"), /is not a top-level field/],
  ["a body field that the path sets", post("/v1/{text}", "text"), /the field is also the body/],
  ["a GET rule with a body", { ...get("/v1/x"), body: "*" }, /a GET rule has no body/],
  [
    "a response_body that is not a field",
    { ...get("/v1/x"), responseBody: "nobody" },
    /response_body "nobody" is not a top-level/,
  ],
  ["a rule without a pattern", {}, /names neither HTTP method nor path/],
  [
    "a custom kind that is not a method",
    { pattern: { case: "custom", value: { kind: "A B", path: "/x" } } },
    /is not an HTTP method/,
  ],
  ["a template that does not parse", get("/v1/{text"), /column 10: expected "}"/],
  ["** before other segments", get("/v1/**/x"), /nothing but a verb may follow/],
  [
    "nested additional_bindings",
    { ...get("/v1/x"), additionalBindings: [{ ...get("/v1/y"), additionalBindings: [get("/v1/z")] }] },
    /additional_bindings must not nest/,
  ],
];

for (const [what, rule, reason] of REFUSED) {
  test(`refuses ${what} at the start`, () => {
    assert.throws(() => tableOf([bind(rule)]), reason);
  });
}

for (const localName of ["upstream", "both"]) {
  test(`refuses a rule on the client-streaming method ${localName} at the start`, () => {
    assert.throws(() => tableOf([bind(post("/v1/x", "*"), localName)]), /takes a stream/);
  });
}

const CONFLICTS: readonly [first: Rule, second: Rule][] = [
  [get("/v1/x"), get("/v1/x")],
  [get("/v1/{text}"), get("/v1/{shelf=*}")],
  [get("/v1/{text}"), get("/v1/*")],
  [get("/v1/{text=**}:go"), get("/v1/**:go")],
  [get("/v1/{text=a/*}"), get("/v1/a/{shelf}")],
  [get("/v1/a%20b"), get("/v1/a b")],
  [get("/v1/x"), { pattern: { case: "custom", value: { kind: "GET", path: "/v1/x" } } }],
];

for (const [first, second] of CONFLICTS) {
  const name = (rule: Rule) => String((rule.pattern as { value: unknown }).value);
  test(`refuses ${name(first)} next to ${name(second)} and names both`, () => {
    assert.throws(
      () => tableOf([bind(first), bind(second, "other")]),
      /BareService\.Unary \(GET .*\) and shelf\.v1\.BareService\.Other \(GET .*\) match the same requests/,
    );
  });
}

test("names every refused rule in one error", () => {
  const methods = [bind(get("/v1/{nobody}")), bind(post("/v1/x", "nobody"), "other")];
  assert.throws(
    () => tableOf(methods),
    (error: Error) => /nobody\}\)/.test(error.message) && /POST \/v1\/x/.test(error.message),
  );
});

for (const pathPrefix of ["v1", "/v1/", "/", "/{a}", "/v1:x"]) {
  test(`refuses the path prefix ${pathPrefix}`, () => {
    assert.throws(() => tableOf([], { pathPrefix }), /prefix|begins with|must not be empty/);
  });
}
