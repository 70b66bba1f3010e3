/** Brings a database to the schema of this version; forward only. */
import type { Database } from "better-sqlite3";
import { Kysely, SqliteDialect } from "kysely";
import { type Migration, Migrator } from "kysely/migration";
import { logAndUsers } from "./migrations/0001-log-and-users.ts";
import { searches } from "./migrations/0002-searches.ts";
import { sessions } from "./migrations/0003-sessions.ts";
import { attemptsAndPolicies } from "./migrations/0004-attempts-and-policies.ts";
import { generation } from "./migrations/0005-generation.ts";
import { requestScope } from "./migrations/0006-request-scope.ts";
import { tokenKey } from "./migrations/0007-token-key.ts";
import { rotatedKeys } from "./migrations/0008-rotated-keys.ts";
import { attemptsOfOrganizations } from "./migrations/0009-attempts-of-organizations.ts";
import { attemptLists } from "./migrations/0010-attempt-lists.ts";
import { lives } from "./migrations/0011-lives.ts";
import { shadowPlaces } from "./migrations/0012-shadow-places.ts";

/** Numbered names in their order; a released one is never changed, renamed or removed. */
export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  "0001-log-and-users": logAndUsers,
  "0002-searches": searches,
  "0003-sessions": sessions,
  "0004-attempts-and-policies": attemptsAndPolicies,
  "0005-generation": generation,
  "0006-request-scope": requestScope,
  "0007-token-key": tokenKey,
  "0008-rotated-keys": rotatedKeys,
  "0009-attempts-of-organizations": attemptsOfOrganizations,
  "0010-attempt-lists": attemptLists,
  "0011-lives": lives,
  "0012-shadow-places": shadowPlaces,
};

/** "lock" in ASCII: tells our files from other SQLite databases. */
const APPLICATION_ID = 0x6c_6f_63_6b;

/** The newest schema that this version knows. */
export const SCHEMA_VERSION: string = Object.keys(MIGRATIONS).at(-1) ?? "";

/** The migrations that are due. Throws with one plain sentence when the file is not ours or of a newer version. */
export function dueMigrations(database: Database, path: string): readonly string[] {
  assertOurs(database, path);
  const done = doneMigrations(database);
  const unknown = done.filter((name) => !Object.hasOwn(MIGRATIONS, name));
  if (unknown.length > 0) {
    throw new Error(
      `the database ${path} was written by a newer version of lockkeeper: it has the migration ${unknown.join(", ")}, this version ends at ${Object.keys(MIGRATIONS).at(-1)}; start that version or restore an older copy`,
    );
  }
  return Object.keys(MIGRATIONS).filter((name) => !done.includes(name));
}

/** Throws with one plain sentence when the file is not ours or of a newer version. */
export async function migrate(database: Database, path: string): Promise<void> {
  if (dueMigrations(database, path).length === 0) return;
  // Not destroyed: that would close the connection, which is the writer's.
  const kysely = new Kysely<unknown>({ dialect: new SqliteDialect({ database }) });
  const migrator = new Migrator({ db: kysely, provider: { getMigrations: async () => MIGRATIONS } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw new Error(`the database ${path} could not be migrated`, { cause: error });
  database.pragma(`application_id = ${APPLICATION_ID}`);
}

function assertOurs(database: Database, path: string): void {
  const id = database.pragma("application_id", { simple: true });
  const tables = tableNames(database);
  // A first start that was cut off leaves Kysely's tables and no id yet.
  if (id === APPLICATION_ID || tables.length === 0 || tables.includes("kysely_migration")) return;
  throw new Error(`the file ${path} is a SQLite database of something else; lockkeeper does not touch it`);
}

/** The names of the migrations that a database has had, in their order. */
export function doneMigrations(database: Database): readonly string[] {
  if (!tableNames(database).includes("kysely_migration")) return [];
  return database.prepare<[], string>("SELECT name FROM kysely_migration ORDER BY name").pluck().all();
}

function tableNames(database: Database): readonly string[] {
  return database.prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all();
}
