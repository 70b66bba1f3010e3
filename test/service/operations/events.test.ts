/** RedactEvent as an operation: what it reads of the history. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ListLanes } from "../../../src/service/list-lanes.ts";
import type { WaitingCaller } from "../../../src/service/operations/caller.ts";
import { eventOperations } from "../../../src/service/operations/events.ts";
import { createUser, lockUser } from "../../store/support/commands.ts";
import { resourceOf } from "../../store/support/outcomes.ts";
import { openFixture } from "../../store/support/sqlite-fixture.ts";

test("a redaction that was answered before is answered without a search", async (t) => {
  const { store } = await openFixture(t);
  resourceOf(await store.execute(createUser("u")));
  resourceOf(await store.execute(lockUser("u", { note: "three calls" })));
  let searches = 0;
  const counted = new Proxy(store, {
    get(target, name) {
      if (name === "listUserEvents") searches++;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const { redactEvent } = eventOperations({ store: counted, lists: new ListLanes({ ofCallerMax: 1, max: 1 }) });
  const caller = {
    admission: { actor: { id: "admin", scope: null } },
    wire: "grpc",
    signal: new AbortController().signal,
  } as unknown as WaitingCaller;
  const redaction = { userId: "u", eventSequence: 2, fields: [], reasonCode: "", note: "" };
  const terms = { scope: null, request: { rpc: "RedactEvent", id: "once", content: new Uint8Array(32) } };
  const first = await redactEvent(redaction, caller, terms);
  assert.deepEqual([first.state.sequence, searches], [3, 1]);
  const again = await redactEvent(redaction, caller, terms);
  assert.deepEqual([again.state.sequence, searches], [3, 1]);
  const unknown = { ...terms, request: { ...terms.request, id: "other" } };
  await assert.rejects(redactEvent({ ...redaction, eventSequence: 9 }, caller, unknown), /there is no event 9/);
});
