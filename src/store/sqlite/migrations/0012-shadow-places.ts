/** Counters of unknown users are counted and bounded along an index that has all that this takes. Frozen once released. */

const STATEMENTS: readonly string[] = [
  `DROP INDEX attempt_counters_shadow`,
  // By the subject, which is in the index; shadow_state was looked up row by row. Subjects begin with "shadow:" or "user:".
  `CREATE INDEX attempt_counters_shadow ON attempt_counters (touch_time) WHERE subject < 'user:'`,
  // A lock kept its counter until its end, which may never come: 30 days from now at the most.
  `UPDATE attempt_counters SET touch_time = h.latest FROM (SELECT record_time + 2592000000 AS latest FROM log_head) AS h
    WHERE subject < 'user:' AND touch_time > h.latest`,
];

export const shadowPlaces = { name: "0012-shadow-places", statements: STATEMENTS };
