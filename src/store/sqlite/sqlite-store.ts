/** The store on one SQLite file: a writer with group commit, a reader worker, a checkpoint worker and the sweeper. */
import { closeSync, openSync } from "node:fs";
import type { Database } from "better-sqlite3";
import type { ApiKey } from "../../domain/api-key.ts";
import type { Organization } from "../../domain/organization.ts";
import type { StoredPolicy } from "../../domain/policy.ts";
import type { Session } from "../../domain/session.ts";
import type { User } from "../../domain/user.ts";
import { GroupCommit } from "../commit/group-commit.ts";
import { type EngineParts, EngineStore } from "../engine-store.ts";
import { StoreHistory } from "../history/store-history.ts";
import { limitsOf } from "../limits.ts";
import { Tail } from "../log/tail.ts";
import { TailLog } from "../log/tail-log.ts";
import type { ApiKeyName, SessionKey, SessionReading, SignInKey, SignInView } from "../queries.ts";
import { SharedMemory } from "../remote/shared-memory.ts";
import { toApiKey } from "../rows/rows.ts";
import { UserSearches } from "../search/search-users.ts";
import type { StoreStats } from "../stats.ts";
import type { Backup, LocalReadsData, LogReader, OpenedStore, StoreOptions } from "../store.ts";
import { SWEEP_INTERVAL_MS } from "../upkeep/sweeper.ts";
import { Backups } from "./file/backup.ts";
import { hasUserOrKey } from "./file/database-file.ts";
import { FileGuard } from "./file/file-guard.ts";
import type { FileLock } from "./file/file-lock.ts";
import { WalKeeper } from "./file/wal-keeper.ts";
import { createSeal, readGeneration } from "./generation.ts";
import { SCHEMA_VERSION } from "./migrate.ts";
import { type OpenedFile, openFile } from "./open-file.ts";
import { Reader } from "./read/reader.ts";
import { readStats, type StatsSources } from "./store-stats.ts";
import { type HotStatements, prepareHotStatements } from "./write/hot-statements.ts";
import { createActivity, createEraser, createShadows, createSweeper } from "./write/housekeeping.ts";
import { LiveConnection } from "./write/live-connection.ts";
import { LiveReads, readMarkedHead } from "./write/live-reads.ts";
import { Writer } from "./write/writer.ts";

export interface SqliteStoreOptions extends StoreOptions {
  /** The database file; it and its folder are created if they do not exist. */
  readonly path: string;
}

/** Opens, locks and migrates the file. Rejects with one plain sentence when the file or the clock cannot be used. */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<SqliteStore> {
  const opened = openFile(options);
  try {
    return new SqliteStore(options, opened);
  } catch (error) {
    opened.discard();
    throw error;
  }
}

export class SqliteStore extends EngineStore implements OpenedStore {
  override readonly system = "sqlite";
  override readonly generation: number;
  readonly schemaVersion = SCHEMA_VERSION;
  override readonly tail: Tail;
  protected override readonly parts: EngineParts;
  readonly log: LogReader;
  readonly localReads: LocalReadsData;
  readonly history: StoreHistory;
  readonly #measured: StatsSources;
  readonly #database: Database;
  readonly #lock: FileLock;
  readonly #statements: HotStatements;
  readonly #guard: FileGuard;
  readonly #descriptor: number;
  readonly #writer: Writer;
  readonly #connection: LiveConnection;
  readonly #wal: WalKeeper;
  readonly #reader: Reader;
  readonly #live: LiveReads;
  readonly #backups: Backups;
  #closing: Promise<void> | undefined;

  constructor(options: SqliteStoreOptions, { path, lock, database, signer }: OpenedFile) {
    super();
    const limits = limitsOf(options.limits);
    const { clock, onCommit, onTrouble = () => undefined, sweepIntervalMs: intervalMs = SWEEP_INTERVAL_MS } = options;
    this.#database = database;
    this.#lock = lock;
    const statements = prepareHotStatements(database);
    this.#statements = statements;
    this.generation = readGeneration(database);
    this.#descriptor = openSync(path, "r");
    const memory = new SharedMemory();
    this.localReads = { path, memory: memory.buffer };
    const guard = new FileGuard({ path, database, descriptor: this.#descriptor, memory });
    this.#guard = guard;
    const { walBytesMax } = limits;
    // The log grows during a backup; this returns the space to the disk.
    database.pragma(`journal_size_limit = ${walBytesMax}`);
    this.#wal = new WalKeeper({ database, path, descriptor: this.#descriptor, walBytesMax, onTrouble });
    this.#backups = new Backups({ path, descriptor: this.#descriptor, wal: this.#wal, limits });
    const whenRoom = (): Promise<void> | undefined => this.#wal.whenRoom();
    const whenWritable = (): Promise<void> | undefined => options.whenSteady?.()?.then(whenRoom) ?? whenRoom();
    const latest = (session: Session): Session => activity.known(session);
    const now = (): number => this.#writer.now();
    const readLog = (after: number, limit: number) => reader.readLog(after, limit);
    const tail = new Tail({ position: statements.readHeadPosition.get() ?? 0, readLog, onTrouble });
    this.tail = tail;
    this.log = new TailLog(tail, createSeal(database), (at) =>
      this.#connection.read(() => readMarkedHead(statements, at)),
    );
    const writer = new Writer({
      database,
      statements,
      guard,
      clock,
      whenWritable,
      onCommit,
      activity: latest,
      tail,
      memory,
    });
    this.#writer = writer;
    this.#connection = new LiveConnection({ database, statements, guard, writer, whenWritable });
    this.#live = new LiveReads({ statements, generation: this.generation, now, activity: latest, configuration: tail });
    const housekeeping = { connection: this.#connection, statements, now, intervalMs, onTrouble };
    const shadows = createShadows(housekeeping);
    const activity = createActivity(housekeeping);
    const commits = new GroupCommit({
      run: this.#writer.run,
      ...{ limits, wallClock: Date.now, onTrouble, onBatch: options.onBatch },
    });
    const signs = signer !== undefined;
    this.#measured = {
      path,
      statements,
      commits,
      writer,
      wal: this.#wal,
      backups: this.#backups,
      signs,
    };
    const reader = new Reader({ path, limits }, () => this.#guard.assertNotLost(), onTrouble);
    this.#reader = reader;
    this.history = new StoreHistory(reader, signer);
    const searches = new UserSearches({ reader, limits, now });
    const eraser = createEraser(housekeeping, () => this.#wal.forget());
    const sweeper = createSweeper({
      ...housekeeping,
      ...{ limits, reader, eraser, signer, database, checkpointMs: options.checkpointMs },
      execute: (command, executeOptions) => this.execute(command, executeOptions),
    });
    const { traces } = options;
    this.parts = { commits, reader, searches, activity, shadows, eraser, sweeper, traces, now };
  }

  /** The followers of the writer's own thread are always up to date: it calls them. */
  catchUp(): void {}

  readUser(userId: string): Promise<User | undefined> {
    return this.#connection.readSoon(() => this.#live.user(userId));
  }

  readSession(key: SessionKey, { touch }: { readonly touch: boolean }): Promise<SessionReading | undefined> {
    return this.#connection.readSoon(() => {
      const found = this.#live.session(key);
      if (touch && found?.status === "ACTIVE") this.parts.activity.note(found.session, found.now);
      return found;
    });
  }

  readSignIn(key: SignInKey): Promise<SignInView | undefined> {
    return this.#connection.readSoon(() => this.#live.signIn(key));
  }

  async findByIdentifier(organizationId: string, identifier: string): Promise<readonly string[]> {
    return this.#connection.read(() => this.#live.identified(organizationId, identifier));
  }

  async readPolicy(policyId: string): Promise<StoredPolicy | undefined> {
    return this.#connection.read(() => this.#live.policy(policyId));
  }

  async readOrganization(organizationId: string): Promise<Organization | undefined> {
    return this.#connection.read(() => this.#live.organization(organizationId));
  }

  async loadApiKeys(): Promise<readonly ApiKey[]> {
    return this.#connection.read(() => this.#statements.readEffectiveApiKeys.all(this.#writer.now())).map(toApiKey);
  }

  async readApiKey(name: ApiKeyName): Promise<ApiKey | undefined> {
    return this.#connection.read(() => this.#live.apiKey(name));
  }

  async touchApiKeys(days: ReadonlyMap<string, string>): Promise<void> {
    if (days.size === 0) return;
    await this.#connection.write(() => {
      for (const [id, day] of days) this.#statements.touchApiKey.run(day, id);
    });
  }

  async check(): Promise<void> {
    this.#connection.read(() => this.#statements.readRecordTime.get());
    this.#guard.assertInPlace();
  }

  async createBackup(): Promise<Backup> {
    this.#connection.assertUsable();
    return this.#backups.begin();
  }

  stats(): StoreStats {
    return readStats(this.#measured);
  }

  get clockBehindMs(): number {
    return this.#writer.clockBehindMs;
  }

  /** Milliseconds that all COMMITs took, and that batches waited for the write-ahead log to restart. */
  get spentMs(): { readonly commit: number; readonly walWait: number } {
    return { commit: this.#writer.commitMs, walWait: this.#wal.waitedMs };
  }

  close({ discards } = { discards: false }): Promise<void> {
    this.#closing ??= this.#close(discards);
    return this.#closing;
  }

  /** No other process writes the file. */
  protected override confirmed<T>(read: Promise<T>): Promise<T> {
    return read;
  }

  async #close(discards: boolean): Promise<void> {
    this.#backups.close();
    await this.parts.sweeper.stop();
    await this.parts.commits.close();
    await this.parts.activity.close();
    await Promise.all([this.#wal.close(), this.#reader.close()]);
    // The port may have been open for a moment, so a user may be in it.
    const isUnused = discards && !hasUserOrKey(this.#database);
    try {
      // The last connection: closing it moves the log into the database and removes it.
      this.#database.close();
    } finally {
      // Must come last: closing any descriptor of the file drops all locks of the process on it, also SQLite's.
      closeSync(this.#descriptor);
      if (isUnused) this.#lock.discard();
      else this.#lock.release();
    }
  }
}
