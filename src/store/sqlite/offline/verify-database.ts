/** Verifies a whole database that no service uses: its pages, the chain, and that rows equal their replayed events. */
import type { Database } from "better-sqlite3";
import { decodeBody } from "../../log/event-encoding.ts";
import { verifyChain } from "../../log/verify-chain.ts";
import type { DatabaseReport, VerifyProgress } from "../../offline.ts";
import type { InstanceTable, LogHeadTable } from "../../rows/schema.ts";
import { openReader, toSentence } from "../file/database-file.ts";
import { readGeneration } from "../generation.ts";
import { doneMigrations, dueMigrations, SCHEMA_VERSION } from "../migrate.ts";
import { chainOf } from "./chain-rows.ts";
import { verifyUserRows } from "./verify-rows.ts";

/** Verifies the database of a file without a log. Rejects with one plain sentence that names the file. */
export async function verifyFile(path: string, progress?: VerifyProgress): Promise<DatabaseReport> {
  return withSentences(path, async () => {
    const database = openReader(path);
    try {
      const [due] = dueMigrations(database, path);
      if (due !== undefined) {
        throw new Error(
          `the database ${path} is of an older version: ${due} is due; this version verifies ${SCHEMA_VERSION}`,
        );
      }
      return await verifyDatabase(database, path, progress);
    } finally {
      database.close();
    }
  });
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
): Promise<DatabaseReport> {
  const head = database.prepare<[], LogHeadTable>("SELECT * FROM log_head").get();
  if (head === undefined) throw new Error(`the database ${path} is damaged: the log has no head`);
  progress("pages", 0, 0);
  const said = database.prepare<[], string>("PRAGMA integrity_check(1)").pluck().get();
  if (said !== "ok") throw new Error(`the database ${path} is damaged: ${said}`);
  const chain = await verifyChain(chainOf(database), {
    faultsMax: 1,
    progress: (events) => progress("events", events, head.position),
  });
  const [broken] = chain.faults;
  if (broken !== undefined) {
    throw new Error(`the history in ${path} is not as it was written, at position ${broken.position}: ${broken.fault}`);
  }
  const rows = await verifyUserRows(database, 500, (users) => progress("users", users, 0));
  const [differing] = rows.faults;
  if (differing !== undefined) {
    throw new Error(
      `the user ${JSON.stringify(differing.userId)} in ${path} is not what its history gives: ${differing.fault}`,
    );
  }
  verifyInstance(database, path);
  return {
    generation: readGeneration(database),
    position: head.position,
    link: head.link,
    recordTime: head.record_time,
    schemaVersion: doneMigrations(database).at(-1) ?? "",
    events: chain.events,
    users: rows.users,
  };
}

/** Throws unless the generation is the one of its last event, or the first one. */
function verifyInstance(database: Database, path: string): void {
  const row = database.prepare<[], InstanceTable>("SELECT * FROM instance").get();
  const body = database
    .prepare<[number | null], Buffer>("SELECT body FROM events WHERE position = ? AND type = 'GenerationRaised'")
    .pluck()
    .get(row?.last_position ?? null);
  const data = body === undefined ? { generation: 1 } : (decodeBody(body).data as { readonly generation?: unknown });
  if (row !== undefined && row.generation === data.generation) return;
  throw new Error(`the generation in ${path} is not the one that its history gives`);
}
