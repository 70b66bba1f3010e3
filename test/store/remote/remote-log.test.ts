/** The readings of the log that the store keeps for a thread. */
import assert from "node:assert/strict";
import { it } from "node:test";
import type { ListedEvent } from "../../../src/store/queries.ts";
import { LogReadings } from "../../../src/store/remote/remote-log.ts";

it("a reading that its thread leaves between two calls ends in the store too", async () => {
  const ended: number[] = [];
  const readings = new LogReadings({
    open: async () => ({ position: 0, cursor: "", head: 0 }),
    async *read(after) {
      try {
        for (;;) yield [] as readonly ListedEvent[];
      } finally {
        ended.push(after);
      }
    },
  });
  for (const reader of [1, 2, 3]) await readings.next(reader, reader);
  readings.close(1);
  readings.close(1);
  readings.closeAll();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(ended, [1, 2, 3]);
});
