/** The offline work on one PostgreSQL database; copies are made and put back by PostgreSQL's own tools. */
import { randomUUIDv7 } from "node:crypto";
import type { Migrated, OfflineDatabase } from "../../offline.ts";
import { describeAddress, parseAddress } from "../connect/address.ts";
import type { Connection } from "../connect/connection.ts";
import { enterServer } from "../connect/enter-server.ts";
import { dueMigrations, migrate } from "../schema/migrate.ts";
import { assertMoveEnded } from "../schema/moves.ts";
import type { SchemaState } from "../schema/schema-state.ts";
import { readInstanceName } from "./instance-row.ts";
import { raiseServerGeneration } from "./raise-generation.ts";
import { verifyServer } from "./verify-server.ts";

/** Returns the database of a URL; nothing is opened before a method is called. */
export function offlineServer(url: string): OfflineDatabase {
  return {
    inspect: () =>
      withDatabase(url, async (connection, place) => {
        const state = await dueMigrations(connection, { place });
        if (state.done.length === 0) throw new Error(`the database ${place} is empty`);
        return toMigrated(state);
      }),
    isEmpty: () =>
      withDatabase(url, async (connection, place) => {
        const { done } = await dueMigrations(connection, { place });
        return done.length === 0 || !(await hasOrganization(connection));
      }),
    migrate: ({ check, finish = false }) =>
      withDatabase(url, async (connection, place) => {
        const options = { place, holder: randomUUIDv7(), finish };
        const state = check ? await dueMigrations(connection, options) : await migrate(connection, options);
        return toMigrated(state, finish);
      }),
    verify: (progress, judge) =>
      withDatabase(url, async (connection, place) => {
        const { done, due } = await dueMigrations(connection, { place });
        const schemaVersion = done.at(-1) ?? "";
        if (due.length > 0) throw new Error(`the database ${place} is of an older version: ${due[0]} is due`);
        await assertMoveEnded(connection, place);
        return await verifyServer(connection, { place, schemaVersion, judge }, progress);
      }),
    instanceName: () =>
      withDatabase(url, async (connection, place) => {
        const { done } = await dueMigrations(connection, { place });
        if (done.length === 0) throw new Error(`the database ${place} is empty; start the service once`);
        return await readInstanceName(connection, place);
      }),
    raiseGeneration: (clock) =>
      withDatabase(url, async (connection, place) => {
        await migrate(connection, { place, holder: randomUUIDv7() });
        await assertMoveEnded(connection, place);
        return await raiseServerGeneration(connection, { place, clock });
      }),
    async restore() {
      throw new Error(
        `the database ${describeAddress(parseAddress(url))} is restored by PostgreSQL's own tools, pg_restore or point-in-time recovery; then run lockkeeper restore --raise-generation with the same --database`,
      );
    },
  };
}

async function withDatabase<T>(url: string, work: (connection: Connection, place: string) => Promise<T>): Promise<T> {
  const address = parseAddress(url);
  return await enterServer(address, (connection) => work(connection, describeAddress(address)));
}

const READ_ORGANIZATION = { name: "read_any_organization", text: "SELECT FROM organizations LIMIT 1" };

/** The first start creates the organization `default`. */
async function hasOrganization(connection: Connection): Promise<boolean> {
  return (await connection.run(READ_ORGANIZATION)).count > 0;
}

function toMigrated({ done, due, unfinished }: SchemaState, finish = false): Migrated {
  const from = done.at(-1) ?? "";
  return { from, due: finish ? [...due, ...unfinished] : due, unfinished: finish ? [] : unfinished };
}
