/** What a replica writes while others do: its tail lets go of what is erased, wherever the events stand among others. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Tail } from "../../../../src/store/log/tail.ts";
import { HeadWatch } from "../../../../src/store/postgres/live/head-watch.ts";
import type { Head } from "../../../../src/store/postgres/write/batch-writer.ts";
import type { RecordedEvent } from "../../../../src/store/queries.ts";

const HEAD: Head = {
  ...{ position: 5, configPosition: 3, link: new Uint8Array(32), generation: 1, oldestBeside: "0" },
  ...{ recordTime: 0, serverTime: 0 },
};

function eventAt(position: number, event: object): RecordedEvent {
  return { position, userId: "u", organizationId: "o", hash: new Uint8Array(32), event } as unknown as RecordedEvent;
}

const CREATED = { type: "UserCreated", data: {}, personal: {} };
const ERASING = { type: "UserDeleted", data: { erased: true }, personal: {} };

for (const [where, before] of [
  ["follow on what is known", HEAD],
  ["follow on users' events of another replica", { ...HEAD, position: 7 }],
  ["follow on configuration of another replica, which is not known yet", { ...HEAD, position: 7, configPosition: 7 }],
] as const) {
  test(`a reading of the log is done again when erasures come meanwhile that ${where}`, async () => {
    const log = [eventAt(5, { ...CREATED, personal: { note: "secret" } })];
    const answer = Promise.withResolvers<void>();
    const readLog = async (after: number): Promise<readonly RecordedEvent[]> => {
      const events = log.filter(({ position }) => position > after);
      await answer.promise;
      return events;
    };
    const tail = new Tail({ position: 5, onTrouble: assert.ifError, readLog });
    // It is closed, so that it reads no head: there is no server.
    const watch = new HeadWatch({
      ...{ tail, head: HEAD, pool: undefined as never },
      ...{ onReading: () => undefined, onTrouble: assert.ifError },
    });
    watch.close();
    const reading = tail.read(0, AbortSignal.timeout(5_000)).next();
    const erasing = eventAt(before.position + 1, ERASING);
    log.splice(0, 1, eventAt(5, CREATED), erasing);
    await watch.written(before, [erasing]);
    answer.resolve();
    assert.deepEqual((await reading).value, log);
  });
}
