/** Opens a store by the address of its database: the one place that names an engine. Engines are loaded when needed. */
import type { DatabaseReport, Moved, MoveOptions, OfflineDatabase, VerifyProgress } from "./offline.ts";
import type { RemoteStoreData } from "./remote/messages.ts";
import { RemoteStore, type RemoteStoreOptions } from "./remote/remote-store.ts";
import type { OpenedStore, Store, StoreOptions } from "./store.ts";

/** Where a database is. */
export type DatabaseAddress =
  | {
      readonly engine: "sqlite";
      /** The database file. */
      readonly path: string;
    }
  | {
      readonly engine: "postgres";
      /** As postgres/connect/address.ts parses it. It may have a password. */
      readonly url: string;
      /** Whether statements are prepared; the default is true. */
      readonly prepare?: boolean;
      /** How many connections are opened at most; the default is 10. */
      readonly connections?: number;
    };

const CONNECTIONS = 10;

/**
 * Opens and migrates a database, and makes it when it is a file that is not there. Rejects with one plain sentence when
 * the database or the clock is not fit for service.
 */
export async function openStore(address: DatabaseAddress, options: StoreOptions): Promise<OpenedStore> {
  if (address.engine === "sqlite") {
    const { openSqliteStore } = await import("./sqlite/sqlite-store.ts");
    return openSqliteStore({ ...options, path: address.path });
  }
  const { url, prepare = true, connections = CONNECTIONS } = address;
  const { openPostgresStore } = await import("./postgres/postgres-store.ts");
  return openPostgresStore({ ...options, url, prepare, connections });
}

/**
 * Returns where a database is, for people: a path, or a name and hosts without user and password. Rejects with one plain
 * sentence when the address itself is at fault.
 */
export async function describeDatabase(address: DatabaseAddress): Promise<string> {
  if (address.engine === "sqlite") return address.path;
  const { describeAddress, parseAddress } = await import("./postgres/connect/address.ts");
  return describeAddress(parseAddress(address.url));
}

/** Opens the store of another thread. `data`: what its StoreHost gave for this thread. */
export async function openRemoteStore(data: RemoteStoreData, options: RemoteStoreOptions): Promise<Store> {
  if (data.localReads === undefined) return new RemoteStore(data, options);
  const { ThreadReads } = await import("./sqlite/serving/thread-reads.ts");
  return new RemoteStore(data, options, (parts) => new ThreadReads(parts));
}

/** Returns a database for the work that needs it stopped. */
export async function openOffline(address: DatabaseAddress): Promise<OfflineDatabase> {
  if (address.engine === "sqlite") {
    const { offlineFile } = await import("./sqlite/offline/offline.ts");
    return offlineFile(address.path);
  }
  const { offlineServer } = await import("./postgres/offline/offline.ts");
  return offlineServer(address.url);
}

/** Verifies a backup in a file. Rejects with one plain sentence that names the file and the first fault. */
export async function verifyBackup(file: string, progress?: VerifyProgress): Promise<DatabaseReport> {
  const { verifyFile } = await import("./sqlite/offline/verify-database.ts");
  return verifyFile(file, progress);
}

/**
 * Moves a whole database from a file to an empty PostgreSQL database, or goes on with a move that was interrupted. The
 * file is then marked as moved. Rejects with one plain sentence.
 */
export async function moveDatabase(
  from: Extract<DatabaseAddress, { engine: "sqlite" }>,
  to: Extract<DatabaseAddress, { engine: "postgres" }>,
  options: MoveOptions,
): Promise<Moved> {
  const [{ withMoveSource }, { withMoveTarget }, { moveBetween }] = await Promise.all([
    import("./sqlite/offline/move-source.ts"),
    import("./postgres/offline/move-target.ts"),
    import("./move/move-database.ts"),
  ]);
  return withMoveSource(from.path, (source) =>
    withMoveTarget(to.url, (target) => moveBetween(source, target, options)),
  );
}
