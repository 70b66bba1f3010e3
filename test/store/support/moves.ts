/** Moves of a filled file to an empty PostgreSQL database, whole, step by step or interrupted. */
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import Database from "better-sqlite3";
import pg from "pg";
import { type MoveSource, type MoveTarget, moveBetween } from "../../../src/store/move/move-database.ts";
import type { MoveOptions } from "../../../src/store/offline.ts";
import { moveDatabase } from "../../../src/store/open-store.ts";
import { withMoveTarget } from "../../../src/store/postgres/offline/move-target.ts";
import { withMoveSource } from "../../../src/store/sqlite/offline/move-source.ts";
import type { SqliteStoreOptions } from "../../../src/store/sqlite/sqlite-store.ts";
import { sharedPostgres } from "../../support/postgres.ts";
import { seededRandom } from "../../support/random.ts";
import { everythingIn, fillEveryTable } from "./every-table.ts";
import { openPostgresFixture } from "./postgres-fixture.ts";
import { SIGNING } from "./signing.ts";
import { atEnd, makeFolder, openFixture, type SqliteFixture, START_TIME } from "./sqlite-fixture.ts";

export const OPTIONS: MoveOptions = { clock: () => START_TIME };

/** A filled file, which each test copies, and what readers of it see. */
interface Filled {
  readonly path: string;
  readonly clock: SqliteFixture["clock"];
  readonly before: Readonly<Record<string, unknown>>;
}

let filled: Promise<Filled> | undefined;

async function fillOnce(t: TestContext): Promise<Filled> {
  const folder = mkdtempSync(join(tmpdir(), "lockkeeper-move-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "lockkeeper.db");
  const scope = { after: () => undefined };
  const { store, clock } = await openFixture(scope, { path, ...SIGNING });
  await fillEveryTable({ store, clock }, seededRandom(t));
  await store.sweep();
  const before = await everythingIn({ store, clock });
  await store.close();
  return { path, clock, before };
}

/** A file with rows of every kind, and an empty database. */
export async function prepare(t: TestContext) {
  filled ??= fillOnce(t);
  const { path: from, clock, before } = await filled;
  const path = join(makeFolder(t), "lockkeeper.db");
  copyFileSync(from, path);
  const server = await sharedPostgres();
  const url = await server.createDatabase(t);
  const open = (options: Partial<SqliteStoreOptions> = {}) => openFixture(t, { path, clock: clock.read, ...options });
  const connect = (): Database.Database => {
    const database = new Database(path);
    atEnd(t, () => database.close());
    return database;
  };
  const openMoved = () => openPostgresFixture(server, t, { url, clock: clock.read });
  return { path, clock, before, url, place: `postgres at 127.0.0.1:${server.port}`, open, connect, openMoved };
}

export function move(path: string, url: string, options = OPTIONS) {
  return moveDatabase({ engine: "sqlite", path }, { engine: "postgres", url }, options);
}

/** Called before each step that changes a side. */
type Step = (name: string) => unknown;

function watchedSource(source: MoveSource, step: Step): MoveSource {
  return {
    ...source,
    begin(begun) {
      step("begin source");
      source.begin(begun);
    },
    end(id, time) {
      step("end source");
      source.end(id, time);
    },
  };
}

function watchedTarget(target: MoveTarget, step: Step): MoveTarget {
  return {
    place: target.place,
    move: target.move,
    tokenKey: target.tokenKey,
    count: (table) => target.count(table),
    lastKey: (table) => target.lastKey(table),
    rows: (table, after, limit) => target.rows(table, after, limit),
    chain: (head) => target.chain(head),
    settle: () => target.settle(),
    async begin(begun) {
      await step("begin target");
      await target.begin(begun);
    },
    async write(table, rows) {
      await step(`write ${table}`);
      await target.write(table, rows);
    },
    async end(id, time, head) {
      await step("end target");
      await target.end(id, time, head);
    },
  };
}

/** Moves in small slices. */
export function moveWith(path: string, url: string, step: Step) {
  return withMoveSource(
    path,
    (source) =>
      withMoveTarget(url, (target) => moveBetween(watchedSource(source, step), watchedTarget(target, step), OPTIONS)),
    25,
  );
}

/**
 * Ends a move before the first step for which `stops` returns true, as a kill would. `taken`: how many steps were taken
 * before. Returns whether the move was over before.
 */
export async function moveInPart(
  path: string,
  url: string,
  stops: (name: string, taken: number) => boolean,
): Promise<boolean> {
  let taken = 0;
  let isStopped = false;
  const step = (name: string): void => {
    isStopped = stops(name, taken++);
    if (isStopped) throw new Error("interrupted");
  };
  try {
    await moveWith(path, url, step);
    return true;
  } catch (error) {
    if (!isStopped) throw error;
    return false;
  }
}

/** Runs statements on a connection of its own. */
export async function query<R>(url: string, statements: string): Promise<R[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(statements)).rows as R[];
  } finally {
    await client.end();
  }
}
