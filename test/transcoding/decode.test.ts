/** Query, path and body by the policies of transcoding.md §3.2, §3.3 and §4. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import type { RestPolicy } from "../../src/transcoding/policy.ts";
import { decode, violations } from "./support/shelf.ts";

const BIG = "18446744073709551615";

const QUERIES: readonly [query: string, request: object][] = [
  ["", {}],
  ["i32=-2147483648&u32=4294967295", { i32: -2147483648, u32: 4294967295 }],
  ["i64=-9223372036854775808&u64=18446744073709551615", { i64: "-9223372036854775808", u64: BIG }],
  ["s32=-1&f64=1&asText=9007199254740993", { s32: -1, f64: "1", asText: "9007199254740993" }],
  ["real=1.5e3&wideReal=-0.25", { real: 1500, wideReal: -0.25 }],
  ["real=NaN&wideReal=-Infinity", { real: "NaN", wideReal: "-Infinity" }],
  ["flag=true&text=a+b%20c%2B", { flag: true, text: "a b c+" }],
  ["data=_-8", { data: "/+8=" }],
  ["data=%2F%2B8%3D", { data: "/+8=" }],
  ["blob=AQ", { blob: "AQ==" }],
  ["colour=COLOUR_RED", { colour: "COLOUR_RED" }],
  ["colour=2", { colour: "COLOUR_BLUE" }],
  ["at=2030-01-31T12:00:00.5%2B01:00", { at: "2030-01-31T11:00:00.500Z" }],
  ["wait=-1.5s", { wait: "-1.500s" }],
  ["mask=profile.displayName,text", { mask: "profile.displayName,text" }],
  ["label=x&amount=5&done=false", { label: "x", amount: "5", done: false }],
  ["tags=a&tags=b&tags=", { tags: ["a", "b", ""] }],
  ["numbers=1&numbers=2&colours=1&colours=COLOUR_BLUE", { numbers: [1, 2], colours: ["COLOUR_RED", "COLOUR_BLUE"] }],
  ["profile.displayName=x&profile.manager.email=y", { profile: { displayName: "x", manager: { email: "y" } } }],
  ["profile.display_name=x&wide_real=2", { wideReal: 2, profile: { displayName: "x" } }],
  // A field that is present with its default value is set, which matters for optional fields and oneofs.
  ["nickname=", { nickname: "" }],
  ["right=0", { right: 0 }],
  ["boxed=", { boxed: "" }],
  ["&&text=x&", { text: "x" }],
  ["te%78t=x", { text: "x" }],
];

for (const [query, request] of QUERIES) {
  test(`reads the query ${query}`, () => assert.deepEqual(decode("GET", `/v1/find?${query}`), request));
}

const REFUSED_QUERIES: readonly [query: string, field: string, sentence: RegExp][] = [
  ["nobody=1", "nobody", /"nobody" is unknown; allowed are shelf, i32/],
  ["txet=1", "txet", /"txet" is unknown; did you mean text\?/],
  ["profile.emial=1", "profile.emial", /did you mean profile\.email\?/],
  ["text.more=1", "text.more", /unknown/],
  ["__proto__=1", "__proto__", /unknown/],
  ["constructor.name=1", "constructor.name", /unknown/],
  ["=1", "", /"" is unknown/],
  ["at.seconds=1", "at.seconds", /unknown/],
  ["text=a&text=b", "text", /given twice/],
  ["wideReal=1&wide_real=1", "wideReal", /given twice/],
  ["left=a&right=1", "right", /only one of the members of choice may be given; received left and right/],
  ["labels=x", "labels", /is a map/],
  ["labels[a]=x", "labels[a]", /unknown/],
  ["attributes={}", "attributes", /is a message \(google\.protobuf\.Struct\), which a query cannot set$/],
  ["value=1", "value", /cannot set/],
  ["any=1", "any", /cannot set/],
  ["profile={}", "profile", /name one of its fields, such as profile\.email/],
  ["readers=x", "readers", /is a repeated message/],
  ["flag=1", "flag", /must be true or false; received "1"/],
  ["flag=TRUE", "flag", /true or false/],
  ["flag=", "flag", /true or false; received ""/],
  // If an empty filter counted as absent, the answer would hold more than was asked for.
  ["text=", "text", /^the query parameter text is empty; give a value, or leave it out$/],
  ["profile.display_name=", "profile.displayName", /is empty/],
  ["i32=", "i32", /must be a whole number from -2147483648 to 2147483647; received ""/],
  ["i32=null", "i32", /whole number/],
  ["i32=0x10", "i32", /whole number/],
  ["i32=1e3", "i32", /whole number/],
  ["i32=%2B7", "i32", /whole number/],
  ["i32=%207", "i32", /whole number/],
  ["i32=1.0", "i32", /whole number/],
  ["i32=2147483648", "i32", /whole number/],
  ["u32=-1", "u32", /from 0 to 4294967295/],
  ["u64=18446744073709551616", "u64", /from 0 to 18446744073709551615/],
  ["i64=99999999999999999999999999", "i64", /whole number/],
  ["real=1e39", "real", /float can hold/],
  ["wideReal=1e999", "wideReal", /double can hold/],
  ["wideReal=inf", "wideReal", /or NaN, Infinity/],
  ["wideReal=.5", "wideReal", /double/],
  ["data=a", "data", /base64/],
  ["data=***", "data", /base64/],
  ["colour=COLOUR_GREEN", "colour", /one of COLOUR_UNSPECIFIED, COLOUR_RED, COLOUR_BLUE; received "COLOUR_GREEN"/],
  ["colour=3", "colour", /one of/],
  ["colour=", "colour", /one of/],
  ["at=2030-02-30T00:00:00Z", "at", /RFC 3339/],
  ["at=2030-01-01", "at", /RFC 3339/],
  ["wait=1m", "wait", /followed by s/],
  ["wait=30s5m", "wait", /followed by s/],
  ["mask=display%20name", "mask", /field paths, comma-separated, such as displayName or display_name/],
  ["mask=a,,b", "mask", /field paths/],
  ["amount=x", "amount", /whole number/],
  ["text=%zz", "text", /"text" is not valid percent-encoded UTF-8/],
  ["text=%FF", "text", /percent-encoded UTF-8/],
  ["%FF=x", "", /parameter name "%FF" is not valid/],
];

for (const [query, field, sentence] of REFUSED_QUERIES) {
  test(`refuses the query ${query}`, () => {
    refuses(() => decode("GET", `/v1/find?${query}`), field, sentence);
  });
}

/** Asserts InvalidArgument with that sentence, and a BadRequest detail that names the field. */
function refuses(call: () => unknown, field: string, sentence: RegExp): ConnectError {
  let refusal: ConnectError | undefined;
  assert.throws(call, (error) => {
    refusal = error as ConnectError;
    return error instanceof ConnectError;
  });
  assert.ok(refusal);
  assert.equal(refusal.code, Code.InvalidArgument);
  assert.match(refusal.rawMessage, sentence);
  assert.deepEqual(violations(refusal), [field]);
  return refusal;
}

test("ignores unknown query parameters where the mount says so, but not wrong values", () => {
  const overrides: Partial<RestPolicy> = { unknownQuery: "ignore" };
  assert.deepEqual(decode("GET", "/v1/find?nobody=1&text=x&profile.nobody=2", { overrides }), { text: "x" });
  assert.deepEqual(decode("POST", "/v1/books?nobody=1&%zz", { overrides, body: "{}" }), {});
  refuses(() => decode("GET", "/v1/find?i32=x", { overrides }), "i32", /whole number/);
});

test("ignores empty query parameters where the mount says so", () => {
  const overrides: Partial<RestPolicy> = { emptyQuery: "ignore" };
  assert.deepEqual(decode("GET", "/v1/find?text=&nickname=", { overrides }), { nickname: "" });
});

test("refuses a query where the whole message is the body", () => {
  refuses(() => decode("POST", "/v1/books?name=x", { body: "{}" }), "name", /takes none/);
});

test("reads from the query all fields but the body field, which it refuses there", () => {
  const body = '{"email":"a@b"}';
  assert.deepEqual(decode("POST", "/v1/find?text=x", { body }), { text: "x", profile: { email: "a@b" } });
  refuses(() => decode("POST", "/v1/find?profile.email=x", { body }), "profile.email", /profile is the request body/);
});

test("lets the path win over the query", () => {
  assert.deepEqual(decode("GET", "/v1/find/s1?shelf=s2&shelf=s3&text=x"), { shelf: "s1", text: "x" });
  assert.deepEqual(decode("GET", "/v1/i32/5?i32=nonsense"), { i32: 5 });
});

test("refuses a query parameter whose oneof the path has set", () => {
  refuses(() => decode("GET", "/v1/left/a?right=1"), "right", /received left and right/);
});

const PATHS: readonly [target: string, request: object][] = [
  ["/v1/i32/-7", { i32: -7 }],
  ["/v1/at/2030-01-01T00:00:00Z", { at: "2030-01-01T00:00:00Z" }],
  ["/v1/colour/COLOUR_BLUE", { colour: "COLOUR_BLUE" }],
  ["/v1/token/abc/5", { token: "abc", u64: "5" }],
  ["/v1/left/x", { left: "x" }],
];

for (const [target, request] of PATHS) {
  test(`reads the path ${target}`, () => assert.deepEqual(decode("GET", target), request));
}

test("refuses a path value of the wrong type, naming field and value", () => {
  refuses(() => decode("GET", "/v1/i32/0x10"), "i32", /^i32 must be a whole number .*; received "0x10" in the path$/);
  refuses(() => decode("GET", "/v1/colour/GREEN"), "colour", /one of COLOUR_UNSPECIFIED/);
  refuses(() => decode("GET", "/v1/at/today"), "at", /RFC 3339/);
});

const LOCK = "/v1/books/b1:lock";

const BODIES: readonly [request: string, body: string, decoded: object][] = [
  [`POST ${LOCK}`, "", { name: "b1" }],
  [`POST ${LOCK}`, "{}", { name: "b1" }],
  [`POST ${LOCK}`, '{"expectedSequence":"2","tags":["a"]}', { name: "b1", expectedSequence: "2", tags: ["a"] }],
  [`POST ${LOCK}`, '{"name":"b1"}', { name: "b1" }],
  // A field without presence that holds its default counts as absent.
  [`POST ${LOCK}`, '{"name":""}', { name: "b1" }],
  ["PUT /v1/profiles/a@b", '{"profile":{"displayName":"x"}}', { profile: { email: "a@b", displayName: "x" } }],
  ["PUT /v1/profiles/a@b", '{"profile":{"email":"a@b"}}', { profile: { email: "a@b" } }],
  ["PUT /v1/profiles/a@b", "{}", { profile: { email: "a@b" } }],
  ["PUT /v1/expiry/60s", '{"duration":"60s"}', { duration: "60s" }],
  ["PATCH /v1/books/b1?dry=true", '{"tags":["a"]}', { book: { name: "b1", tags: ["a"] }, dry: true }],
  ["PATCH /v1/books/b1", "", { book: { name: "b1" } }],
  ["PUT /v1/notes?name=n", '["a","b"]', { name: "n", notes: ["a", "b"] }],
  ["PUT /v1/notes", "[]", {}],
  ["PUT /v1/notes", "", {}],
  ["PUT /v1/remark", '"hello"', { remark: "hello" }],
  ["PUT /v1/counts", '{"a":1}', { counts: { a: 1 } }],
  ["PUT /v1/colour", '"COLOUR_RED"', { colour: "COLOUR_RED" }],
  ["DELETE /v1/books/b1", " {\n} ", { name: "b1" }],
];

for (const [request, body, decoded] of BODIES) {
  const [httpMethod = "", target = ""] = request.split(" ");
  test(`reads ${request} with the body ${JSON.stringify(body)}`, () => {
    assert.deepEqual(decode(httpMethod, target, { body }), decoded);
  });
}

const REFUSED_BODIES: readonly [request: string, body: string, field: string, sentence: RegExp][] = [
  [
    `POST ${LOCK}`,
    '{"name":"b2"}',
    "name",
    /^name must be the same .*; received "b1" in the path and "b2" in the body$/,
  ],
  ["PUT /v1/profiles/a@b", '{"profile":{"email":"c@d"}}', "profile.email", /must be the same in path and body/],
  ["PUT /v1/expiry/60s", '{"duration":"61s"}', "duration", /must be the same/],
  ["PUT /v1/expiry/60s", '{"never":true}', "duration", /never in the body excludes duration in the path/],
  ["PUT /v1/expiry/60s", '{"never":false}', "duration", /never in the body excludes/],
  ["PATCH /v1/books/b1", '{"name":"b2"}', "book.name", /must be the same/],
  ["PATCH /v1/books/b1", '{"nmae":"b2"}', "book.nmae", /book\.nmae is unknown; did you mean name\?/],
  ["PUT /v1/notes", '["a",3]', "notes[1]", /notes\[1\] must be a text; received 3/],
  ["PUT /v1/notes", "{}", "notes", /notes must be a JSON array; received an object/],
  ["PUT /v1/notes", '["a"] ["b"]', "", /not valid JSON: unexpected character at line 1, column 7/],
  ["GET /v1/books/b1", "{}", "", /a GET request takes no body/],
  ["GET /v1/books/b1", "x", "", /takes no body; received 1 bytes/],
  ["DELETE /v1/books/b1", '{"name":"x"}', "", /takes no body/],
  ["DELETE /v1/books/b1", "[]", "", /takes no body/],
];

for (const [request, body, field, sentence] of REFUSED_BODIES) {
  const [httpMethod = "", target = ""] = request.split(" ");
  test(`refuses ${request} with the body ${JSON.stringify(body)}`, () => {
    refuses(() => decode(httpMethod, target, { body }), field, sentence);
  });
}

test("uses the path's value where a policy says so, and ignores unexpected bodies and content types", () => {
  const overrides = { pathConflict: "override", unexpectedBody: "ignore", requestContentType: "any" } as const;
  assert.deepEqual(decode("POST", LOCK, { body: '{"name":"b2"}', overrides }), { name: "b1" });
  assert.deepEqual(decode("POST", LOCK, { body: "{}", contentType: "text/plain", overrides }), { name: "b1" });
  assert.deepEqual(decode("POST", LOCK, { body: "{}", contentType: null, overrides }), { name: "b1" });
  for (const httpMethod of ["GET", "DELETE"]) {
    assert.deepEqual(decode(httpMethod, "/v1/books/b1", { body: "no JSON", overrides }), { name: "b1" });
  }
  refuses(
    () => decode("PUT", "/v1/expiry/60s", { body: '{"never":true}', overrides }),
    "duration",
    /excludes duration/,
  );
});

test("shows only the length of every value where a policy says so, except ids in the path", () => {
  const overrides = { redactValues: true };
  refuses(
    () => decode("POST", "/v1/books", { body: '{"profile":"hunter2"}', overrides }),
    "profile",
    /^profile must be a JSON object; received a value of 7 characters$/,
  );
  refuses(() => decode("GET", "/v1/find?i32=hunter2", { overrides }), "i32", /received a value of 7 characters$/);
});

test("shows only the length of redacted fields, in path, query and body", () => {
  const secret = "hunter2-hunter2";
  const calls: (() => unknown)[] = [
    () => decode("GET", `/v1/token/${secret}/x`),
    () => decode("POST", "/v1/books", { body: `{"profile":{"passPhrase":{"${secret}":1}}}` }),
    () => decode("POST", "/v1/books", { body: `{"profile":{"secrets":{"${secret}":1}}}` }),
    () => decode("POST", "/v1/books", { body: `{"profile":{"secrets":"${secret}"}}` }),
  ];
  for (const call of calls) {
    assert.throws(call, (error: ConnectError) => {
      const shown = [
        error.message,
        ...error.details.map((detail) => JSON.stringify("value" in detail && detail.value)),
      ];
      assert.doesNotMatch(shown.join(), /hunter2/);
      return error.code === Code.InvalidArgument;
    });
  }
  refuses(
    () => decode("POST", "/v1/books", { body: `{"profile":{"secrets":"${secret}"}}` }),
    "profile.secrets",
    /received a value of 15 characters$/,
  );
});

test("cuts and escapes the values that it shows", () => {
  const long = "x".repeat(300);
  const refusal = refuses(() => decode("GET", `/v1/find?i32=${long}`), "i32", /… \(300 characters\)$/);
  assert.equal(refusal.rawMessage.includes("x".repeat(101)), false);
  refuses(() => decode("GET", "/v1/find?i32=%0A%E2%80%AE%22"), "i32", /received "\\n\\u202e\\""$/);
});
