/** Makes a large database quickly: direct inserts, but the same events, hashes, links and rows that the store writes. */
import Database from "better-sqlite3";
import type { UserEvent } from "../../src/domain/event.ts";
import { evolve } from "../../src/domain/evolve.ts";
import { encodeBody, hashEvent, hashLink } from "../../src/store/log/event-encoding.ts";
import { toUserProfileRow, toUserStateRow } from "../../src/store/rows/rows.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { type HotStatements, prepareHotStatements } from "../../src/store/sqlite/write/hot-statements.ts";

const ORGANIZATION_ID = "default";
/** Far more than a commit has, because it is faster; the chain allows it. */
const USERS_PER_LINK = 10_000;
const FIRST_TIME = Date.UTC(2020, 0, 1);

/** As long as a UUID, like most ids. */
export function userIdOf(index: number): string {
  return `0190a000-0000-7000-8000-${index.toString(16).padStart(12, "0")}`;
}

/** Creates the database with one organization and `count` users, each with a username. */
export async function makeUsers(path: string, count: number): Promise<void> {
  const store = await openSqliteStore({ path, clock: () => FIRST_TIME });
  await store.execute({
    type: "CreateOrganization",
    organizationId: ORGANIZATION_ID,
    displayName: "Default",
    context: { actor: "system", via: "bench", scope: null, validateOnly: false },
  });
  await store.close();
  const database = new Database(path);
  // Nobody waits for an answer: a database that is cut off here is made again.
  database.pragma("journal_mode = OFF");
  database.pragma("synchronous = OFF");
  database.pragma("cache_size = -1000000");
  const indexes = dropIndexes(database);
  const statements = prepareHotStatements(database);
  for (let first = 0; first < count; first += USERS_PER_LINK) {
    insertUsers(statements, first, Math.min(first + USERS_PER_LINK, count));
    if (first % 1_000_000 === 0) console.log(`${first} users`);
  }
  for (const statement of indexes) database.exec(statement);
  database.close();
}

/** Building them at the end, sorted, is quicker than keeping them. */
function dropIndexes(database: Database.Database): readonly string[] {
  const rows = database
    .prepare<[], { name: string; sql: string }>(
      "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'user_profile' AND sql IS NOT NULL",
    )
    .all();
  for (const { name } of rows) database.exec(`DROP INDEX ${name}`);
  return rows.map(({ sql }) => sql);
}

function insertUsers(statements: HotStatements, first: number, end: number): void {
  statements.begin.run();
  const recordTime = FIRST_TIME + end;
  const head = statements.advanceHead.get(end - first, recordTime);
  if (head === undefined) throw new Error("the log has no head");
  const hashes: Uint8Array[] = [];
  for (let index = first; index < end; index++) {
    const position = head.position - (end - first) + hashes.length + 1;
    hashes.push(insertUser(statements, index, position, recordTime));
  }
  const link = hashLink(head.link, hashes);
  statements.insertLink.run(head.position, link);
  statements.setHeadLink.run(link);
  statements.commit.run();
}

function insertUser(statements: HotStatements, index: number, position: number, recordTime: number): Uint8Array {
  const userId = userIdOf(index);
  const event: UserEvent = {
    type: "UserCreated",
    time: FIRST_TIME + index,
    actor: "key:bench",
    data: { set: ["profile.username"], cleared: [], recreated: false, reasonCode: "" },
    personal: { "profile.username": `user${index}@example.com` },
  };
  const user = evolve(undefined, event, userId, ORGANIZATION_ID);
  const { type, time, actor } = event;
  const { body, privateValues } = encodeBody(event);
  const envelope = {
    position,
    previousPosition: null,
    organizationId: ORGANIZATION_ID,
    userId,
    sequence: 1,
    type,
    time,
    recordTime,
    actor,
    via: "bench",
    requestId: "",
  };
  const hash = hashEvent(envelope, body);
  statements.insertEvent.run(
    position,
    null,
    ORGANIZATION_ID,
    userId,
    1,
    type,
    time,
    recordTime,
    actor,
    "bench",
    "",
    body,
    hash,
  );
  if (privateValues !== null) statements.insertPrivate.run(position, JSON.stringify(privateValues));
  const row = toUserStateRow(user.state, position);
  const { id, organization_id: organizationId, creation_time: creationTime } = row;
  const { state, kinds, sequence, epoch, change_time: changeTime, next_due: nextDue, restrictions } = row;
  statements.insertUserState.run(
    id,
    organizationId,
    state,
    kinds,
    sequence,
    epoch,
    creationTime,
    changeTime,
    nextDue,
    position,
    restrictions,
  );
  statements.putProfile.run(toUserProfileRow(user.state, user.person));
  return hash;
}
