/** The writer's connection: runs a batch as one transaction, and the few writes that are no events. */
import type { Database } from "better-sqlite3";
import type { Session } from "../../../domain/session.ts";
import type { Outcome } from "../../commands.ts";
import { Batch } from "../../commit/batch.ts";
import type { RunBatch, Take } from "../../commit/group-commit.ts";
import { type Loaders, WorkingSet } from "../../commit/working-set.ts";
import { StoreUnavailableError } from "../../errors.ts";
import type { FileGuard } from "../file/file-guard.ts";
import { toStoreError } from "../trouble.ts";
import { entryLoaders } from "./entry-loaders.ts";
import type { HotStatements } from "./hot-statements.ts";
import { writeChanges } from "./write-batch.ts";

export interface WriterOptions {
  readonly database: Database;
  readonly statements: HotStatements;
  readonly guard: FileGuard;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Resolves when a batch may begin: the time is certain and the WAL has room. */
  readonly whenWritable: () => Promise<void> | undefined;
  /** Hears how long each COMMIT took, in milliseconds. */
  readonly onCommit?: ((durationMs: number) => void) | undefined;
  /** A session with the last activity that is known, on disk or not. */
  readonly activity: (session: Session) => Session;
}

export class Writer {
  /** Milliseconds that all COMMITs took. */
  commitMs = 0;
  readonly #options: WriterOptions;
  readonly #loaders: Loaders;
  /** The newest record time that is known to be on disk. */
  #recordTime = 0;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#loaders = entryLoaders(options.statements);
    this.#recordTime = options.statements.readRecordTime.get() ?? 0;
  }

  /** Never below what is recorded. */
  now(): number {
    return Math.max(Math.floor(this.#options.clock()), this.#recordTime);
  }

  /** Milliseconds that the clock is behind the newest record: as long as time stands still. */
  get clockBehindMs(): number {
    return this.now() - Math.floor(this.#options.clock());
  }

  readonly run: RunBatch = async (take) => {
    await this.#options.whenWritable();
    return this.transact(() => this.#runBatch(take));
  };

  /** One transaction from BEGIN to COMMIT, in one turn of the event loop: nothing else sees its middle. */
  transact<T>(work: () => { readonly result: T; readonly wrote: boolean }): T {
    const { guard, statements } = this.#options;
    guard.assertInPlace();
    let atCommit = false;
    try {
      this.#rollBack();
      statements.begin.run();
      const { result, wrote } = work();
      if (wrote) {
        atCommit = true;
        const begin = performance.now();
        statements.commit.run();
        const durationMs = performance.now() - begin;
        this.commitMs += durationMs;
        this.#options.onCommit?.(durationMs);
      } else {
        statements.rollback.run();
      }
      return result;
    } catch (error) {
      this.#tryRollBack();
      throw toStoreError(error, atCommit);
    }
  }

  #runBatch(take: Take): { readonly result: readonly Outcome[]; readonly wrote: boolean } {
    // Read again for each batch: after a COMMIT of unknown fate nothing that is held in memory can be trusted.
    const recordTime = this.#options.statements.readRecordTime.get();
    if (recordTime === undefined) throw new StoreUnavailableError("the log has no head", "NOT_APPLIED");
    this.#recordTime = recordTime;
    const now = this.now();
    const batch = new Batch(new WorkingSet(this.#loaders), now, this.#options.activity);
    const outcomes: Outcome[] = [];
    for (let command = take(); command !== undefined; command = take()) outcomes.push(batch.execute(command));
    const wrote = writeChanges(this.#options.statements, now, batch.changes);
    if (wrote) this.#recordTime = now;
    return { result: outcomes, wrote };
  }

  /** SQLite has rolled back by itself after some errors, and never begun after others. */
  #rollBack(): void {
    if (this.#options.database.inTransaction) this.#options.statements.rollback.run();
  }

  /** The error that led here is the one to tell; what cannot be rolled back now is before the next BEGIN. */
  #tryRollBack(): void {
    try {
      this.#rollBack();
    } catch {
      // Told as the first error of the next transaction, if it lasts.
    }
  }
}
