/** The cursor that a stream of the feed ends with when the service stops: nothing before it was left out. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Admission } from "../../../src/auth/admission.ts";
import { EVERY_EVENT } from "../../../src/domain/event-filter.ts";
import { RefusalError } from "../../../src/domain/refusal.ts";
import { Feed, type WatchCall } from "../../../src/service/feed/feed.ts";
import { WatchPlaces } from "../../../src/service/feed/watch-places.ts";
import type { ListedEvent } from "../../../src/store/queries.ts";

const HEAD = 1_000;
const ADMISSION = { actor: { id: "k", scope: null } } as unknown as Admission;

/** An old log: batches of two events, as many as `batches`, and then a wait that only the signal ends. */
function feedOf(batches: number, onWait: () => void = () => undefined) {
  return new Feed<{ readonly cursor: string; readonly count: number }>({
    places: new WatchPlaces({ streamsMax: 1, streamsOfCallerMax: 1 }),
    recheck: () => undefined,
    toMessage: ({ length: count }, cursor) => ({ cursor, count }),
    log: {
      open: async (cursor) =>
        cursor === undefined ? { position: HEAD, cursor: "head" } : { position: 0, cursor: "c0" },
      async *read(after, signal) {
        for (let batch = 0; after === 0 && batch < batches; batch++) {
          yield [1, 2].map((each) => {
            const position = 2 * batch + each;
            const event = { type: "UserLocked", actor: "a", data: {}, personal: {} };
            const listed = {
              position,
              cursor: `c${position}`,
              organizationId: null,
              userId: "u",
              recordTime: 0,
              event,
            };
            return listed as unknown as ListedEvent;
          });
        }
        if (after === 0) onWait();
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
      },
    },
  });
}

/** Reads to the end. Returns the last cursor that was sent and the one that the refusal names. */
async function endOf(feed: ReturnType<typeof feedOf>, call: Pick<WatchCall, "signal" | "takeTurn">) {
  const sent: string[] = [];
  try {
    const view = { filter: EVERY_EVENT, seesPersonal: true };
    for await (const { cursor } of feed.watch(view, "0", { admission: ADMISSION, ...call })) sent.push(cursor);
  } catch (error) {
    assert.ok(error instanceof RefusalError, String(error));
    return { sent, reason: error.refusal.reason, cursor: error.refusal.metadata?.cursor };
  }
  assert.fail("the stream ended without an error");
}

describe("a stream that still reads old events when the service stops", () => {
  it("ends with the cursor before the events that it had read and not sent", async () => {
    const controller = new AbortController();
    let turns = 0;
    const takeTurn = (): undefined => {
      if (++turns === 2) controller.abort(new ConnectError("stop", Code.Unavailable));
    };
    const end = await endOf(feedOf(5), { signal: controller.signal, takeTurn });
    assert.deepEqual(end, { sent: ["c0", "c2"], reason: "SERVICE_STOPPING", cursor: "c2" });
  });

  it("ends with its cursor while it waits for the log", async () => {
    const controller = new AbortController();
    const stop = (): void => controller.abort(new ConnectError("stop", Code.Unavailable));
    const feed = feedOf(2, () => void setImmediate(stop));
    const end = await endOf(feed, { signal: controller.signal, takeTurn: () => undefined });
    assert.deepEqual(end, { sent: ["c0", "c2", "c4"], reason: "SERVICE_STOPPING", cursor: "c4" });
  });
});
