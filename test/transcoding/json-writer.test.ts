/** The compiled writers of JSON write what protobuf-es writes, and fail as it fails. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { create, createRegistry, type DescMessage, type Registry, toJson } from "@bufbuild/protobuf";
import { AnySchema, anyPack, DurationSchema, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { GetUserResponseSchema } from "../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { jsonWriter } from "../../src/transcoding/json-writer.ts";
import { seededRandom } from "../support/random.ts";
import { randomMessage } from "../support/random-message.ts";
import { scaled } from "../support/scale.ts";
import { message, registry as shelfRegistry } from "./support/shelf.ts";
import { answerOf, answerTypes, outcomeOf, UNFIT, WIDE_TYPES, writesAlone } from "./support/writer-cases.ts";

const PER_ANSWER = scaled({ quick: 4, full: 40, soak: 1_000 });
const PER_WIDE = scaled({ quick: 300, full: 3_000, soak: 100_000 });
const INSTANTS = scaled({ quick: 2_000, full: 20_000, soak: 1_000_000 });

const stock = (type: DescMessage, registry: Registry | undefined) => (made: Parameters<typeof toJson>[1]) =>
  JSON.stringify(toJson(type, made, registry === undefined ? {} : { registry }));

test("any message has the text, or the error, of protobuf-es", async (t) => {
  const random = seededRandom(t);
  const rounds = [
    ...(await answerTypes()).map((type) => [type, PER_ANSWER] as const),
    ...WIDE_TYPES.map((type) => [type, PER_WIDE] as const),
  ];
  for (const [type, times] of rounds) {
    for (const registry of [undefined, shelfRegistry]) {
      const [write, expected] = [jsonWriter(type, { registry }), stock(type, registry)];
      for (let time = 0; time < times; time++) {
        const made = answerOf(random, type);
        assert.deepEqual(
          outcomeOf(() => write(made)),
          outcomeOf(() => expected(made)),
          type.typeName,
        );
      }
    }
  }
});

test("a value that has a kind and nothing in it is left out, as protobuf-es does", () => {
  const [type] = WIDE_TYPES.filter(({ typeName }) => typeName === "shelf.v1.Book");
  assert.ok(type !== undefined);
  const note = { $typeName: "google.protobuf.Value", kind: { case: "boolValue", value: undefined } };
  const made = Object.assign(create(type), { note, title: "a" });
  assert.equal(jsonWriter(type)(made), stock(type, undefined)(made));
});

test("ordinary messages are written without protobuf-es", (t) => {
  const random = seededRandom(t);
  const write = jsonWriter(GetUserResponseSchema);
  for (let time = 0; time < 50; time++) {
    const made = randomMessage(random, GetUserResponseSchema, "likely");
    assert.ok(writesAlone(write, made), JSON.stringify(stock(GetUserResponseSchema, undefined)(made)));
  }
});

test("any instant and any duration has the text of protobuf-es", (t) => {
  const random = seededRandom(t);
  for (let time = 0; time < INSTANTS; time++) {
    const seconds = BigInt(random.below(2 ** 32) * random.pick([1, 59, -15, 100]) + random.below(1_000));
    const nanos = random.pick([0, 0, 1, 120_000_000, 7_000, 999_999_999, random.below(10 ** 9), -1, 10 ** 9, 0.5]);
    for (const type of [TimestampSchema, DurationSchema]) {
      const made = create(type, { seconds, nanos });
      assert.deepEqual(
        outcomeOf(() => jsonWriter(type)(made)),
        outcomeOf(() => stock(type, undefined)(made)),
      );
    }
  }
});

test("a Struct that is not JSON has the text, or the error, of protobuf-es", () => {
  const type = message("Book");
  for (const value of UNFIT.flatMap((each) => [each, { deep: each }, { list: [each] }])) {
    const made = create(type, { attributes: value } as Record<string, unknown>);
    assert.deepEqual(
      outcomeOf(() => jsonWriter(type)(made)),
      outcomeOf(() => stock(type, undefined)(made)),
    );
  }
});

test("any text is escaped as JSON.stringify does", () => {
  const write = jsonWriter(GetUserResponseSchema);
  for (let code = 0; code <= 0xffff; code++) {
    const userId = String.fromCharCode(code);
    const made = create(GetUserResponseSchema, { user: { userId } });
    assert.equal(write(made), `{"user":{"userId":${JSON.stringify(userId)}}}`);
    if (code < 0x100 || code >= 0xd700) {
      const long = userId.padStart(40, "x");
      assert.equal(
        write(create(GetUserResponseSchema, { user: { userId: long } })),
        `{"user":{"userId":${JSON.stringify(long)}}}`,
      );
    }
  }
});

test("an Any is written by the registry, and one of an unknown type is the error of protobuf-es", () => {
  const type = message("Book");
  const profile = create(message("Profile"), { email: "ada@example.com" });
  const made = create(type, { extra: anyPack(message("Profile"), profile) });
  assert.equal(jsonWriter(type, { registry: shelfRegistry })(made), stock(type, shelfRegistry)(made));
  assert.throws(() => jsonWriter(type, { registry: createRegistry(AnySchema) })(made), /is not in the type registry/);
});
