/** A covering index to count and bound the counters of unknown users. Frozen once released. */

const STATEMENTS: readonly string[] = [
  `DROP INDEX attempt_counters_shadow`,
  // By subject, which is in the index; shadow_state needed each row. Subjects begin with "shadow:" or "user:".
  `CREATE INDEX attempt_counters_shadow ON attempt_counters (touch_time) WHERE subject < 'user:'`,
  // A lock kept its counter until the end of the lock, which may never come: now for at most 30 days.
  `UPDATE attempt_counters SET touch_time = h.latest FROM (SELECT record_time + 2592000000 AS latest FROM log_head) AS h
    WHERE subject < 'user:' AND touch_time > h.latest`,
];

export const shadowPlaces = { name: "0012-shadow-places", statements: STATEMENTS };
