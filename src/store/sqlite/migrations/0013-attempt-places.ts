/** Attempts under way get a table of their own, which is small. Frozen once released. */

const STATEMENTS: readonly string[] = [
  // A counter has random neighbours, and each attempt wrote its page twice: when it began and when it ended. These rows
  // exist only while an attempt is under way, so they share a few pages.
  `CREATE TABLE attempt_places (
    subject TEXT NOT NULL,
    factor TEXT NOT NULL,
    places TEXT NOT NULL,
    next_due INTEGER NOT NULL,
    PRIMARY KEY (subject, factor)
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX attempt_places_due ON attempt_places (next_due)`,
  `INSERT INTO attempt_places (subject, factor, places, next_due)
    SELECT subject, factor, outstanding, next_due FROM attempt_counters WHERE next_due IS NOT NULL`,
  `CREATE TABLE lasting_counters (
    subject TEXT NOT NULL,
    factor TEXT NOT NULL,
    failures TEXT NOT NULL,
    locks INTEGER NOT NULL,
    life INTEGER NOT NULL,
    shadow_state TEXT,
    touch_time INTEGER NOT NULL,
    PRIMARY KEY (subject, factor)
  ) STRICT, WITHOUT ROWID`,
  // Most counters count nothing: attempts that succeed left them so. A user without a row has such a counter.
  `INSERT INTO lasting_counters (subject, factor, failures, locks, life, shadow_state, touch_time)
    SELECT subject, factor, failures, locks, life, shadow_state, touch_time FROM attempt_counters
    WHERE failures <> '[]' OR locks > 0 OR life > 0 OR subject < 'user:'`,
  `DROP TABLE attempt_counters`,
  `ALTER TABLE lasting_counters RENAME TO attempt_counters`,
  `CREATE INDEX attempt_counters_shadow ON attempt_counters (touch_time) WHERE subject < 'user:'`,
];

export const attemptPlaces = { name: "0013-attempt-places", statements: STATEMENTS };
