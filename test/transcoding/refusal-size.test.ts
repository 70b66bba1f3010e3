/** Refusals fit into 8 KiB on every wire, whatever they contain. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createRegistry } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  file_google_rpc_error_details,
} from "../../gen/google/rpc/error_details_pb.ts";
import { listFields } from "../../src/domain/refusal.ts";
import { encodeStatusError } from "../../src/transcoding/error.ts";
import { fitRefusal } from "../../src/transcoding/refusal-size.ts";

const BYTES_MAX = 8 * 1024;
const registry = createRegistry(file_google_rpc_error_details);

/** An error whose message, violation and metadata are this text. */
function errorOf(text: string): ConnectError {
  return new ConnectError(text, Code.InvalidArgument, undefined, [
    { desc: ErrorInfoSchema, value: { reason: "FIELD_INVALID", domain: "lockkeeper", metadata: { key: text } } },
    { desc: BadRequestSchema, value: { fieldViolations: [{ field: text, description: text }] } },
  ]);
}

/** The largest form of the error on any wire. */
function bytesOf(error: ConnectError): number {
  let trailerBytes = 0;
  for (const [name, value] of setTrailerStatus(new Headers(), error)) trailerBytes += name.length + value.length;
  const bodies = [errorToJsonBytes(error, { registry }), encodeStatusError(error, { registry }).body];
  return Math.max(trailerBytes, ...bodies.map(({ byteLength }) => byteLength));
}

for (const [name, character] of Object.entries({ plain: "x", quote: '"', wide: "語", pair: "😀", control: "\u0001" })) {
  for (const length of [10, 100, 400, 1_000, 10_000, 200_000]) {
    test(`an error with ${length} characters (${name}) fits and keeps its reason`, () => {
      const error = errorOf(character.repeat(length));
      fitRefusal(error);
      assert.ok(bytesOf(error) <= BYTES_MAX, `${bytesOf(error)} bytes`);
      assert.equal(error.findDetails(ErrorInfoSchema)[0]?.reason, "FIELD_INVALID");
      if (length <= 10) assert.deepEqual(error.details, errorOf(character.repeat(length)).details);
    });
  }
}

test("of many fields 20 are listed, and the last says how many more there are", () => {
  const fields = Array.from({ length: 1_000 }, (_, i) => ({ field: `f[${i}]`, description: "is wrong" }));
  const listed = listFields(fields);
  assert.equal(listed.length, 20);
  assert.deepEqual(listed.at(-1), { field: "f[19]", description: "is wrong (and 980 more)" });
  const long = listFields(fields.map(({ field }) => ({ field, description: "x".repeat(400) })));
  assert.ok(long.length > 1 && long.length < 20);
  assert.match(long.at(-1)?.description ?? "", new RegExp(`\\(and ${1_000 - long.length} more\\)$`));
  assert.deepEqual(listFields(fields.slice(0, 2)), fields.slice(0, 2));
});
