/** Watchers that read the log themselves: they take turns, and nothing that they get is large. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { EVENTS_WEIGHT_MAX } from "../../../src/domain/page-weight.ts";
import { Feed, type WatchCall } from "../../../src/service/feed/feed.ts";
import { StreamPlaces } from "../../../src/service/stream-places.ts";
import type { Store } from "../../../src/store/store.ts";
import { createUser } from "../../store/support/commands.ts";
import { openFixture } from "../../store/support/sqlite-fixture.ts";
import { startService } from "../../support/service.ts";

const WATCHERS = 20;
const USERS = 300;

/** The same store; counts how many pages of its log are read at once. */
function counted(store: Store) {
  let running = 0;
  const pages = { total: 0, mostAtOnce: 0 };
  const listEvents: Store["listEvents"] = (query, options) => {
    pages.total++;
    pages.mostAtOnce = Math.max(pages.mostAtOnce, ++running);
    return store.listEvents(query, options).finally(() => running--);
  };
  return { pages, store: { log: store.log, listEvents } };
}

describe("a watcher that is behind", () => {
  test("waits for its turn to read the log, and no more than a few do so at once", async (t) => {
    const { store } = await openFixture(t);
    await Promise.all(Array.from({ length: USERS }, (_, index) => store.execute(createUser(`u${index}`))));
    const { pages, store: countedStore } = counted(store);
    const feed = new Feed({
      store: countedStore,
      places: new StreamPlaces("watch", { streamsMax: WATCHERS, streamsOfCallerMax: WATCHERS }),
      recheck: () => undefined,
      createMessages: () => (events) => events.map(({ position }) => position),
    });
    const controller = new AbortController();
    const actor = { id: "key:1", permissions: new Set(), scope: null, expireTime: null };
    const call = { admission: { actor }, signal: controller.signal, takeTurn: () => undefined } as unknown as WatchCall;
    const view = { filter: {}, seesPersonal: true };
    const watch = async (): Promise<readonly number[]> => {
      const seen: number[] = [];
      for await (const positions of feed.watch(view, "0", call)) {
        seen.push(...positions);
        if (seen.length > USERS) break;
      }
      return seen;
    };
    const all = await Promise.all(Array.from({ length: WATCHERS }, watch));
    const whole = Array.from({ length: USERS + 1 }, (_, index) => index + 1);
    for (const seen of all) assert.deepEqual(seen, whole);
    assert.equal(pages.mostAtOnce, 2);
    pages.total = 0;
    const last = feed.watch({ ...view, filter: { user: [`u${USERS - 1}`] } }, "0", call);
    assert.deepEqual([(await last.next()).value, (await last.next()).value?.length, pages.total], [[], 1, 1]);
    controller.abort();
  });

  test("gets large events in messages that every client takes, and so does one that follows", async (t) => {
    const running = await startService(t);
    const large = (name: string) =>
      Array.from({ length: 12 }, (_, index) => ({
        userId: `${name}${index}`,
        attributes: { app: { text: "x".repeat(60_000) } },
      }));
    const readAll = async (count: number, onFirst?: () => Promise<unknown>) => {
      const sizes: number[] = [];
      let total = 0;
      for await (const { events } of running.events.watchEvents({ cursor: onFirst === undefined ? "0" : "" })) {
        if (sizes.length === 0) await onFirst?.();
        const imported = events.filter(({ payload }) => payload.case === "userImported").length;
        sizes.push(imported);
        total += imported;
        if (total === count) return sizes;
      }
      return assert.fail("the stream ended");
    };
    const followed = await readAll(12, () => running.users.importUsers({ users: large("a") }));
    const replayed = await readAll(12);
    const most = Math.floor(EVENTS_WEIGHT_MAX / 60_000);
    for (const sizes of [followed, replayed]) assert.ok(Math.max(...sizes) <= most, `${sizes}`);
  });
});
