/** Messages that are encoded once have the bytes that protobuf-es gives them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type Message, toBinary } from "@bufbuild/protobuf";
import { WatchEventsResponseSchema } from "../../../gen/lockkeeper/event/v1/event_service_pb.ts";
import { encodedOnce } from "../../../src/transport/connect/encoded-once.ts";

async function* streamOf(...messages: readonly Message[]): AsyncGenerator<Message> {
  yield* messages;
}

test("a message that goes to several callers is encoded once, into the same bytes", async () => {
  const events = [
    { userId: "ann", sequence: 7n, payload: { case: "sessionRevoked", value: { sessionId: "s" } } } as const,
  ];
  for (const message of [
    create(WatchEventsResponseSchema, { events, cursor: "c" }),
    create(WatchEventsResponseSchema, { cursor: "c" }),
    create(WatchEventsResponseSchema),
  ]) {
    const sent: Message[] = [];
    for (let caller = 0; caller < 2; caller++) {
      for await (const one of encodedOnce(streamOf(message), WatchEventsResponseSchema)) sent.push(one);
    }
    const [first, second] = sent;
    assert.ok(first !== undefined && first === second);
    const bytes = toBinary(WatchEventsResponseSchema, first as typeof message);
    assert.deepEqual(bytes, toBinary(WatchEventsResponseSchema, message));
  }
});
