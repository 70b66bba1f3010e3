/** Each list runs along the index that was made for it: what SQLite plans for the very statements that the reader sends. */
import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import Database from "better-sqlite3";
import { parseNetwork } from "../../../src/domain/network.ts";
import { limitsOf } from "../../../src/store/sqlite/limits.ts";
import { listAttempts } from "../../../src/store/sqlite/list-attempts.ts";
import { QueryRunner } from "../../../src/store/sqlite/list-query.ts";
import { UserLister } from "../../../src/store/sqlite/list-users.ts";
import type { AttemptQuery } from "../../../src/store/store.ts";
import { openFixture } from "../support/sqlite-fixture.ts";

const LIMITS = limitsOf({});

/** The plans of all statements that `work` runs. */
async function plansOf(t: TestContext, work: (runner: QueryRunner) => unknown): Promise<string> {
  const { path } = await openFixture(t);
  const statements: string[] = [];
  const database = new Database(path, { readonly: true, verbose: (text) => statements.push(String(text)) });
  try {
    const runner = new QueryRunner(database);
    statements.length = 0;
    work(runner);
    return statements
      .filter((text) => /^select/i.test(text))
      .flatMap((text) => database.prepare<[], { detail: string }>(`EXPLAIN QUERY PLAN ${text}`).all())
      .map(({ detail }) => detail)
      .join("\n");
  } finally {
    database.close();
  }
}

const ATTEMPTS: readonly (readonly [what: string, more: Partial<AttemptQuery>, index: string])[] = [
  ["of a user", { userId: "u" }, "attempts_subject (subject=? AND begin_time>? AND begin_time<?)"],
  [
    "of a small network",
    { network: parseNetwork("192.0.2.0/24") ?? assert.fail() },
    "attempts_network (network=? AND begin_time>? AND begin_time<?)",
  ],
  [
    "of a large network",
    { network: parseNetwork("192.0.0.0/16") ?? assert.fail() },
    "attempts_begin (begin_time>? AND begin_time<?)",
  ],
  ["of a span of time", {}, "attempts_begin (begin_time>? AND begin_time<?)"],
];

for (const [what, more, index] of ATTEMPTS) {
  it(`lists the attempts ${what} along their index, without sorting`, async (t) => {
    const query = { organizationId: null, startTime: 0, endTime: 1, newestFirst: true, pageSize: 10, ...more };
    assert.equal(
      await plansOf(t, (runner) => listAttempts(runner, query, 0, LIMITS)),
      `SEARCH attempts USING INDEX ${index}`,
    );
  });
}

it("finds users that are due by the index of what is due", async (t) => {
  const filter = { organizationId: "default", states: ["LOCKED"], showDeleted: false, dueBefore: 1 } as const;
  const plans = await plansOf(t, (runner) =>
    new UserLister(runner, LIMITS).list({ filter, order: "creation_asc", pageSize: 10 }, 0),
  );
  assert.match(plans, /SEARCH user_state USING COVERING INDEX user_state_due \(next_due<\?\)/);
  assert.doesNotMatch(plans, /SCAN|TEMP B-TREE/);
});
