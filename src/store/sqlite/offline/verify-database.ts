/** Verifies a whole database that no service uses: its pages, the chain, and that rows equal their replayed events. */
import type { Database } from "better-sqlite3";
import { FIND_UNKNOWN_EVENT, type UnknownEvent, verifyContents } from "../../log/verify-contents.ts";
import { FIND_UNKNOWN_ERASURE } from "../../log/verify-erasures.ts";
import type { CheckpointJudge, DatabaseReport, VerifyProgress } from "../../offline.ts";
import type { InstanceTable, LogHeadTable } from "../../rows/schema.ts";
import { readInstanceName } from "../checkpoints.ts";
import { openReader, toSentence } from "../file/database-file.ts";
import { doneMigrations, dueMigrations, SCHEMA_VERSION } from "../migrate.ts";
import { chainOf } from "./chain-rows.ts";
import { usersOf } from "./user-rows.ts";

/** Verifies the database of a file without a log. Rejects with one plain sentence that names the file. */
export async function verifyFile(path: string, progress?: VerifyProgress): Promise<DatabaseReport> {
  return withSentences(path, async () => {
    const database = openReader(path);
    try {
      assertCurrent(database, path);
      return await verifyDatabase(database, path, progress);
    } finally {
      database.close();
    }
  });
}

/** Throws an Error of one plain sentence unless a database has the schema of this version. */
export function assertCurrent(database: Database, path: string): void {
  const [due] = dueMigrations(database, path);
  if (due === undefined) return;
  throw new Error(
    `the database ${path} is of an older version: ${due} is due; this version verifies ${SCHEMA_VERSION}`,
  );
}

/** Runs work on a file, and turns errors of SQLite into a plain sentence. */
export async function withSentences<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Error && error.constructor === Error) throw error;
    throw new Error(toSentence(path, error), { cause: error });
  }
}

/** Verifies a database with the schema of this version. Rejects with one plain sentence at the first fault. */
export async function verifyDatabase(
  database: Database,
  path: string,
  progress: VerifyProgress = () => undefined,
  judge?: CheckpointJudge,
): Promise<DatabaseReport> {
  const head = database.prepare<[], LogHeadTable>("SELECT * FROM log_head").get();
  if (head === undefined) throw new Error(`the database ${path} is damaged: the log has no head`);
  progress("pages", 0, 0);
  const said = database.prepare<[], string>("PRAGMA integrity_check(1)").pluck().get();
  if (said !== "ok") throw new Error(`the database ${path} is damaged: ${said}`);
  const instance = database.prepare<[], InstanceTable>("SELECT * FROM instance").get();
  const instanceBody = database
    .prepare<[number | null], Buffer>("SELECT body FROM events WHERE position = ? AND type = 'GenerationRaised'")
    .pluck()
    .get(instance?.last_position ?? null);
  const schemaVersion = doneMigrations(database).at(-1) ?? "";
  const checkpoints = database.prepare<[], string>("SELECT note FROM checkpoints ORDER BY position").pluck().all();
  const proof = { chain: chainOf(database), checkpoints, origin: readInstanceName(database) };
  const unknownEvent = async () => database.prepare<[], UnknownEvent>(FIND_UNKNOWN_EVENT).get();
  const unknownErasure = async () => database.prepare<[], string>(FIND_UNKNOWN_ERASURE).pluck().get();
  const users = { users: usersOf(database), unknownEvent, unknownErasure };
  const source = { place: path, head, ...proof, ...users, instance, instanceBody, schemaVersion };
  return await verifyContents(source, progress, judge);
}
