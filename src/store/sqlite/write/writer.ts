/** The writer's connection: runs each batch, and each write without events, as one transaction. */
import type { Database } from "better-sqlite3";
import type { Session } from "../../../domain/session.ts";
import type { Outcome } from "../../commands.ts";
import { Batch } from "../../commit/batch.ts";
import type { RunBatch, Take } from "../../commit/group-commit.ts";
import { type Loaders, WorkingSet } from "../../commit/working-set.ts";
import { StoreUnavailableError } from "../../errors.ts";
import type { Tail } from "../../log/tail.ts";
import type { RecordedEvent } from "../../queries.ts";
import type { SharedMemory } from "../../remote/shared-memory.ts";
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
  /** Called after each COMMIT with its duration in milliseconds. */
  readonly onCommit?: ((durationMs: number) => void) | undefined;
  /** Returns a session with its last known activity, written or not. */
  readonly activity: (session: Session) => Session;
  readonly tail: Pick<Tail, "append" | "lose">;
  /** Lets other threads know the newest record time. */
  readonly memory: Pick<SharedMemory, "recordTime">;
}

/** What a transaction came to. */
interface Work<T> {
  readonly result: T;
  readonly wrote: boolean;
  /** The events that it wrote; absent: none. */
  readonly events?: readonly RecordedEvent[] | undefined;
}

export class Writer {
  /** Milliseconds that all COMMITs have taken. */
  commitMs = 0;
  readonly #options: WriterOptions;
  readonly #loaders: Loaders;
  /** The newest record time that is known to be on disk. */
  #recordTime = 0;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#loaders = entryLoaders(options.statements);
    this.#recordTime = options.statements.readRecordTime.get() ?? 0;
    options.memory.recordTime = this.#recordTime;
  }

  /** Returns the store's clock in milliseconds since the epoch, never below the newest record time. */
  now(): number {
    return Math.max(Math.floor(this.#options.clock()), this.#recordTime);
  }

  /** Milliseconds that the clock is behind the newest record; time stands still for as long. */
  get clockBehindMs(): number {
    return this.now() - Math.floor(this.#options.clock());
  }

  readonly run: RunBatch = async (take) => {
    await this.#options.whenWritable();
    return this.transact(() => this.#runBatch(take));
  };

  /** Runs one transaction from BEGIN to COMMIT in one turn of the event loop, so no read sees a part of it. */
  transact<T>(work: () => Work<T>): T {
    const { guard, statements, tail } = this.#options;
    guard.assertInPlace();
    let atCommit = false;
    try {
      this.#rollBack();
      statements.begin.run();
      const { result, wrote, events = [] } = work();
      if (wrote) {
        atCommit = true;
        const begin = performance.now();
        statements.commit.run();
        const durationMs = performance.now() - begin;
        this.commitMs += durationMs;
        this.#options.onCommit?.(durationMs);
        atCommit = false;
        this.#options.memory.recordTime = this.#recordTime;
        tail.append(events);
      } else {
        statements.rollback.run();
      }
      return result;
    } catch (error) {
      this.#tryRollBack();
      const failure = toStoreError(error, atCommit);
      if (failure instanceof StoreUnavailableError && failure.outcome === "UNKNOWN") tail.lose();
      throw failure;
    }
  }

  #runBatch(take: Take): Work<readonly Outcome[]> {
    // Read again for each batch: after a COMMIT with an unknown outcome no value in memory can be trusted.
    const recordTime = this.#options.statements.readRecordTime.get();
    if (recordTime === undefined) throw new StoreUnavailableError("the log has no head", "NOT_APPLIED");
    this.#recordTime = recordTime;
    const now = this.now();
    const batch = new Batch(new WorkingSet(this.#loaders), now, this.#options.activity);
    const outcomes: Outcome[] = [];
    for (let command = take(); command !== undefined; command = take()) outcomes.push(batch.execute(command));
    const events = writeChanges(this.#options.statements, now, batch.changes);
    const wrote = events !== undefined;
    if (wrote) this.#recordTime = now;
    return { result: outcomes, wrote, events };
  }

  /** Rolls back if needed: after some errors SQLite has rolled back by itself, after others it never began. */
  #rollBack(): void {
    if (this.#options.database.inTransaction) this.#options.statements.rollback.run();
  }

  /** Rolls back after an error, which is the one to report. A rollback that fails is repeated before the next BEGIN. */
  #tryRollBack(): void {
    try {
      this.#rollBack();
    } catch {
      // If the fault persists, the next transaction reports it.
    }
  }
}
