/** How a stream of the feed ends: with the cursor of what it sent, and also if nobody reads it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import type { Admission } from "../../../src/auth/admission.ts";
import { EVERY_EVENT } from "../../../src/domain/event-filter.ts";
import { RefusalError, refuse } from "../../../src/domain/refusal.ts";
import { Feed, type WatchCall } from "../../../src/service/feed/feed.ts";
import { Hub } from "../../../src/service/feed/hub.ts";
import { Watcher } from "../../../src/service/feed/watcher.ts";
import { StreamPlaces } from "../../../src/service/stream-places.ts";
import type { ListedEvent } from "../../../src/store/queries.ts";
import type { LogReader } from "../../../src/store/store.ts";

const HEAD = 1_000;
const ADMISSION = { actor: { id: "k", scope: null } } as unknown as Admission;

interface Lab {
  readonly places?: StreamPlaces;
  /** Called for each reading of the tail. */
  readonly onRead?: () => void;
  /** Called when the log has no more. */
  readonly onWait?: () => void;
  readonly recheck?: () => void;
  readonly heartbeatMs?: number;
  /** The newest event of any process; the tail of this one has HEAD. */
  readonly head?: number;
  /** What the log has when this resolves: a reading for each event. */
  readonly later?: Promise<readonly ListedEvent[]>;
  /** Called when all watchers have got these. */
  readonly onDelivered?: () => void;
}

/** An old log: pages of two events, as many as `batches`, and then a wait that only the signal ends. */
function feedOf(
  batches: number,
  { places, onRead, onWait, recheck = () => undefined, heartbeatMs, head = HEAD, later, onDelivered }: Lab = {},
) {
  return new Feed<{ readonly cursor: string; readonly count: number }>({
    places: places ?? new StreamPlaces("watch", { streamsMax: 1, streamsOfCallerMax: 1 }),
    recheck,
    ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
    createMessages:
      () =>
      ({ length: count }, cursor) => ({ cursor, count }),
    store: {
      log: {
        open: async (cursor) =>
          cursor === undefined ? { position: HEAD, cursor: "head", head } : { position: 0, cursor: "c0", head },
        read: async function* read(_, signal) {
          onRead?.();
          for (const event of (await later) ?? []) yield [event];
          onDelivered?.();
          yield await whenAborted(signal);
        },
      },
      listEvents: async ({ afterPosition = 0 }, { signal } = {}) => {
        if (afterPosition === 2 * batches) onWait?.();
        if (afterPosition === 2 * batches) await whenAborted(signal);
        const items = [1, 2].map((each) => eventAt(afterPosition + each));
        const { position, cursor } = items.at(-1) ?? assert.fail();
        return { items, position, cursor, next: "more" };
      },
    },
  });
}

function eventAt(position: number): ListedEvent {
  const event = { type: "UserLocked", actor: "a", data: {}, personal: {} };
  const placed = { position, cursor: `c${position}`, organizationId: null, userId: "u", recordTime: 0, event };
  return placed as unknown as ListedEvent;
}

function whenAborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason as Error)));
}

const CALL = {
  admission: ADMISSION,
  breakOff: () => undefined,
  noteEnd: () => undefined,
  sendNow: () => false,
  isWritable: true,
  untilWritable: () => undefined,
};

/** Reads to the end. Returns the last cursor that was sent and the one that the refusal names. */
async function endOf(feed: ReturnType<typeof feedOf>, call: Pick<WatchCall, "signal" | "takeTurn">) {
  const sent: string[] = [];
  try {
    const view = { filter: EVERY_EVENT, seesPersonal: true };
    for await (const { cursor } of feed.watch(view, "0", { ...CALL, ...call })) sent.push(cursor);
  } catch (error) {
    assert.ok(error instanceof RefusalError, String(error));
    return { sent, reason: error.refusal.reason, cursor: error.refusal.metadata?.cursor };
  }
  assert.fail("the stream ended without an error");
}

function reasonOf(error: unknown): string {
  return (error instanceof ConnectError && error.findDetails(ErrorInfoSchema)[0]?.reason) || String(error);
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
    const feed = feedOf(2, { onWait: () => void setImmediate(stop) });
    const end = await endOf(feed, { signal: controller.signal, takeTurn: () => undefined });
    assert.deepEqual(end, { sent: ["c0", "c2", "c4"], reason: "SERVICE_STOPPING", cursor: "c4" });
  });
});

describe("a stream that waits for the one reading of its thread", () => {
  it("ends with the error of a reading that failed before the stream joined it", async () => {
    const failure = new Error("the log cannot be read");
    const log: LogReader = {
      open: async () => ({ position: HEAD, cursor: "head", head: HEAD }),
      read: async function* read() {
        yield await Promise.reject<never>(failure);
      },
    };
    const hub = new Hub({ log, createMessages: () => () => undefined });
    await hub.start();
    await nextTurn();
    const view = { filter: EVERY_EVENT, seesPersonal: true };
    assert.equal(hub.join(new Watcher(view), HEAD, HEAD), "ahead");
    await assert.rejects(hub.whenRead(), failure);
  });
});

describe("a stream whose caller reads nothing", () => {
  it("is broken off soon after its credential has ended", async () => {
    let isValid: boolean = true;
    const recheck = (): void => {
      if (!isValid) throw new RefusalError(refuse("CREDENTIAL_INVALID", "the key was revoked"));
    };
    const { promise: brokenOff, resolve: breakOff } = Promise.withResolvers<void>();
    const controller = new AbortController();
    const noted: string[] = [];
    const noteEnd = (error: unknown): void => void noted.push(reasonOf(error));
    const call = { ...CALL, signal: controller.signal, takeTurn: () => undefined, breakOff, noteEnd };
    const view = { filter: EVERY_EVENT, seesPersonal: true };
    const stream = feedOf(3, { recheck }).watch(view, "0", call);
    assert.equal((await stream.next()).value?.cursor, "c0");
    isValid = false;
    // Nobody asks for the next message. The look at the credentials keeps no process alive; this does.
    const alive = setInterval(() => undefined, 1_000);
    await brokenOff;
    clearInterval(alive);
    assert.equal(noted[0], "CREDENTIAL_INVALID");
    controller.abort();
    await stream.return();
  });

  it("is recorded as too slow, since nothing can be sent to it", async () => {
    const { promise: noted, resolve: noteEnd } = Promise.withResolvers<unknown>();
    const { promise: later, resolve } = Promise.withResolvers<readonly ListedEvent[]>();
    const controller = new AbortController();
    const call = { ...CALL, signal: controller.signal, takeTurn: () => undefined, noteEnd };
    const stream = feedOf(0, { later }).watch({ filter: EVERY_EVENT, seesPersonal: true }, undefined, call);
    assert.equal((await stream.next()).value?.cursor, "head");
    const next = stream.next();
    // It joins those that follow.
    await nextTurn();
    const large = { type: "UserLocked", actor: "a", data: {}, personal: { note: "x".repeat(600_000) } };
    resolve([1, 2, 3].map((each) => ({ ...eventAt(HEAD + each), event: large }) as unknown as ListedEvent));
    assert.equal((await next).value?.count, 1);
    const alive = setInterval(() => undefined, 1_000);
    assert.equal(reasonOf(await noted), "WATCH_TOO_SLOW");
    clearInterval(alive);
    controller.abort();
    await stream.return();
  });
});

describe("a stream to which nothing happens", () => {
  for (const [why, cursor, head, shown] of [
    ["it has everything", undefined, HEAD, "head"],
    ["the tail of its replica lags behind", undefined, HEAD + 1, "head"],
    ["a reading of the log takes long", "0", HEAD, "c0"],
  ] as const) {
    it(`gets messages with the cursor alone when ${why}`, async () => {
      const controller = new AbortController();
      const sent: unknown[] = [];
      const { promise: enough, resolve } = Promise.withResolvers<void>();
      const call = { ...CALL, signal: controller.signal, takeTurn: () => undefined };
      const view = { filter: EVERY_EVENT, seesPersonal: true };
      const stream = feedOf(0, { heartbeatMs: 1, head }).watch(view, cursor, call);
      // The look at the heartbeats keeps no process alive; this does.
      const alive = setInterval(() => undefined, 1_000);
      const reading = (async () => {
        for await (const message of stream) if (sent.push(message) === 3) resolve();
      })();
      await Promise.race([enough, reading]);
      clearInterval(alive);
      controller.abort();
      await assert.rejects(reading);
      assert.deepEqual(sent.slice(0, 3), Array(3).fill({ cursor: shown, count: 0 }));
    });
  }
});

describe("a stream that waits for events", () => {
  it("sends them past its generator, which yields those for which the client is too slow", async () => {
    const { promise: later, resolve } = Promise.withResolvers<readonly ListedEvent[]>();
    const controller = new AbortController();
    const sent: string[] = [];
    const sendNow = ({ cursor }: { readonly cursor: string }): boolean => sent.push(cursor) < 3;
    const call = { ...CALL, signal: controller.signal, takeTurn: () => undefined, sendNow };
    const stream = feedOf(0, { later }).watch({ filter: EVERY_EVENT, seesPersonal: true }, undefined, call);
    assert.equal((await stream.next()).value?.cursor, "head");
    const next = stream.next();
    // It joins those that follow.
    await nextTurn();
    resolve([1, 2, 3].map((each) => eventAt(HEAD + each)));
    assert.deepEqual([(await next).value?.cursor, sent], ["c1003", ["c1001", "c1002", "c1003"]]);
    controller.abort();
    await stream.return();
  });
});

describe("a stream that waits before it sends", () => {
  for (const [what, waiting] of [
    ["its client", (until: Promise<void>) => ({ untilWritable: () => until, takeTurn: () => undefined })],
    ["its turn", (until: Promise<void>) => ({ takeTurn: () => until })],
  ] as const) {
    it(`leaves events where an erasure finds them while it waits for ${what}, and reads the log again`, async () => {
      const { promise: delivered, resolve: onDelivered } = Promise.withResolvers<void>();
      const { promise: ready, resolve: beReady } = Promise.withResolvers<void>();
      const controller = new AbortController();
      const call = { ...CALL, signal: controller.signal, ...waiting(ready) };
      const erasing = { type: "UserDeleted", actor: "a", data: { erased: true }, personal: {} };
      const events = [eventAt(HEAD + 1), { ...eventAt(HEAD + 2), event: erasing } as unknown as ListedEvent];
      const { promise: later, resolve } = Promise.withResolvers<readonly ListedEvent[]>();
      const feed = feedOf(HEAD, { later, onDelivered });
      const stream = feed.watch({ filter: EVERY_EVENT, seesPersonal: true }, undefined, call);
      assert.equal((await stream.next()).value?.cursor, "head");
      const next = stream.next();
      // It joins those that follow.
      await nextTurn();
      resolve(events);
      const alive = setInterval(() => undefined, 1_000);
      await delivered;
      clearInterval(alive);
      beReady();
      // Not the first event as it came, but both, as the log has them now.
      assert.equal((await next).value?.count, 2);
      controller.abort();
      await stream.return();
    });
  }
});

describe("a watcher that reconnects a thousand times at once", () => {
  it("makes the service read the log a few times at most, and leaves nothing behind", async () => {
    let readings = 0;
    const places = new StreamPlaces("watch", { streamsMax: 1, streamsOfCallerMax: 1 });
    const feed = feedOf(0, { places, onRead: () => readings++ });
    const view = { filter: EVERY_EVENT, seesPersonal: true };
    for (let round = 0; round < 1_000; round++) {
      const controller = new AbortController();
      const stream = feed.watch(view, undefined, { ...CALL, signal: controller.signal, takeTurn: () => undefined });
      assert.equal((await stream.next()).value?.cursor, "head");
      const next = stream.next();
      // It joins those that follow before it leaves.
      await nextTurn();
      controller.abort();
      await assert.rejects(next);
    }
    // A look that finds no watcher ends the reading: on a slow machine there are some.
    assert.ok(readings > 0 && readings < 100, `${readings} readings`);
    assert.equal(places.open, 0);
  });
});
