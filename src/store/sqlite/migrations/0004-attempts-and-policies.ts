/** The sign-in gate: policies, counters of attempts, the attempts themselves, and the key that conceals unknown names. Frozen once released. */

const STATEMENTS: readonly string[] = [
  `CREATE TABLE policies (
    id TEXT PRIMARY KEY,
    policy_values TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    creation_time INTEGER NOT NULL,
    change_time INTEGER NOT NULL,
    last_position INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
  // One row per subject and factor: the failures that count, and the attempts in progress.
  `CREATE TABLE attempt_counters (
    subject TEXT NOT NULL,
    factor TEXT NOT NULL,
    failures TEXT NOT NULL,
    outstanding TEXT NOT NULL,
    locks INTEGER NOT NULL,
    next_due INTEGER,
    shadow_state TEXT,
    touch_time INTEGER NOT NULL,
    PRIMARY KEY (subject, factor)
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX attempt_counters_due ON attempt_counters (next_due) WHERE next_due IS NOT NULL`,
  // The number of shadows of unknown users is bounded: the least recently used one is deleted first.
  `CREATE INDEX attempt_counters_shadow ON attempt_counters (touch_time) WHERE shadow_state IS NOT NULL`,
  `CREATE TABLE attempts (
    id TEXT PRIMARY KEY,
    subject TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    factor TEXT NOT NULL,
    begin_time INTEGER NOT NULL,
    end_time INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    settle_time INTEGER,
    ip TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    created_by TEXT NOT NULL
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX attempts_begin ON attempts (begin_time, id)`,
  // Secrets of this database that no API shows; created on first use.
  `CREATE TABLE secrets (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
  ) STRICT, WITHOUT ROWID`,
];

export const attemptsAndPolicies = { name: "0004-attempts-and-policies", statements: STATEMENTS };
