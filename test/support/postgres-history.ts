/** Looks at a PostgreSQL database itself: order without gaps, the chain, and each user's row from its events. */
import assert from "node:assert/strict";
import { parseAddress } from "../../src/store/postgres/connect/address.ts";
import { openWritable } from "../../src/store/postgres/connect/open-writable.ts";
import { offlineServer } from "../../src/store/postgres/offline/offline.ts";
import type { LoggedRequest } from "./ledger.ts";

interface Logged {
  readonly position: number;
  readonly record_time: number;
  readonly user_id: string | null;
  readonly sequence: number;
  readonly request_id: string;
}

/** Asserts that the history is whole up to its end as it is now; returns the events of users, in order. */
export async function assertWholeHistory(url: string): Promise<readonly LoggedRequest[]> {
  const { position: last } = await offlineServer(url).verify();
  const { connection } = await openWritable({ address: parseAddress(url), prepare: false });
  try {
    // A sweeper may write on meanwhile.
    const text =
      "SELECT position, record_time, user_id, sequence, request_id FROM events WHERE position <= $1 ORDER BY position";
    const events = await connection.rows<Logged>({ name: "", text }, [last]);
    assert.deepEqual(
      events.map(({ position }) => position),
      Array.from({ length: last }, (_, index) => index + 1),
      "the log has gaps",
    );
    const times = events.map(({ record_time }) => record_time);
    assert.deepEqual(
      times.toSorted((a, b) => a - b),
      times,
      "record times fall",
    );
    return events.flatMap(({ user_id, ...event }) => (user_id === null ? [] : [{ ...event, user_id }]));
  } finally {
    await connection.close();
  }
}
