/** The feed read by the npm package `eventsource`, which knows server-sent events as browsers do. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EventSource } from "eventsource";
import { defer } from "../../support/cleanup.ts";
import { ADMIN_KEY, newDatabase, startService } from "../../support/service.ts";
import { until } from "../../support/until.ts";

interface Watched {
  /** Absent: the message says why the stream ends. */
  readonly result?: { readonly events?: readonly { readonly userId?: string }[] };
}

test("an EventSource goes on where it was after the service has started again", async (t) => {
  const path = await newDatabase(t);
  const first = await startService(t, { path });
  // Where the service is now: the second has another port.
  let place = Promise.resolve(first.url);
  const lastIds: (string | null)[] = [];
  const source = new EventSource("http://lockkeeper.test/v1/events:watch?filter=type%3DUserCreated", {
    fetch: async (url, init) => {
      const { pathname, search } = new URL(url);
      const headers = new Headers(init.headers);
      lastIds.push(headers.get("last-event-id"));
      headers.set("authorization", `Bearer ${ADMIN_KEY}`);
      return await fetch(new URL(pathname + search, await place), { ...init, headers });
    },
  });
  defer(t, () => source.close());
  const seen: string[] = [];
  const ids: string[] = [];
  source.addEventListener("message", ({ data, lastEventId }) => {
    const { result } = JSON.parse(String(data)) as Watched;
    ids.push(lastEventId);
    seen.push(...(result?.events ?? []).map(({ userId = "" }) => userId));
  });
  await until(() => ids.length > 0, "the first message");
  await first.users.createUser({ userId: "ann" });
  await until(() => seen.length === 1, "the first user");
  const next = Promise.withResolvers<string>();
  place = next.promise;
  await first.stop();
  const second = await startService(t, { path });
  await second.users.createUser({ userId: "bob" });
  next.resolve(second.url);
  await until(() => seen.length === 2, "the second user");
  assert.deepEqual(seen, ["ann", "bob"]);
  const [none, resumed, ...more] = lastIds;
  assert.deepEqual([none, ids.includes(resumed ?? ""), more], [null, true, []]);
});
