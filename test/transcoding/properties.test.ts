/** Properties of any template, path, query and body. fast-check prints seed and path of a counterexample. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ConnectError } from "@connectrpc/connect";
import fc from "fast-check";
import { parsePathTemplate, type TemplateSegment } from "../../src/transcoding/path-template.ts";
import type { RouteAnswer } from "../../src/transcoding/route-table.ts";
import { threadCpuMs } from "../support/cpu-time.ts";
import { bind, decodeRequest, matchOf, shelfTable, tableOf } from "./support/shelf.ts";

/** Only a few names, so that templates overlap and paths match. */
const name = fc.constantFrom("a", "b", "c");
const segment = fc.oneof({ weight: 3, arbitrary: name }, { weight: 2, arbitrary: fc.constant("*") });
const template = fc
  .tuple(fc.array(segment, { maxLength: 4 }), fc.boolean(), fc.constantFrom("", "", ":a", ":b"))
  .map(([segments, rest, verb]) => {
    const all = rest ? [...segments, "**"] : segments;
    return `/${all.join("/")}${all.length === 0 ? "" : verb}`;
  });
const rule = fc.record({ httpMethod: fc.constantFrom("GET", "POST", "HEAD", "*"), template });
const pathSegment = fc.constantFrom("a", "b", "c", "d", "", "a:a", "b:b", ":a", "x:y:a", "%61", "c%3Aa");
const path = fc.array(pathSegment, { maxLength: 6 }).map((segments) => `/${segments.join("/")}`);

interface Rule {
  readonly httpMethod: string;
  readonly template: string;
}

/** Ranks segments so that the most specific template sorts first: literals before `*` before `**`. */
function rank(segments: readonly TemplateSegment[]): string {
  return segments.map(({ kind }) => (kind === "literal" ? "1" : kind === "any" ? "2" : "3")).join("");
}

/** Finds a route by one regular expression per rule and sorts the matches; it has nothing in common with the trie. */
function findNaively(rules: readonly Rule[], httpMethod: string, target: string): string {
  const colon = target.lastIndexOf(":");
  const verb = colon > target.lastIndexOf("/") ? target.slice(colon) : "";
  const readings: readonly [path: string, verb: string][] =
    verb === ""
      ? [[target, ""]]
      : [
          [target.slice(0, colon), verb],
          [target, ""],
        ];
  const allow = new Set<string>();
  for (const [text, wanted] of readings) {
    const fitting = rules.filter((candidate) => {
      const parsed = parsePathTemplate(candidate.template);
      return (
        (parsed.verb === "" ? "" : `:${parsed.verb}`) === wanted &&
        toRegExp(parsed.segments).test(text === "/" ? "" : text.replaceAll("%61", "a"))
      );
    });
    const serving = fitting.filter(
      ({ httpMethod: kind }) => kind === httpMethod || kind === "*" || (httpMethod === "HEAD" && kind === "GET"),
    );
    const order = ["HEAD", "GET", "POST", "*"];
    const [best] = serving.sort((a, b) => {
      const [x, y] = [rank(parsePathTemplate(a.template).segments), rank(parsePathTemplate(b.template).segments)];
      // A template that ends where the other continues with an empty `**` is more specific.
      return x === y ? order.indexOf(a.httpMethod) - order.indexOf(b.httpMethod) : x < y ? -1 : 1;
    });
    if (best !== undefined) return `${best.httpMethod} ${best.template}`;
    for (const { httpMethod: kind } of fitting) allow.add(kind);
  }
  if (allow.has("GET")) allow.add("HEAD");
  return allow.size === 0 ? "not_found" : `405 ${[...allow].sort().join()}`;
}

function toRegExp(segments: readonly TemplateSegment[]): RegExp {
  const parts = segments.map((part) =>
    part.kind === "literal" ? `/${part.text}` : part.kind === "any" ? "/[^/]+" : "(/.*)?",
  );
  return new RegExp(`^${parts.join("")}$`);
}

function show(answer: RouteAnswer): string {
  switch (answer.kind) {
    case "match":
      return `${answer.route.httpMethod} ${answer.route.template.text}`;
    case "method_not_allowed":
      return `405 ${answer.allow.join()}`;
    default:
      return answer.kind;
  }
}

/** Removes duplicates. */
function distinct(rules: readonly Rule[]): Rule[] {
  return [...new Map(rules.map((each) => [`${each.httpMethod} ${each.template}`, each])).values()];
}

test("finds the route that a search over all rules finds", () => {
  fc.assert(
    fc.property(
      fc.array(rule, { maxLength: 8 }),
      fc.array(path, { minLength: 1, maxLength: 8 }),
      fc.constantFrom("GET", "POST", "HEAD", "PUT"),
      (rules, paths, httpMethod) => {
        const kept = distinct(rules);
        const table = tableOf(
          kept.map((each) =>
            bind({ pattern: { case: "custom", value: { kind: each.httpMethod, path: each.template } } }),
          ),
        );
        for (const target of paths) {
          assert.equal(show(table.match(httpMethod, target)), findNaively(kept, httpMethod, target), target);
        }
      },
    ),
    { numRuns: 400 },
  );
});

/** Any text that UTF-8 can encode. */
const value = fc.string({ unit: "binary", minLength: 1, maxLength: 20 }).filter((text) => text.isWellFormed());

test("gives back every value that was encoded into one segment", () => {
  const table = tableOf([
    bind({ pattern: { case: "get", value: "/v1/{text}/{shelf}:go" } }),
    bind({ pattern: { case: "get", value: "/v1/{text}/{shelf}" } }, "other"),
  ]);
  fc.assert(
    fc.property(value, value, fc.constantFrom("", ":go"), (first, second, verb) => {
      const answer = table.match("GET", `/v1/${encodeURIComponent(first)}/${encodeURIComponent(second)}${verb}`);
      assert.deepEqual(answer.kind === "match" && answer.captures, [first, second]);
    }),
  );
});

test("gives back every value that was encoded into several segments, except encoded slashes", () => {
  const table = tableOf([bind({ pattern: { case: "get", value: "/v1/{text=**}" } })]);
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 4 }), (parts) => {
      const answer = table.match("GET", `/v1/${parts.map(encodeURIComponent).join("/")}`);
      const expected = parts.map((part) => part.replaceAll("/", "%2F")).join("/");
      assert.deepEqual(answer.kind === "match" && answer.captures, [expected]);
    }),
  );
});

test("gives back every value that was encoded into the query", () => {
  const found = matchOf("GET", "/v1/find");
  fc.assert(
    fc.property(fc.array(value), value, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (tags, email, u64) => {
      const query = new URLSearchParams([
        ...tags.map((tag) => ["tags", tag] as [string, string]),
        ["profile.email", email],
        ["u64", String(u64)],
      ]);
      const request = decodeRequest({ ...found, query: query.toString() }, undefined, new Uint8Array(0));
      const {
        tags: readTags,
        profile,
        u64: readU64,
      } = request as unknown as { tags: string[]; profile: { email: string }; u64: bigint };
      assert.deepEqual([readTags, profile.email, readU64], [tags, email, u64]);
    }),
  );
});

const fields = fc.constantFrom(
  "name",
  "expectedSequence",
  "profile",
  "tags",
  "counts",
  "extra",
  "@type",
  "colour",
  "expireTime",
  "duration",
  "never",
  "note",
  "attributes",
  "title",
  "mask",
  "cover",
  "price",
  "readers",
  "__proto__",
  "email",
  "manager",
  "value",
);
const leaves = fc.constantFrom<unknown>(
  null,
  true,
  0,
  -1,
  1.5,
  1e21,
  2 ** 53,
  "",
  "x",
  "1",
  "1s",
  "COLOUR_RED",
  "2030-01-01T00:00:00Z",
  "a,b",
  "x/shelf.v1.Profile",
  "x/google.protobuf.Timestamp",
  "AQ==",
  "\ud800",
);
const { json } = fc.letrec((tie) => ({
  json: fc.oneof(
    { maxDepth: 4 },
    leaves,
    fc.array(tie("json"), { maxLength: 3 }),
    fc.array(fc.tuple(fields, tie("json")), { maxLength: 5 }).map((entries) => Object.fromEntries(entries)),
  ),
}));
const body = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.json().map((text) => new TextEncoder().encode(text)),
  fc.string({ unit: fc.constantFrom(...'{}[]:,"\\ntrue01-.eE \ud83d') }).map((text) => new TextEncoder().encode(text)),
  json.map((tree) => new TextEncoder().encode(JSON.stringify(tree))),
);

test("throws nothing but ConnectError, whatever target and body are", () => {
  const tables = [shelfTable(), shelfTable({ unknownFields: "ignore", unknownQuery: "ignore" })];
  const target = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: fc.constantFrom(..."/%:.?=&*{}a2fFv1") }).map((text) => `/v1/${text}`),
    fc.constantFrom(
      "/v1/books",
      "/v1/books/b:lock",
      "/v1/profiles/a",
      "/v1/expiry/1s",
      "/v1/notes",
      "/v1/counts",
      "/v1/echo",
      "/v1/find?",
    ),
    fc
      .tuple(fields, fc.string({ unit: "binary" }))
      .map(([field, text]) => `/v1/find?${field}=${encodeURI(text.toWellFormed())}`),
  );
  const httpMethod = fc.constantFrom("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD");
  fc.assert(
    fc.property(
      httpMethod,
      target,
      body,
      fc.constantFrom("application/json", "text/plain", undefined),
      (verb, text, bytes, contentType) => {
        for (const table of tables) {
          const answer = table.match(verb, text);
          if (answer.kind === "match") {
            try {
              decodeRequest(answer, contentType, bytes);
            } catch (error) {
              assert.ok(error instanceof ConnectError, String(error));
            }
          }
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test("names a reason for every JSON that protobuf-es refuses, never the fallback", () => {
  const found = matchOf("POST", "/v1/books");
  fc.assert(
    fc.property(json, (tree) => {
      try {
        decodeRequest(found, "application/json", new TextEncoder().encode(JSON.stringify(tree)));
      } catch (error) {
        assert.ok(error instanceof ConnectError);
        assert.doesNotMatch(error.rawMessage, /does not fit/);
      }
    }),
    { numRuns: 2000 },
  );
});

test("answers hostile paths in time that grows only with their length", () => {
  const rules = ["/{text=**}", "/a/*/a/*/a/*/b", "/*/a/*/a/*/a/b", "/a/a/a/*/*/*/b:x", "/*/*/*/*/*/*/c"];
  const table = tableOf(rules.map((path) => bind({ pattern: { case: "post", value: path } })));
  const startMs = threadCpuMs();
  for (const target of [
    "/a".repeat(100_000),
    "/".repeat(200_000),
    `/${":x".repeat(100_000)}`,
    `/${"%2F".repeat(60_000)}`,
  ]) {
    assert.equal(table.match("GET", target).kind, "method_not_allowed");
  }
  assert.ok(threadCpuMs() - startMs < 2000);
});
