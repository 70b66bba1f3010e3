/** Messages that are encoded once have the bytes that protobuf-es gives them, also where they share items. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type Message, toBinary, toJsonString } from "@bufbuild/protobuf";
import { EventSchema } from "../../../gen/lockkeeper/event/v1/event_pb.ts";
import { WatchEventsResponseSchema } from "../../../gen/lockkeeper/event/v1/event_service_pb.ts";
import { encodedOnce } from "../../../src/transport/connect/encoded-once.ts";

async function* streamOf(messages: readonly Message[]): AsyncGenerator<Message> {
  yield* messages;
}

const NO_EXCHANGE = { write: async () => undefined, writeNow: () => false, bodyBegun: false };

test("a Connect that asks for the second message before it has written the first one gets an error", async () => {
  const messages = ["a", "b"].map((cursor) => create(WatchEventsResponseSchema, { cursor }));
  const send = encodedOnce(WatchEventsResponseSchema, {});
  const sent = send(streamOf(messages), NO_EXCHANGE, { sender: undefined }, true);
  await sent.next();
  await assert.rejects(sent.next(), /before it has written the first one/);
});

test("messages that go to several callers are encoded once, into the same bytes, and the first one by Connect", async () => {
  const [ann, bob] = ["ann", "bob\u00e9"].map((userId) =>
    create(EventSchema, { userId, sequence: 7n, payload: { case: "sessionRevoked", value: { sessionId: "s" } } }),
  );
  assert.ok(ann !== undefined && bob !== undefined);
  const messages = [[ann, bob], [bob], [], [ann]].map((events, index) =>
    create(WatchEventsResponseSchema, { events, cursor: index === 3 ? "" : `c${index}` }),
  );
  const send = encodedOnce(WatchEventsResponseSchema, {});
  const encodings = [
    (message: (typeof messages)[number]) => Buffer.from(toBinary(WatchEventsResponseSchema, message)),
    (message: (typeof messages)[number]) => Buffer.from(toJsonString(WatchEventsResponseSchema, message)),
  ];
  for (const [index, encode] of encodings.entries()) {
    const callers: Uint8Array[][] = [[], []];
    for (const written of callers) {
      const exchange = { ...NO_EXCHANGE, write: async (frame: Uint8Array) => void written.push(frame) };
      const yielded: Message[] = [];
      for await (const message of send(streamOf(messages), exchange, { sender: undefined }, index === 0)) {
        yielded.push(message);
        exchange.bodyBegun = true;
      }
      assert.deepEqual(yielded, messages.slice(0, 1));
    }
    const expected = messages.slice(1).map((message) => {
      const bytes = encode(message);
      const prefix = Buffer.alloc(5);
      prefix.writeUInt32BE(bytes.length, 1);
      return Buffer.concat([prefix, bytes]);
    });
    assert.deepEqual(callers[0]?.map(Buffer.from), expected);
    for (const [each, frame] of callers[0]?.entries() ?? []) assert.equal(frame, callers[1]?.[each]);
  }
});
