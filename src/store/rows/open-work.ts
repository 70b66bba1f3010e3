/** What the upkeep has still to do, for the metrics: the same query on both engines. */

export interface OpenWork {
  /** The time of the newest checkpoint if events came after it, in milliseconds since the epoch; null: it covers all. */
  readonly uncovered_since: number | null;
  /** Users whose values are hidden and not erased yet; 1,000 are as many or more. */
  readonly open_erasures: number;
}

/** Without any checkpoint the first event is the one that waits longest. */
export const READ_OPEN_WORK = `SELECT
  (SELECT coalesce(c.time, (SELECT record_time FROM events WHERE position = 1)) FROM log_head AS h
    LEFT JOIN (SELECT position, time FROM checkpoints ORDER BY position DESC LIMIT 1) AS c ON h.id = 1
    WHERE h.position > coalesce(c.position, 0)) AS uncovered_since,
  (SELECT count(*) FROM (SELECT 1 FROM erasures WHERE end_time IS NULL LIMIT 1000) AS x) AS open_erasures`;
