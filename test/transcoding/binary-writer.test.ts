/** The compiled writers of binary messages write what protobuf-es writes, and fail as it fails. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { GetUserResponseSchema } from "../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { binaryWriter } from "../../src/transcoding/binary-writer.ts";
import { seededRandom } from "../support/random.ts";
import { randomMessage } from "../support/random-message.ts";
import { scaled } from "../support/scale.ts";
import { message } from "./support/shelf.ts";
import { answerOf, answerTypes, outcomeOf, WIDE_TYPES, writesAlone } from "./support/writer-cases.ts";

const PER_ANSWER = scaled({ quick: 4, full: 40, soak: 1_000 });
const PER_WIDE = scaled({ quick: 300, full: 3_000, soak: 100_000 });

test("any message has the bytes, or the error, of protobuf-es", async (t) => {
  const random = seededRandom(t);
  const rounds = [
    ...(await answerTypes()).map((type) => [type, PER_ANSWER] as const),
    ...WIDE_TYPES.map((type) => [type, PER_WIDE] as const),
  ];
  for (const [type, times] of rounds) {
    const write = binaryWriter(type);
    for (let time = 0; time < times; time++) {
      const made = answerOf(random, type);
      const expected = outcomeOf(() => Buffer.from(toBinary(type, made)).toString("hex"));
      const actual = outcomeOf(() => Buffer.from(write(made)).toString("hex"));
      assert.deepEqual(actual, expected, type.typeName);
    }
  }
});

test("ordinary messages are written without protobuf-es", (t) => {
  const random = seededRandom(t);
  for (const type of [message("Everything"), GetUserResponseSchema]) {
    const write = binaryWriter(type);
    for (let time = 0; time < 50; time++) assert.ok(writesAlone(write, randomMessage(random, type, "wild")));
  }
});

test("room is left before the bytes, also where protobuf-es writes them", () => {
  for (const [type, made] of [
    [GetUserResponseSchema, create(GetUserResponseSchema, { user: { userId: "ada" } })],
    [message("Leftovers"), create(message("Leftovers"), { byInt: { 3: "x" } })],
  ] as const) {
    const bytes = Buffer.from(binaryWriter(type)(made as Message, 5));
    assert.deepEqual(bytes.subarray(0, 5), Buffer.alloc(5));
    assert.deepEqual(bytes.subarray(5), Buffer.from(toBinary(type, made as Message)));
  }
});

test("no message is changed by later ones, however long they are", () => {
  const write = binaryWriter(GetUserResponseSchema);
  const texts = ["a", "b".repeat(3_000), "c".repeat(70_000), "é".repeat(200_000), "d"];
  const written = texts.map((userId) => write(create(GetUserResponseSchema, { user: { userId } })));
  assert.deepEqual(
    written.map((bytes) => fromBinary(GetUserResponseSchema, bytes).user?.userId),
    texts,
  );
});
