/** WatchEvents after an erasure: what stands in memory shows no more than the log does. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { toJsonString } from "@bufbuild/protobuf";
import { WatchEventsResponseSchema } from "../../../gen/lockkeeper/event/v1/event_service_pb.ts";
import { type Running, startReplicas, startService } from "../../support/service.ts";
import { until } from "../../support/until.ts";
import { openSlowStream, SLOW_WINDOW_BYTES } from "../support/watchers.ts";

const SECRET = "Lovelace";
const PROFILE = { displayName: SECRET } as const;

type Service = Pick<Running, "events" | "users">;

/** Watches after a cursor until a message contains this text. Returns all messages as texts, added to `seen`. */
async function watchTo({ events }: Pick<Service, "events">, text: string, cursor: string, seen: string[] = []) {
  for await (const message of events.watchEvents({ cursor })) {
    seen.push(toJsonString(WatchEventsResponseSchema, message));
    if (seen.at(-1)?.includes(text)) break;
  }
  return seen;
}

const ERASURES = [
  {
    kind: "eventRedacted",
    erase: ({ events }: Service, userId: string) => events.redactEvent({ userId, sequence: 1n }),
  },
  { kind: "userDeleted", erase: ({ users }: Service, userId: string) => users.deleteUser({ userId, erase: true }) },
] as const;

/** `writer` erases while `reader` has a stream, without which nothing is kept; they may be the same. */
async function assertForgotten(writer: Service, reader: Service): Promise<void> {
  const open: string[] = [];
  watchTo(reader, "never", "0", open).catch(() => undefined);
  await until(() => open.some((text) => text.includes("organizationCreated")), "the open stream to follow");
  for (const { kind, erase } of ERASURES) {
    const { cursor } = JSON.parse(open.at(-1) ?? "") as { readonly cursor: string };
    await writer.users.createUser({ userId: kind, profile: PROFILE });
    await until(() => open.some((text) => text.includes(`"${kind}"`)), "the open stream to show the user");
    assert.ok(open.at(-1)?.includes(SECRET));
    await erase(writer, kind);
    const atOnce = await watchTo(reader, `"${kind}":`, cursor);
    await until(() => open.some((text) => text.includes(`"${kind}":`)), "the open stream to show the erasure");
    const afterwards = await watchTo(reader, `"${kind}":`, cursor);
    for (const texts of [atOnce, afterwards]) {
      assert.ok(texts.some((text) => text.includes(`"${kind}"`)));
      assert.ok(!texts.join().includes(SECRET), kind);
    }
  }
}

describe("watchers that come after an erasure", () => {
  test("see none of the erased values", async (t) => {
    const running = await startService(t);
    await assertForgotten(running, running);
  });

  test("see none of them on another replica than the one that has erased them", async (t) => {
    const { replicas } = await startReplicas(t, 2);
    const [writer, reader] = replicas;
    assert.ok(writer !== undefined && reader !== undefined);
    await assertForgotten(writer, reader);
  });
});

test("a watcher that reads slowly sees none of the values that were erased while they waited for it", async (t) => {
  const { users, events, url } = await startService(t);
  const stream = await openSlowStream(t, url);
  // One event and so one message, of more than its connection takes at once: 120 kB.
  await users.createUser({ userId: "before", attributes: { app: { text: "é".repeat(60_000) } } });
  // The client has what it is sent before it reads: the message was written.
  await until(() => stream.readableLength === SLOW_WINDOW_BYTES, "the window to be full");
  await users.createUser({ userId: "ann", profile: PROFILE });
  await watchTo({ events }, '"ann"', "0");
  await events.redactEvent({ userId: "ann", sequence: 1n });
  await users.lockUser({ userId: "ann", reasonCode: "AFTER_ALL" });
  await watchTo({ events }, "AFTER_ALL", "0");
  let text = "";
  for await (const chunk of stream.setEncoding("latin1")) {
    text += chunk;
    if (text.includes("AFTER_ALL")) break;
  }
  assert.ok(text.includes("before"));
  assert.ok(!text.includes(SECRET));
});
