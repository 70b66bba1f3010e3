/** Opens a store by the address of its database: the one place that names an engine. Engines are loaded when needed. */
import type { DatabaseReport, OfflineDatabase, VerifyProgress } from "./offline.ts";
import type { RemoteStoreData } from "./remote/messages.ts";
import { RemoteStore, type RemoteStoreOptions } from "./remote/remote-store.ts";
import type { OpenedStore, Store, StoreOptions } from "./store.ts";

/** Where a database is. */
export interface DatabaseAddress {
  readonly engine: "sqlite";
  /** The database file. */
  readonly path: string;
}

/**
 * Opens, locks and migrates a database, and makes it when it is not there. Rejects with one plain sentence when the
 * database or the clock is not fit for service.
 */
export async function openStore({ path }: DatabaseAddress, options: StoreOptions): Promise<OpenedStore> {
  const { openSqliteStore } = await import("./sqlite/sqlite-store.ts");
  return openSqliteStore({ ...options, path });
}

/** Opens the store of another thread. `data`: what its StoreHost gave for this thread. */
export async function openRemoteStore(data: RemoteStoreData, options: RemoteStoreOptions): Promise<Store> {
  if (data.localReads === undefined) return new RemoteStore(data, options);
  const { ThreadReads } = await import("./sqlite/serving/thread-reads.ts");
  return new RemoteStore(data, options, (parts) => new ThreadReads(parts));
}

/** Returns a database for the work that needs it stopped. */
export async function openOffline({ path }: DatabaseAddress): Promise<OfflineDatabase> {
  const { offlineFile } = await import("./sqlite/offline/offline.ts");
  return offlineFile(path);
}

/** Verifies a backup in a file. Rejects with one plain sentence that names the file and the first fault. */
export async function verifyBackup(file: string, progress?: VerifyProgress): Promise<DatabaseReport> {
  const { verifyFile } = await import("./sqlite/offline/verify-database.ts");
  return verifyFile(file, progress);
}
