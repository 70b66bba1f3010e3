/** Values are counted alike in both forms of a message, and no bytes make the count fail or take long. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fromJson, type JsonObject, toBinary } from "@bufbuild/protobuf";
import { StructSchema } from "@bufbuild/protobuf/wkt";
import * as pb from "../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { countValues } from "../../src/transcoding/binary-scan.ts";
import { scanJson } from "../../src/transcoding/json-scan.ts";
import { seededRandom } from "../support/random.ts";
import { scaled } from "../support/scale.ts";

const MANY = 1_000_000;

function countJson(json: JsonObject): number {
  return scanJson(JSON.stringify(json), 64).values;
}

const STRUCTS: readonly JsonObject[] = [
  {},
  { a: 1 },
  { a: [] },
  { a: [[], {}, [[]], null] },
  { a: { b: { c: [1, "x,[{", true] } }, d: {} },
];

for (const json of STRUCTS) {
  test(`counts ${JSON.stringify(json)} as its JSON is counted`, () => {
    const bytes = toBinary(StructSchema, fromJson(StructSchema, json));
    // The message itself is one value, too, and no field represents it.
    assert.equal(countValues(StructSchema, bytes, MANY) + 1, countJson(json));
  });
}

test("counts packed numbers one by one, and stops soon after the limit", () => {
  const states = { states: Array<number>(5_000).fill(1) };
  const bytes = toBinary(pb.ListUsersRequestSchema, fromJson(pb.ListUsersRequestSchema, states));
  assert.equal(countValues(pb.ListUsersRequestSchema, bytes, MANY), 5_000);
  assert.ok(countValues(pb.ListUsersRequestSchema, bytes, 10) > 10);
  assert.equal(scanJson(JSON.stringify(states), 64, 10).values, 11);
});

test("counts the members of a value that is repeated many times, and unknown fields", () => {
  // google.protobuf.Value of an entry, 1,000 times the number 0.
  const value = Buffer.alloc(9_000, Buffer.from([0x11, 0, 0, 0, 0, 0, 0, 0, 0]));
  const entry = Buffer.concat([Buffer.from([0x0a, 1, 0x61, 0x12, 0xa8, 0x46]), value]);
  const struct = Buffer.concat([Buffer.from([0x0a, 0xae, 0x46]), entry]);
  assert.ok(countValues(StructSchema, struct, MANY) >= 1_000);
  assert.equal(countValues(StructSchema, Buffer.alloc(2_000, Buffer.from([0x78, 0])), MANY), 1_000);
});

test("takes any bytes", (t) => {
  const random = seededRandom(t);
  for (let i = 0; i < scaled({ quick: 2_000, soak: 100_000 }); i++) {
    const bytes = Buffer.from(Array.from({ length: random.below(60) }, () => random.below(256)));
    assert.ok(countValues(pb.ImportUsersRequestSchema, bytes, MANY) <= bytes.byteLength);
  }
  const deep = Buffer.alloc(100_000, Buffer.from([0x0a]));
  assert.ok(countValues(StructSchema, deep, MANY) >= 0);
});
