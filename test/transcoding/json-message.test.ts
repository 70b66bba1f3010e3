/** JSON bodies: which are refused, with which words, at which path. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fromJsonString, toJson } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { type JsonReadPolicy, parseJson, toMessage } from "../../src/transcoding/json-message.ts";
import { findJsonBreak, scanJson } from "../../src/transcoding/json-scan.ts";
import { message, policy, registry, utf8, violations } from "./support/shelf.ts";

const BOOK = message("Book");

function read(body: string | Uint8Array, overrides: Partial<JsonReadPolicy> = {}): unknown {
  const bytes = typeof body === "string" ? utf8(body) : body;
  return toJson(BOOK, toMessage(BOOK, parseJson(bytes), policy(overrides)), { registry });
}

function refuses(
  body: string | Uint8Array,
  field: string,
  sentence: RegExp,
  overrides: Partial<JsonReadPolicy> = {},
): void {
  assert.throws(
    () => read(body, overrides),
    (error) => {
      assert.ok(error instanceof ConnectError);
      assert.equal(error.code, Code.InvalidArgument);
      assert.match(error.rawMessage, sentence);
      assert.deepEqual(violations(error), [field]);
      return true;
    },
  );
}

const TAKEN: readonly string[] = [
  "{}",
  '{"name":null,"profile":null,"tags":null,"counts":null,"expireTime":null,"colour":null}',
  '{"expected_sequence":18446744073709551615e0}'.replace("18446744073709551615e0", "9007199254740991"),
  '{"expectedSequence":"18446744073709551615"}',
  '{"expireTime":"2030-01-01T00:00:00.123456789Z"}',
  '{"duration":"-1.5s"}',
  '{"never":null,"duration":"1s"}',
  '{"colour":1,"colours":["COLOUR_RED",2,77]}',
  '{"cover":"_-8","price":"1.5","weight":"NaN","pages":"7","lent":true}',
  '{"price":1e3,"pages":1e3}',
  '{"note":null}',
  '{"note":[1,{"a":null}],"list":[1,"x",[null]],"attributes":{"a":{"b":[true]},"__proto__":1}}',
  '{"title":"x","mask":"a.bC,d"}',
  '{"profile":{"manager":{"manager":{"email":"x"}}},"readers":[{"display_name":"x"}]}',
  '{"counts":{"a":1,"__proto__":2,"":"3"}}',
  '{"extra":{"@type":"type.googleapis.com/shelf.v1.Profile","email":"x"}}',
  '{"extra":{"@type":"x/google.protobuf.Timestamp","value":"2030-01-01T00:00:00Z"}}',
  '{"extra":{}}',
  '{"name":"\\u00e9\\ud83d\\ude00 {\\"[:"}',
];

for (const body of TAKEN) {
  test(`reads ${body} as protobuf-es does`, () => {
    assert.deepEqual(read(body), toJson(BOOK, fromJsonString(BOOK, body, { registry }), { registry }));
  });
}

const REFUSED: readonly [body: string, field: string, sentence: RegExp][] = [
  ["[]", "", /^the request body must be a JSON object; received an array$/],
  ["null", "", /must be a JSON object; received null/],
  ['"x"', "", /must be a JSON object; received "x"/],
  ['{"nmae":1}', "nmae", /^nmae is unknown; did you mean name\?$/],
  ['{"profile":{"emial":"x"}}', "profile.emial", /^profile\.emial is unknown; did you mean email\?$/],
  ['{"readers":[{},{"zzz":1}]}', "readers[1].zzz", /is unknown; allowed are email, displayName, passPhrase/],
  ['{"a b":1}', '"a b"', /^"a b" is unknown/],
  ['{"__proto__":1}', "__proto__", /^__proto__ is unknown/],
  ['{"constructor":1}', "constructor", /^constructor is unknown/],
  ['{"name":5}', "name", /^name must be a text; received 5$/],
  ['{"name":{"x":1}}', "name", /received an object$/],
  ['{"name":"\\ud800"}', "name", /must be a text/],
  [
    '{"expectedSequence":"abc"}',
    "expectedSequence",
    /from 0 to 18446744073709551615, as a string beyond 2\^53; received "abc"/,
  ],
  ['{"expected_sequence":-1}', "expectedSequence", /received -1/],
  ['{"expectedSequence":9007199254740993}', "expectedSequence", /as a string beyond 2\^53/],
  ['{"expectedSequence":1.5}', "expectedSequence", /received 1\.5/],
  ['{"expectedSequence":"0x10"}', "expectedSequence", /whole number/],
  ['{"expectedSequence":true}', "expectedSequence", /received true/],
  ['{"pages":"0x10"}', "pages", /from -2147483648 to 2147483647; received "0x10"/],
  ['{"pages":"+7"}', "pages", /whole number/],
  ['{"pages":""}', "pages", /whole number/],
  ['{"pages":3e9}', "pages", /whole number/],
  ['{"lent":"true"}', "lent", /must be true or false; received "true"/],
  ['{"price":1e999}', "price", /double can hold/],
  ['{"weight":1e39}', "weight", /float can hold/],
  ['{"cover":"a b"}', "cover", /base64/],
  ['{"colour":"GREEN"}', "colour", /one of COLOUR_UNSPECIFIED, COLOUR_RED, COLOUR_BLUE; received "GREEN"/],
  ['{"colour":1.5}', "colour", /one of/],
  ['{"colours":[null]}', "colours[0]", /must be a value; received null/],
  ['{"expireTime":"tomorrow"}', "expireTime", /RFC 3339 time such as .*; received "tomorrow"/],
  ['{"expireTime":"2030-02-30T00:00:00Z"}', "expireTime", /RFC 3339/],
  ['{"expireTime":"2030-01-01T24:00:00Z"}', "expireTime", /RFC 3339/],
  ['{"expireTime":1893456000}', "expireTime", /RFC 3339/],
  ['{"duration":"30s5m"}', "duration", /number of seconds followed by s/],
  ['{"duration":"315576000001s"}', "duration", /number of seconds/],
  ['{"duration":"1.1234567890s"}', "duration", /number of seconds/],
  ['{"duration":60}', "duration", /received 60/],
  ['{"mask":"display name"}', "mask", /field paths, comma-separated, such as displayName or display_name/],
  ['{"mask":"\ue05f"}', "mask", /field paths/],
  ['{"title":5}', "title", /must be a text/],
  [
    '{"duration":"1s","never":true}',
    "duration",
    /only one of expireTime, duration, never may be given; received never and duration/,
  ],
  ['{"tags":"a"}', "tags", /must be a JSON array; received "a"/],
  ['{"tags":["a",null]}', "tags[1]", /must be a value/],
  ['{"counts":[1]}', "counts", /must be a JSON object; received an array/],
  ['{"counts":{"k 1":"x"}}', 'counts["k 1"]', /^counts\["k 1"\] must be a whole number/],
  ['{"attributes":[]}', "attributes", /JSON object/],
  ['{"attributes":{"a":[1e999]}}', 'attributes["a"][0]', /double can hold/],
  ['{"note":["\\udc00"]}', "note[0]", /well-formed Unicode; received "\\udc00"/],
  ['{"attributes":{"\\udc00":1}}', 'attributes["\\udc00"]', /well-formed Unicode/],
  ['{"list":{}}', "list", /JSON array/],
  ['{"profile":[]}', "profile", /JSON object; received an array/],
  [
    '{"extra":{"@type":"x/unknown.Type"}}',
    'extra["@type"]',
    /message type that is known here; received "x\/unknown.Type"/,
  ],
  ['{"extra":{"a":1}}', 'extra["@type"]', /received null/],
  ['{"extra":{"@type":"x/shelf.v1.Profile","emial":1}}', "extra.emial", /did you mean email/],
  ['{"extra":{"@type":"x/google.protobuf.Timestamp","value":"x"}}', "extra.value", /RFC 3339/],
  [
    '{"extra":{"@type":"x/google.protobuf.Timestamp","value":"2030-01-01T00:00:00Z","b":1}}',
    'extra."b"',
    /allowed are @type and value/,
  ],
  [
    '{"expectedSequence":"1","expected_sequence":"1"}',
    "expectedSequence",
    /given twice, as expectedSequence and as expected_sequence/,
  ],
  ['{"name":"a","name":"b"}', "name", /^"name" is given twice in one JSON object$/],
  ['{"name":"a","n\\u0061me":"b"}', "name", /given twice/],
  ['{"profile":{"email":"a","email":"a"}}', "email", /given twice/],
  ['{"attributes":{"x":{"k":1,"k":2}}}', "k", /given twice/],
  ['{"readers":[{"email":"a"},{"email":"b","email":"c"}]}', "email", /given twice/],
];

for (const [body, field, sentence] of REFUSED) test(`refuses ${body}`, () => refuses(body, field, sentence));

test("finds that a member is given twice only within one object", () => {
  assert.deepEqual(read('{"name":"a:\\"b\\"","readers":[{"email":"a"},{"email":"b"}],"profile":{"email":"c"}}'), {
    name: 'a:"b"',
    readers: [{ email: "a" }, { email: "b" }],
    profile: { email: "c" },
  });
});

test("ignores unknown members and enum names where the mount says so, but neither wrong types nor repeated members", () => {
  const ignore: Partial<JsonReadPolicy> = { unknownFields: "ignore" };
  assert.deepEqual(read('{"zzz":{"a":[{"b":1}]},"name":"x","colour":"GREEN","profile":{"zzz":1}}', ignore), {
    name: "x",
    profile: {},
  });
  refuses('{"pages":"x"}', "pages", /whole number/, ignore);
  refuses('{"zzz":{"a":1,"a":2}}', "a", /given twice/, ignore);
});

const BROKEN: readonly [body: string, sentence: RegExp][] = [
  ["", /^the request body is empty, not JSON$/],
  [" \n", /empty/],
  ["{", /ends too early/],
  ['{"name":"abc', /ends too early/],
  ['{"name"', /ends too early/],
  ["tru", /line 1, column 1$/],
  ["{name:1}", /line 1, column 2$/],
  ['{"name":secret-value}', /line 1, column 9$/],
  ['{\n  "name": "a",\n}', /line 3, column 1$/],
  ['{"name":"a\nb"}', /line 1, column 11$/],
  ['{"name":"\\x"}', /line 1, column 10$/],
  ['{"tags":[1 2]}', /line 1, column 12$/],
  ['{"tags":[1,]}', /line 1, column 12$/],
  ["{} {}", /line 1, column 4$/],
  ["01", /line 1, column 2$/],
  ["\u00a0{}", /line 1, column 1$/],
];

for (const [body, sentence] of BROKEN) {
  test(`says where ${JSON.stringify(body)} stops being JSON, in words of its own`, () => {
    refuses(body, "", sentence);
    assert.throws(
      () => read(body),
      (error: ConnectError) => !/secret|token|Unexpected/.test(error.message) && error.cause === undefined,
    );
  });
}

test("finds the break of a long string without recursion", () => {
  assert.equal(findJsonBreak(`"${"a\\n".repeat(300_000)}\n`), 900_001);
});

test("refuses bytes that are not UTF-8", () => {
  refuses(new Uint8Array([0x22, 0xff, 0x22]), "", /not valid UTF-8/);
  refuses(new Uint8Array([0x22, 0xc3]), "", /not valid UTF-8/);
});

const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);

test("accepts JSON that nests 64 levels and refuses 65", () => {
  assert.ok(read(`{"note":${nested(63)}}`));
  refuses(`{"note":${nested(64)}}`, "", /nests deeper than 64 levels/);
  refuses(`{"note":${"[".repeat(1_000_000)}`, "", /nests deeper than 64 levels/);
  assert.ok(read(`{"profile":${'{"manager":'.repeat(62)}{}${"}".repeat(63)}`));
});

test("counts an Any within an Any as the JSON nests", () => {
  const wrap = (depth: number) =>
    `{"extra":${'{"@type":"x/shelf.v1.Book","extra":'.repeat(depth)}{}${"}".repeat(depth)}}`;
  assert.ok(read(wrap(62)));
  refuses(wrap(63), "", /nests deeper than 64/);
});

const DEPTHS: readonly [json: string, depth: number][] = [
  ["1", 0],
  ["[[]]", 2],
  ["[[],[],{}]", 2],
  ['"[[[["', 0],
  ['["\\"[[["]', 1],
  ['["\\\\",[]]', 2],
  ['["\\\\\\"[[[[",{}]', 2],
  ['{"[{":"é[["}', 1],
  ['"[', 0],
  ["]]]][[[[", 0],
];

for (const [json, depth] of DEPTHS) {
  test(`finds that ${json} nests ${depth} levels`, () => {
    assert.equal(scanJson(json, 64).depth, depth);
    assert.equal(scanJson(json, depth - 1).depth, depth);
  });
}
