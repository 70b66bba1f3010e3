/**
 * Each list uses its index: the plans of SQLite for exactly the statements that the reader sends, for every combination
 * of optional filters.
 */
import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import Database from "better-sqlite3";
import { networkKeyOf, parseNetwork, toAddressNumber } from "../../../../src/domain/network.ts";
import { limitsOf } from "../../../../src/store/limits.ts";
import { EventLister } from "../../../../src/store/lists/events/list-events.ts";
import { UserChains } from "../../../../src/store/lists/events/user-chain.ts";
import { listAttempts } from "../../../../src/store/lists/list-attempts.ts";
import { listApiKeys, listOrganizations } from "../../../../src/store/lists/list-by-id.ts";
import { SessionLister } from "../../../../src/store/lists/list-sessions.ts";
import { UserLister } from "../../../../src/store/lists/list-users.ts";
import type { AttemptQuery, Page, SessionQuery } from "../../../../src/store/queries.ts";
import { SqliteLists } from "../../../../src/store/sqlite/read/sqlite-lists.ts";
import { prepareHotStatements } from "../../../../src/store/sqlite/write/hot-statements.ts";
import { banUser, createApiKey, createOrganization, createUser, deleteUser, lockUser } from "../../support/commands.ts";
import { resourceOf } from "../../support/outcomes.ts";
import { openFixture } from "../../support/sqlite-fixture.ts";
import { conditionsOf, type UserFilter } from "../../support/user-filter.ts";

/** WIDE: lists have candidates. NARROW: lists walk, because there are more candidates than rows in a slice. */
const WIDE = limitsOf({});
const NARROW = limitsOf({ sliceRows: 1 });

/** The values of each field; `undefined`: the field is absent. */
type Choices<T> = { readonly [K in keyof T]: readonly T[K][] };

/** Returns every combination of the choices. */
function combinationsOf<T>(choices: Choices<T>): readonly T[] {
  let all: Partial<T>[] = [{}];
  for (const name of Object.keys(choices) as (keyof T)[]) {
    all = all.flatMap((some) =>
      choices[name].map((value) => (value === undefined ? some : { ...some, [name]: value })),
    );
  }
  return all as T[];
}

/** Records every statement that runs on a connection, with its parameters, because the planner uses them too. */
function noteStatements(database: Database.Database, note: (text: string, parameters: unknown[]) => void): void {
  const prepare = database.prepare.bind(database);
  database.prepare = ((text: string) => {
    const statement = prepare(text);
    const { all, get } = statement;
    const noted =
      <R>(run: (...parameters: unknown[]) => R) =>
      (...parameters: unknown[]): R => {
        note(text, parameters);
        return run.apply(statement, parameters);
      };
    Object.assign(statement, { all: noted(all), get: noted(get) });
    return statement;
  }) as typeof database.prepare;
}

/** Creates a database in which every list has a second page. */
async function fill(t: TestContext): Promise<string> {
  const { store, path, connect } = await openFixture(t);
  await store.execute(createOrganization("other"));
  for (const id of ["u1", "u2", "u3", "u4"]) {
    resourceOf(await store.execute(createUser(id, { profile: { username: id, email: `${id}@example.com` } })));
    resourceOf(await store.execute(banUser(id)));
    resourceOf(await store.execute(lockUser(id)));
  }
  for (const id of ["u3", "u4"]) resourceOf(await store.execute(deleteUser(id)));
  for (const id of ["k1", "k2"]) resourceOf(await store.execute(createApiKey(id, { organizationId: "default" })));
  connect().exec(`
    INSERT INTO sessions (id, token_hash, user_id, organization_id, epoch, sequence, creation_time, change_time,
      expire_time, last_activity_time, clear_time, user_agent, ip, attributes, created_by)
      SELECT value, value, 'u1', 'default', 1, 1, 0, 0, 0, 0, 0, '', '', '{}', '' FROM json_each('["a","b","c"]');
    INSERT INTO attempts (id, subject, organization_id, factor, begin_time, end_time, outcome, ip, user_agent,
      created_by, network) SELECT value, 'user:u1', 'default', 'PASSWORD', 0, 0, 'FAILED', '192.0.2.1', '', '',
      '${networkKeyOf(toAddressNumber("192.0.2.1") ?? 0n)}' FROM json_each('["a","b","c"]')`);
  return path;
}

/** Returns the distinct plans of all statements that `work` runs, one line each, sorted. */
async function plansOf(path: string, work: (lists: SqliteLists) => Promise<void>): Promise<readonly string[]> {
  const database = new Database(path, { readonly: true });
  const explainer = new Database(path, { readonly: true });
  try {
    const plans = new Map<string, string>();
    let isWorking: boolean = false;
    noteStatements(database, (text, parameters) => {
      if (!isWorking || plans.has(text)) return;
      const steps = explainer.prepare<unknown[], { detail: string }>(`EXPLAIN QUERY PLAN ${text}`).all(...parameters);
      plans.set(text, steps.map(({ detail }) => detail).join("; "));
    });
    const lists = new SqliteLists(database);
    isWorking = true;
    await work(lists);
    return [...new Set(plans.values())].toSorted();
  } finally {
    database.close();
    explainer.close();
  }
}

/** Reads two pages of a list: the first, and the one after its token. */
async function twoPages<Q extends object>(
  query: Q,
  list: (query: Q & { pageSize: number; after?: string }) => Promise<Page<unknown>>,
): Promise<void> {
  const { next } = await list({ ...query, pageSize: 1 });
  if (next !== undefined) await list({ ...query, pageSize: 1, after: next });
}

/** What is erased but not deleted yet is left out. */
const UNLESS_ERASED = "; CORRELATED SCALAR SUBQUERY 1; SEARCH x USING PRIMARY KEY (user_id=?)";
const USER = "SEARCH user_state USING PRIMARY KEY (id=?)";

it("users are found by the index of a condition, or walked in the requested order", async (t) => {
  const path = await fill(t);
  const found = await plansOf(path, async (lists) => {
    const filters = combinationsOf<UserFilter>({
      organizationId: [null, "default"],
      states: [undefined, ["ACTIVE"], ["DELETED"], ["BANNED", "DELETED"]],
      restrictionKinds: [undefined, ["LOCK"]],
      reasonCodes: [undefined, ["fraud"]],
      idPrefix: [undefined, "u"],
      search: [undefined, "u"],
      dueBefore: [undefined, 1],
      showDeleted: [false, true],
    });
    for (const limits of [WIDE, NARROW]) {
      const lister = new UserLister(lists, limits);
      for (const order of ["creation_asc", "creation_desc", "change_desc"] as const) {
        for (const filter of filters) {
          await twoPages({ ...conditionsOf(filter), order }, (query) => lister.list(query, 0));
        }
      }
    }
  });
  const profile = "SEARCH user_profile USING COVERING INDEX user_profile";
  assert.deepEqual(found, [
    // In the order of the index, a chunk of rows at a time.
    "SCAN user_profile USING COVERING INDEX user_profile_creation",
    // A partial index: it has only these users.
    "SCAN user_state USING COVERING INDEX user_state_deleted",
    "SEARCH events USING INTEGER PRIMARY KEY (rowid<?)",
    `${profile}_creation ((creation_time,id)<(?,?))`,
    `${profile}_creation ((creation_time,id)>(?,?))`,
    `${profile}_email (email_key>? AND email_key<?)`,
    `${profile}_organization_creation (organization_id=? AND (creation_time,id)<(?,?))`,
    `${profile}_organization_creation (organization_id=? AND (creation_time,id)>(?,?))`,
    `${profile}_organization_creation (organization_id=?)`,
    `${profile}_organization_email (organization_id=? AND email_key>? AND email_key<?)`,
    `${profile}_organization_id (organization_id=? AND id>? AND id<?)`,
    `${profile}_organization_id (organization_id=?)`,
    `${profile}_organization_username (organization_id=? AND username_key>? AND username_key<?)`,
    `${profile}_username (username_key>? AND username_key<?)`,
    "SEARCH user_profile USING PRIMARY KEY (id=?)",
    "SEARCH user_profile USING PRIMARY KEY (id>? AND id<?)",
    "SEARCH user_state USING COVERING INDEX user_state_deleted (organization_id=?)",
    "SEARCH user_state USING COVERING INDEX user_state_due (next_due<?)",
    "SEARCH user_state USING COVERING INDEX user_state_restricted (kinds=? AND organization_id=?)",
    "SEARCH user_state USING COVERING INDEX user_state_restricted (kinds=?)",
    USER,
    // A user with its person, where no condition decides whether it is shown.
    `${USER}; CORRELATED SCALAR SUBQUERY 1; SEARCH user_profile USING PRIMARY KEY (id=?)`,
  ]);
});

const PLACE = "(creation_time,id)<(?,?)";
const SESSIONS: readonly (readonly [Pick<SessionQuery, "organizationId" | "userId">, readonly string[]])[] = [
  [
    { organizationId: null },
    ["SCAN sessions USING INDEX sessions_creation", `SEARCH sessions USING INDEX sessions_creation (${PLACE})`],
  ],
  [
    { organizationId: "default" },
    [
      `SEARCH sessions USING INDEX sessions_organization (organization_id=? AND ${PLACE})`,
      "SEARCH sessions USING INDEX sessions_organization (organization_id=?)",
    ],
  ],
  ...[null, "default"].map(
    (organizationId) =>
      [
        { organizationId, userId: "u1" },
        [
          `SEARCH sessions USING INDEX sessions_user (user_id=? AND ${PLACE})`,
          "SEARCH sessions USING INDEX sessions_user (user_id=?)",
        ],
      ] as const,
  ),
  // A user of another organization has no sessions here.
  [{ organizationId: "other", userId: "u1" }, []],
];

it("sessions are read along the index of their user, else of their organization, else of all", async (t) => {
  const path = await fill(t);
  for (const [query, expected] of SESSIONS) {
    const found = await plansOf(path, async (lists) => {
      const lister = new SessionLister(lists, WIDE);
      for (const activeOnly of [false, true]) await twoPages({ ...query, activeOnly }, (page) => lister.list(page, 0));
    });
    assert.deepEqual(
      found.filter((plan) => plan !== USER),
      expected.map((plan) => plan + UNLESS_ERASED),
      JSON.stringify(query),
    );
  }
});

it("attempts are read along the index of their user, small network or organization, else of all", async (t) => {
  const path = await fill(t);
  const small = parseNetwork("192.0.2.0/24");
  const queries = combinationsOf<Omit<AttemptQuery, "startTime" | "endTime" | "pageSize">>({
    organizationId: [null, "default"],
    userId: [undefined, "u1"],
    network: [undefined, small, parseNetwork("192.0.0.0/16")],
    outcomes: [undefined, ["FAILED"]],
    newestFirst: [undefined, true],
  });
  for (const query of queries) {
    const index =
      query.userId !== undefined
        ? "subject (subject=? AND "
        : query.network === small && small !== undefined
          ? "network (network=? AND "
          : query.organizationId !== null
            ? "organization (organization_id=? AND "
            : "begin (";
    const found = await plansOf(path, async (lists) => {
      await twoPages({ ...query, startTime: 0, endTime: 1 }, (page) => listAttempts(lists, page, 0, WIDE));
    });
    const later = query.newestFirst
      ? "begin_time>? AND (begin_time,id)<(?,?)"
      : "(begin_time,id)>(?,?) AND begin_time<?";
    assert.deepEqual(
      found.filter((plan) => plan !== USER),
      [`begin_time>? AND begin_time<?`, later]
        .map((range) => `SEARCH attempts USING INDEX attempts_${index}${range})${UNLESS_ERASED}`)
        .toSorted(),
      JSON.stringify({ ...query, network: query.network?.last.toString(16) }),
    );
  }
});

it("events, organizations and keys are read by their keys", async (t) => {
  const path = await fill(t);
  const found = await plansOf(path, async (lists) => {
    const chains = new UserChains();
    const events = new EventLister(lists, WIDE, chains);
    for (const order of ["oldest_first", "newest_first"] as const) {
      await twoPages({ userId: "u1", order }, (query) => events.list(query));
    }
    await twoPages({}, (query) => listOrganizations(lists, query));
    for (const organizationId of [null, "default"]) {
      await twoPages({ organizationId }, (query) => listApiKeys(lists, query));
    }
  });
  const event = "SEARCH events USING INTEGER PRIMARY KEY (rowid=?)";
  const sort = "USE TEMP B-TREE FOR ORDER BY";
  // The rows of the chain are those of the page.
  const chain = `CO-ROUTINE chain; SETUP; ${event}; RECURSIVE STEP; SCAN chain; ${event}; SCAN chain`;
  assert.deepEqual(found, [
    `${chain}; ${event}; SEARCH event_private USING INTEGER PRIMARY KEY (rowid=?) LEFT-JOIN${UNLESS_ERASED.replace("1", "3")}; ${sort}`,
    `${chain}; ${sort}`,
    "SEARCH api_keys USING INDEX api_keys_organization (organization_id=? AND id>?)",
    "SEARCH api_keys USING PRIMARY KEY (id>?)",
    "SEARCH organizations USING PRIMARY KEY (id>?)",
    USER,
  ]);
});

it("counts the counters of unknown users, once a second, along an index without their rows", async (t) => {
  const { store, connect } = await openFixture(t);
  await store.close();
  const database = connect();
  const { deleteKeptShadows, deleteRestedShadows } = prepareHotStatements(database);
  for (const { source } of [deleteKeptShadows, deleteRestedShadows]) {
    const plan = database
      .prepare<[object], { detail: string }>(`EXPLAIN QUERY PLAN ${source}`)
      .all({ now: 1, max: 11, limit: 1 })
      .map(({ detail }) => detail);
    const covered = plan.filter((detail) =>
      detail.includes("USING COVERING INDEX attempt_counters_shadow (touch_time"),
    );
    assert.equal(covered.length, 2, plan.join("\n"));
  }
});

it("the reads of nearly every call look up their rows by key", async (t) => {
  const { connect } = await openFixture(t);
  const database = connect();
  const { readUser, readSessionView, readSessionViewByToken, readSignIn } = prepareHotStatements(database);
  const lookUps = [readUser, readSessionView, readSessionViewByToken, readSignIn].map(({ source }) =>
    database
      .prepare<[string[]], { detail: string }>(`EXPLAIN QUERY PLAN ${source}`)
      .all(Array.from(source.matchAll(/\?/g), () => ""))
      .map(({ detail }) => detail)
      .filter((detail) => !detail.includes("SUBQUERY")),
  );
  const state = "SEARCH user_state USING PRIMARY KEY (id=?)";
  const unlessErased = "SEARCH x USING PRIMARY KEY (user_id=?)";
  assert.deepEqual(lookUps, [
    [state, "SEARCH user_profile USING PRIMARY KEY (id=?)"],
    ["SEARCH sessions USING PRIMARY KEY (id=?)", state, unlessErased],
    ["SEARCH sessions USING INDEX sqlite_autoindex_sessions_2 (token_hash=?)", state, unlessErased],
    [
      state,
      "SEARCH attempt_counters USING PRIMARY KEY (subject=? AND factor=?)",
      "SEARCH attempt_places USING PRIMARY KEY (subject=? AND factor=?)",
    ],
  ]);
});
