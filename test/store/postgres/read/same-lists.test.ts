/** The lists of both engines are the same: the rows of a SQLite database, copied to PostgreSQL, answer every question alike. */
import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import Database from "better-sqlite3";
import { limitsOf } from "../../../../src/store/limits.ts";
import type { ListReader } from "../../../../src/store/lists/list-reader.ts";
import { Reader } from "../../../../src/store/postgres/read/reader.ts";
import type { UserPredicate, UserQuery, UserSearchOrder } from "../../../../src/store/queries.ts";
import type { Slice } from "../../../../src/store/search/search-slice.ts";
import { Reader as SqliteReader } from "../../../../src/store/sqlite/read/reader.ts";
import { SqliteLists } from "../../../../src/store/sqlite/read/sqlite-lists.ts";
import { defer } from "../../../support/cleanup.ts";
import {
  banUser,
  createApiKey,
  createOrganization,
  createUser,
  deleteUser,
  lockUser,
  unlockUser,
} from "../../support/commands.ts";
import { resourceOf } from "../../support/outcomes.ts";
import { copyToPostgres, openPostgresPool } from "../../support/postgres-copy.ts";
import { openFixture, START_TIME } from "../../support/sqlite-fixture.ts";

/** Orders of bytes, of UTF-16 units and of dictionaries differ for these. */
const IDS = [
  "a",
  "B",
  "b",
  "ä",
  "z",
  "Z-1",
  "é",
  "e\u{301}x",
  "\u{e000}",
  "\u{ffff}x",
  "😀",
  "😀-2",
  "中",
  "a b",
  "a-b",
  "a_b",
  "%",
  "it's",
  '"q"',
  "\\x",
];
/** No page ends because of the time. */
const UNHURRIED = { sliceMs: 60_000, searchSliceMs: 60_000 };
const LIMITS = [{}, { sliceRows: 7 }, { pageChars: 1_500 }] as const;
const NOW = START_TIME + 50_000;

function organizationOf(index: number): string {
  return index % 3 === 2 ? "other" : "default";
}

/** Users in all states in two organizations; their histories differ in length. */
async function fill(t: TestContext): Promise<string> {
  const { store, clock, path, connect } = await openFixture(t);
  await store.execute(createOrganization("other"));
  const execute = async (command: Parameters<typeof store.execute>[0]) => resourceOf(await store.execute(command));
  for (const [index, id] of IDS.entries()) {
    clock.time += index % 4 === 0 ? 0 : 7;
    const profile = index % 5 === 0 ? {} : { username: `Name ${id}`, email: `${index % 3}@Example.com` };
    const attributes = index % 6 === 1 ? { crm: "x".repeat(200) } : {};
    const organizationId = organizationOf(index);
    await execute(createUser(id, { profile, attributes, organizationId }));
  }
  for (const [index, id] of IDS.entries()) {
    clock.time += 3;
    if (index % 4 === 1) await execute(banUser(id, { reasonCode: "fraud" }));
    if (index % 3 === 0) await execute(lockUser(id, { expiry: { kind: "for", durationMs: 20_000 } }));
    if (index % 7 === 3) await execute(deleteUser(id));
    if (index % 14 === 3) await execute(createUser(id, { organizationId: organizationOf(index) }));
  }
  for (let round = 0; round < 140; round++) {
    await execute(lockUser("b", { ifAlready: "restart" }));
    await execute(unlockUser("b"));
  }
  for (const id of ["k1", "k2", "ké"]) await execute(createApiKey(id, { organizationId: "default" }));
  await execute(createApiKey("K0"));
  fillRows(connect());
  return path;
}

function fillRows(database: Database.Database): void {
  const session = database.prepare(`INSERT INTO sessions (id, token_hash, user_id, organization_id, epoch, sequence,
    creation_time, change_time, expire_time, last_activity_time, clear_time, user_agent, ip, attributes, created_by)
    SELECT @id, @id, id, organization_id, epoch, 1, @time, 0, @end, 0, 0, '', '', '{}', '' FROM user_state WHERE id = @user`);
  const attempt = database.prepare(`INSERT INTO attempts (id, subject, organization_id, factor, begin_time, end_time,
    outcome, ip, user_agent, created_by, network)
    VALUES (@id, 'user:' || @user, 'default', 'PASSWORD', @time, @end, 'PENDING', '192.0.2.1', '', '', NULL)`);
  for (const [index, id] of IDS.entries()) {
    const user = IDS[index % 3];
    const row = { id: `${id}-1`, user, time: START_TIME + (index % 5), end: NOW + 1_000 - 200 * index };
    session.run(row);
    attempt.run(row);
  }
}

interface Readers {
  readonly organizationId: string | null;
  readonly sqlite: ListReader;
  readonly postgres: ListReader;
}

/** Opens readers of the same rows on both engines, for each scope and each kind of limits. */
async function openReaders(t: TestContext): Promise<readonly Readers[]> {
  const path = await fill(t);
  const pool = await openPostgresPool(t);
  await copyToPostgres(path, pool);
  const database = new Database(path, { readonly: true });
  const { seal } = new SqliteLists(database);
  database.close();
  return [null, "default"].flatMap((organizationId) =>
    LIMITS.map((changed) => {
      const limits = limitsOf({ ...UNHURRIED, ...changed });
      const sqlite = new SqliteReader({ path, limits }, () => undefined, assert.ifError);
      defer(t, () => sqlite.close());
      return { organizationId, sqlite, postgres: new Reader({ pool, seal, limits }) };
    }),
  );
}

/** Pages through a list on both engines: page for page they say the same, tokens included. */
async function comparePages<Q extends object>(
  readers: Pick<Readers, "sqlite" | "postgres">,
  query: Q,
  list: (reader: ListReader, query: Q & { readonly after?: string }) => Promise<{ readonly next?: string }>,
): Promise<number> {
  let pages = 0;
  for (let after: string | undefined; ; ) {
    const asked = { ...query, ...(after === undefined ? {} : { after }) };
    const [expected, found] = [await list(readers.sqlite, asked), await list(readers.postgres, asked)];
    // A buffer becomes an array of bytes on its way to another thread, as from the reader of SQLite.
    assert.deepEqual(structuredClone(found), expected, JSON.stringify(asked));
    pages++;
    after = expected.next;
    if (after === undefined) return pages;
  }
}

const ALL: UserPredicate = { kind: "and", of: [] };
const text = (field: "id" | "username" | "email", method: "equals" | "starts_with" | "contains", value: string) =>
  ({ kind: "text", field, method, ignoreCase: field !== "id", value }) as const;
const CONDITIONS: readonly UserPredicate[] = [
  ALL,
  { kind: "state", states: ["ACTIVE"] },
  { kind: "state", states: ["BANNED", "DELETED"] },
  { kind: "state", states: ["LOCKED", "DELETED"] },
  { kind: "restriction", kinds: ["LOCK"], isStarted: true },
  { kind: "restriction", reasonCodes: ["fraud"], isStarted: false },
  { kind: "due", before: NOW },
  { kind: "organization", ids: ["other", "none"] },
  { kind: "namespace", name: "crm" },
  text("id", "starts_with", "a"),
  text("id", "starts_with", "😀"),
  text("id", "starts_with", "\u{ffff}"),
  text("id", "equals", "it's"),
  text("username", "starts_with", "name é"),
  text("email", "equals", "1@example.com"),
  text("username", "contains", "x"),
  { kind: "or", of: [text("email", "equals", "0@example.com"), text("id", "equals", "z")] },
  { kind: "and", of: [{ kind: "not", of: { kind: "state", states: ["ACTIVE"] } }, text("email", "contains", "1")] },
  { kind: "time", of: "creation", from: START_TIME + 20, before: START_TIME + 70 },
];
const LIST_ORDERS = ["creation_asc", "creation_desc", "change_desc"] as const;
const SEARCH_ORDERS: readonly UserSearchOrder["by"][] = ["id", "creation", "change", "state", "username", "email"];

it("answers every question about users as SQLite does", async (t) => {
  const readers = await openReaders(t);
  let questions = 0;
  // Every condition in every order; scopes and limits take turns, because all together would take minutes.
  for (const [index, where] of CONDITIONS.entries()) {
    for (const [order, listOrder] of LIST_ORDERS.entries()) {
      const { organizationId, sqlite, postgres } = readers[(index + order) % readers.length] as Readers;
      const query: UserQuery = { organizationId, where, order: listOrder, pageSize: 4, showDeleted: order !== 1 };
      questions += await comparePages({ sqlite, postgres }, query, (reader, asked) => reader.listUsers(asked, NOW));
    }
    for (const [order, by] of SEARCH_ORDERS.entries()) {
      const { organizationId, sqlite, postgres } = readers[(index + order) % readers.length] as Readers;
      const search = { organizationId, where, order: { by, descending: by !== "email" } };
      for (let after: Slice["next"]; ; ) {
        const slice = { search, keep: 5, ...(after === undefined ? {} : { after }) };
        const expected = await sqlite.searchSlice(slice, NOW);
        assert.deepEqual(await postgres.searchSlice(slice, NOW), expected, JSON.stringify(slice));
        questions++;
        after = expected.next;
        if (after === undefined) break;
      }
    }
  }
  assert.ok(questions > CONDITIONS.length * 9, `${questions} questions`);
  for (const { sqlite, postgres, organizationId } of readers) {
    assert.equal(await postgres.countUsers(organizationId), await sqlite.countUsers(organizationId));
    for (const namespaces of [undefined, [], ["crm"]]) {
      const expected = await sqlite.readUsers(IDS, namespaces, NOW);
      assert.deepEqual(await postgres.readUsers(IDS, namespaces, NOW), expected);
    }
  }
});

it("lists events, sessions, attempts, organizations and keys as SQLite does", async (t) => {
  // Each kind of limits once.
  const chosen = (await openReaders(t)).filter((_, index) => index % 2 === 0);
  for (const readers of chosen) {
    const { organizationId, sqlite, postgres } = readers;
    for (const order of ["oldest_first", "newest_first"] as const) {
      for (const [userId, pageSize] of [
        ["b", 150],
        ["é", 1],
        ["nobody", 1],
      ] as const) {
        await comparePages(readers, { userId, order, pageSize }, (reader, asked) => reader.listUserEvents(asked));
      }
    }
    for (const user of [{}, { userId: "a" }]) {
      const scope = { organizationId, ...user, pageSize: 3 };
      for (const flag of [false, true]) {
        await comparePages(readers, { ...scope, activeOnly: flag }, (reader, asked) =>
          reader.listSessions(asked, NOW, (view) => [view]),
        );
        const times = { startTime: START_TIME, endTime: START_TIME + 4 };
        await comparePages(readers, { ...scope, ...times, newestFirst: flag }, (reader, asked) =>
          reader.listAttempts(asked, NOW),
        );
      }
    }
    await comparePages(readers, { organizationId, pageSize: 1 }, (reader, asked) => reader.listApiKeys(asked));
    await comparePages(readers, { pageSize: 1 }, (reader, asked) => reader.listOrganizations(asked));
    for (const after of [0, 17, 5_000]) {
      assert.deepEqual(structuredClone(await postgres.readLog(after, 40)), await sqlite.readLog(after, 40));
    }
  }
});
