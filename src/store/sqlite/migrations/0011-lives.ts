/** Attempts and their counters belong to one person, also if an id is used again. Frozen once released. */

const STATEMENTS: readonly string[] = [
  `ALTER TABLE attempt_counters ADD COLUMN life INTEGER NOT NULL DEFAULT 0`,
  `ALTER TABLE attempts ADD COLUMN life INTEGER NOT NULL DEFAULT 0`,
];

export const lives = { name: "0011-lives", statements: STATEMENTS };
