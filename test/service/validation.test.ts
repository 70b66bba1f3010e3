/** Refusals describe a wrong field in words: no caller has to read a regular expression. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { LockUserRequestSchema } from "../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { PATTERN_WORDS, validate } from "../../src/service/validation.ts";

test("each pattern of the contract has words, and none is left over", () => {
  const folder = new URL("../../proto/lockkeeper/", import.meta.url);
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".proto"));
  const texts = names.map((name) => readFileSync(new URL(name, folder), "utf8")).join("\n");
  const patterns = new Set([...texts.matchAll(/\bpattern: "([^"]*)"/g)].map(([, pattern]) => pattern));
  assert.deepEqual([...patterns].sort(), Object.keys(PATTERN_WORDS).sort());
});

test("a refusal has words instead of the pattern", () => {
  const refusal = validate(LockUserRequestSchema, create(LockUserRequestSchema, { userId: "u", requestId: "a b" }));
  assert.equal(
    refusal?.message,
    'request_id: "a b" is not allowed; it must be visible ASCII characters without spaces',
  );
});
