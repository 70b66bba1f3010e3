/** A backup: the database file, read piece by piece while a snapshot keeps checkpoints from writing to it. */
import { createHash } from "node:crypto";
import { fstatSync, read as readDescriptor, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { Database } from "better-sqlite3";
import { type Refusal, RefusalError, refuse } from "../../../domain/refusal.ts";
import { StoreUnavailableError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { LogHeadTable } from "../../rows/schema.ts";
import type { Backup, BackupInfo } from "../../store.ts";
import { readGeneration } from "../generation.ts";
import { doneMigrations } from "../migrate.ts";
import { openReader } from "./database-file.ts";
import type { WalKeeper } from "./wal-keeper.ts";

/*
 * A read transaction that begins when the whole write-ahead log has been moved reads only the database file. While it
 * lasts SQLite moves no page there: writers only make the log longer. So the file can be read directly, without a copy
 * on the server's disk, whose writes would delay those of the log.
 */

const CHUNK_BYTES = 128 * 1024;
const MB = 1_000_000;
/** The least growth that the log is allowed. */
const LOG_ROOM_MIN = 16_000_000;
/** A wake-up that is this late means that the event loop is busy. */
const LATE_MS = 3;
const LATE_FACTOR = 4;
/** In chunks: a busy service is backed up at a quarter of the rate and not slower, because the log grows meanwhile. */
const STAND_BACK_MAX = 3;
/** Bytes 18 and 19 of the file are its journal mode: 1 is a rollback journal, 2 a write-ahead log. */
const JOURNAL_MODE_OFFSET = 18;
const ROLLBACK_JOURNAL = 1;

const readAt = promisify(readDescriptor);

export interface BackupsOptions {
  readonly path: string;
  /** The descriptor of the database file. */
  readonly descriptor: number;
  readonly wal: WalKeeper;
  readonly limits: Limits;
}

/** Makes backups, one at a time. */
export class Backups {
  readonly #options: BackupsOptions;
  #running: FileBackup | "beginning" | undefined;

  constructor(options: BackupsOptions) {
    this.#options = options;
  }

  get isUnderWay(): boolean {
    return this.#running !== undefined;
  }

  /** Begins a backup. Rejects with a RefusalError: BACKUP_UNDER_WAY, BACKUP_NO_SPACE. */
  async begin(): Promise<Backup> {
    if (this.#running !== undefined) throw new RefusalError(underWay());
    const logBytesMax = this.#logBytesMax();
    this.#running = "beginning";
    const { path, descriptor, wal, limits } = this.#options;
    let database: Database | undefined;
    try {
      const reader = openReader(path);
      database = reader;
      const backup = new FileBackup(reader, descriptor, limits, () => {
        this.#running = undefined;
      });
      const exceeded = (): void => backup.giveUp(logTooLong(logBytesMax));
      backup.held(await wal.hold({ begin: () => backup.begin(), bytesMax: logBytesMax, exceeded }));
      this.#running = backup;
      return backup;
    } catch (error) {
      database?.close();
      this.#running = undefined;
      throw error;
    }
  }

  close(): void {
    if (this.#running instanceof FileBackup) {
      this.#running.giveUp(new StoreUnavailableError("the store is closed", undefined));
    }
  }

  /**
   * At most half of the free space: the other half is for the pages of the log, which go into the database afterwards.
   */
  #logBytesMax(): number {
    const { path, descriptor, limits } = this.#options;
    const { bavail, bsize } = statfsSync(dirname(path));
    const free = bavail * bsize;
    // A small database is read before the log grows much.
    const room = Math.min(limits.walBytesMax, Math.max(LOG_ROOM_MIN, fstatSync(descriptor).size));
    if (free < 2 * room) throw new RefusalError(noSpace(free, 2 * room));
    return Math.min(Math.max(limits.walBytesMax, limits.backupLogBytesMax), Math.floor(free / 2));
  }
}

/** A backup. It releases its snapshot when it is read to the end, closed, given up, or no longer read. */
class FileBackup implements Backup {
  readonly #database: Database;
  readonly #descriptor: number;
  readonly #limits: Limits;
  readonly #ended: () => void;
  readonly #over = new AbortController();
  #info: BackupInfo | undefined;
  #release: (() => void) | undefined;
  #isOver: boolean = false;
  #cause: Error = new StoreUnavailableError("the backup was closed", undefined);
  #idle: NodeJS.Timeout | undefined;

  constructor(database: Database, descriptor: number, limits: Limits, ended: () => void) {
    this.#database = database;
    this.#descriptor = descriptor;
    this.#limits = limits;
    this.#ended = ended;
  }

  /** Takes the snapshot, which the first read of a transaction does. */
  begin(): void {
    const database = this.#database;
    database.exec("BEGIN");
    const head = database.prepare<[], LogHeadTable>("SELECT * FROM log_head").get();
    if (head === undefined) throw new StoreUnavailableError("the log has no head", undefined);
    const pragma = (name: string): number => Number(database.pragma(name, { simple: true }));
    this.#info = {
      bytes: pragma("page_count") * pragma("page_size"),
      generation: readGeneration(database),
      position: head.position,
      link: head.link,
      recordTime: head.record_time,
      schemaVersion: doneMigrations(database).at(-1) ?? "",
    };
  }

  held(release: () => void): void {
    this.#release = release;
    this.#watch();
  }

  get info(): BackupInfo {
    if (this.#info === undefined) throw new Error("the backup has not begun");
    return this.#info;
  }

  async *chunks(): AsyncGenerator<Uint8Array, Uint8Array, undefined> {
    const { bytes } = this.info;
    const hash = createHash("sha256");
    const { backupBytesPerSecond: rate } = this.#limits;
    const chunkMs = rate === 0 ? 0 : (CHUNK_BYTES / rate) * 1000;
    // One buffer for all chunks: a new one each time is much work for the garbage collector, which delays every call.
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    let due = performance.now();
    try {
      for (let offset = 0; offset < bytes; offset += CHUNK_BYTES) {
        const waitMs = due - performance.now();
        // Timers count whole milliseconds.
        if (waitMs >= 1) await this.#rest(waitMs);
        const lateMs = performance.now() - due;
        // A late wake-up means that other work waits: it goes first. Chunks that were not sent in time are not made up
        // for.
        const standBackMs = lateMs < LATE_MS ? 0 : Math.min(lateMs * LATE_FACTOR, chunkMs * STAND_BACK_MAX);
        due += Math.max(0, lateMs - chunkMs) + standBackMs + chunkMs;
        const chunk = buffer.subarray(0, Math.min(CHUNK_BYTES, bytes - offset));
        await this.#fill(chunk, offset);
        if (offset === 0) chunk.fill(ROLLBACK_JOURNAL, JOURNAL_MODE_OFFSET, JOURNAL_MODE_OFFSET + 2);
        hash.update(chunk);
        this.#watch();
        yield chunk;
        clearTimeout(this.#idle);
      }
      return hash.digest();
    } finally {
      this.close();
    }
  }

  giveUp(cause: Error): void {
    if (this.#isOver) return;
    this.#cause = cause;
    this.close();
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#over.abort();
    clearTimeout(this.#idle);
    this.#database.close();
    this.#release?.();
    this.#ended();
  }

  /** Ends the wait too: a service that stops does not wait for the rate. */
  async #rest(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#over.signal }).catch(() => undefined);
  }

  async #fill(chunk: Buffer, offset: number): Promise<void> {
    if (this.#isOver) throw this.#cause;
    let filled = 0;
    while (filled < chunk.length) {
      const { bytesRead } = await readAt(this.#descriptor, chunk, filled, chunk.length - filled, offset + filled);
      if (bytesRead === 0) throw new StoreUnavailableError("the database file is shorter than it should be", undefined);
      filled += bytesRead;
    }
    // Given up in the meantime: the chunk may mix two moments.
    if (this.#isOver) throw this.#cause;
  }

  /** Gives up a backup that nobody reads: its snapshot must not make the log grow forever. */
  #watch(): void {
    const { backupIdleMs } = this.#limits;
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.giveUp(notRead(backupIdleMs)), backupIdleMs).unref();
  }
}

function underWay(): Refusal {
  return refuse("BACKUP_UNDER_WAY", "another backup is under way; wait until it has ended");
}

function noSpace(free: number, needed: number): Refusal {
  return refuse(
    "BACKUP_NO_SPACE",
    `the disk of the database has ${Math.floor(free / MB)} MB free; a backup needs ${Math.ceil(needed / MB)} MB, as the write-ahead log grows meanwhile`,
  );
}

function logTooLong(bytesMax: number): RefusalError {
  return abandoned(
    `the write-ahead log has grown to ${Math.floor(bytesMax / MB)} MB since the backup began; run it at a quieter time, over a faster connection, or raise --backup-rate or --backup-log-max`,
  );
}

function notRead(idleMs: number): RefusalError {
  return abandoned(`nothing was read for ${idleMs} ms`);
}

function abandoned(why: string): RefusalError {
  return new RefusalError(refuse("BACKUP_ABANDONED", `the backup was abandoned: ${why}`));
}
