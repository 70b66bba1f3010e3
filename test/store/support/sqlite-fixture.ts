/** SQLite stores in folders of their own, with a clock that tests set; all is gone when the test ends. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import Database from "better-sqlite3";
import { openSqliteStore, type SqliteStore, type SqliteStoreOptions } from "../../../src/store/sqlite/sqlite-store.ts";
import { createOrganization } from "./commands.ts";
import { resourceOf } from "./outcomes.ts";

/** 2026-01-01T00:00:00Z. */
export const START_TIME = Date.UTC(2026, 0, 1);

/** A clock that stands still until it is set. */
export class TestClock {
  /** Shared with other threads. */
  readonly memory: Float64Array<SharedArrayBuffer>;

  constructor(memory = new Float64Array(new SharedArrayBuffer(8)).fill(START_TIME)) {
    this.memory = memory;
  }

  get time(): number {
    return this.memory[0] ?? START_TIME;
  }

  set time(time: number) {
    this.memory[0] = time;
  }

  readonly read = (): number => this.time;
}

type Ending = Pick<TestContext, "after">;
const endings = new WeakMap<Ending, (() => unknown)[]>();

/** What was opened last is closed first, and folders go after what is in them. */
export function atEnd(test: Ending, close: () => unknown): void {
  const known = endings.get(test);
  if (known !== undefined) {
    known.push(close);
    return;
  }
  const closes = [close];
  endings.set(test, closes);
  test.after(async () => {
    for (const one of closes.reverse()) await one();
  });
}

export function makeFolder(test: Ending): string {
  const folder = mkdtempSync(join(tmpdir(), "lockkeeper-store-"));
  atEnd(test, () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface SqliteFixture {
  readonly store: SqliteStore;
  readonly clock: TestClock;
  readonly path: string;
  /** What the store told its log. */
  readonly troubles: unknown[];
  /** A second connection to the same file, closed with the test. */
  connect(options?: Database.Options): Database.Database;
}

/** A store with the organization `default`. The sweeper rests unless a test calls it. */
/** The value of a metric that only this engine has. */
export function engineMetric(store: SqliteStore, name: string): number {
  const found = store.stats().engine.find((metric) => metric.name === name);
  assert.ok(found, `there is no metric ${name}`);
  return found.value;
}

export async function openFixture(test: Ending, options: Partial<SqliteStoreOptions> = {}): Promise<SqliteFixture> {
  const clock = new TestClock();
  const path = options.path ?? join(makeFolder(test), "data", "lockkeeper.db");
  const troubles: unknown[] = [];
  const store = await openSqliteStore({
    path,
    clock: clock.read,
    sweepIntervalMs: 3_600_000,
    onTrouble: (error) => troubles.push(error),
    ...options,
  });
  atEnd(test, () => store.close());
  if ((await store.readOrganization("default")) === undefined) resourceOf(await store.execute(createOrganization()));
  const connect = (connectOptions?: Database.Options): Database.Database => {
    const database = new Database(path, connectOptions);
    atEnd(test, () => database.close());
    return database;
  };
  return { store, clock, path, troubles, connect };
}
