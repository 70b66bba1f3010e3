/** Runs batches, and writes without events, as transactions that are serial over all replicas. */
import type { Session } from "../../../domain/session.ts";
import type { Command, Outcome } from "../../commands.ts";
import { Batch } from "../../commit/batch.ts";
import { BatchPartError, type RunBatch, type Take } from "../../commit/group-commit.ts";
import { WorkingSet } from "../../commit/working-set.ts";
import { StoreUnavailableError } from "../../errors.ts";
import type { RecordedEvent } from "../../queries.ts";
import { rollBack, sendAndCommit } from "../connect/commit.ts";
import type { Connection } from "../connect/connection.ts";
import { inOrder } from "../connect/in-order.ts";
import type { Pool } from "../connect/pool.ts";
import { isLost, isRace, toStoreError } from "../connect/trouble.ts";
import { BatchLoader } from "./batch-loader.ts";
import { BatchWriter, type Head } from "./batch-writer.ts";
import { ConfigurationRows } from "./configuration-rows.ts";
import { BEGIN_MS_MAX, beginAndTakeHead } from "./transaction.ts";
import { PUT_RECORD_TIME } from "./write-statements.ts";

export interface WriterOptions {
  /** Of one connection, to the server that can write. */
  readonly link: Pool;
  /** Throws StoreUnavailableError when this replica must not go on with a database that has this head. */
  readonly assertCurrent: (head: Pick<Head, "generation" | "oldestBeside">) => void;
  /** Returns the time at which a transaction decides, in milliseconds since the epoch. */
  readonly timeOf: (head: Pick<Head, "recordTime" | "serverTime">) => number;
  /** Returns a session with its last known activity, written or not. */
  readonly activity: (session: Session) => Session;
  /** Takes what a transaction has written, before any of its commands is answered. */
  readonly onWritten: (head: Head, events: readonly RecordedEvent[]) => Promise<void>;
  /** Called when the fate of a COMMIT is not known. */
  readonly onUnknown: () => void;
  /** Called after each COMMIT with its duration in milliseconds. */
  readonly onCommit?: ((durationMs: number) => void) | undefined;
}

/** Counts since the start. */
export interface WriterCounts {
  /** Transactions that the server rolled back for another one, and that ran again. */
  retries: number;
  /** COMMITs whose fate is not known. */
  unknown: number;
}

/** A transaction ends at so many rows or bytes; the commands that are left have the next one. */
const ROWS_MAX = 3_000;
const BYTES_MAX = 4 * 1024 * 1024;
/** Characters of persons that one batch should load: a turn of the event loop parses them. */
const LOAD_CHARS_MAX = 4 * 1024 * 1024;
/** How often a transaction runs again as it is, before it is halved. */
const RETRIES_MAX = 3;
/** The head was held too long by another writer. */
const LOCK_NOT_AVAILABLE = "55P03";

export class Writer {
  readonly counts: WriterCounts = { retries: 0, unknown: 0 };
  /** Milliseconds that all COMMITs have taken, with the statements before each. */
  commitMs = 0;
  /** The duration of the last COMMIT in milliseconds. */
  lastCommitMs = 0;
  #charsPerCommand = 0;
  /** Whether the fate of the last COMMIT is not known: the next one may hang as long. */
  #isDoubtful: boolean = false;
  readonly #options: WriterOptions;
  readonly #configuration = new ConfigurationRows();

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  readonly run: RunBatch = async (take) => {
    // First: a batch that cannot begin takes no command from those that may wait for the next one.
    await this.#options.link.use(async () => undefined);
    const commands = takeAll(take);
    return await this.#runAll(commands);
  };

  /**
   * Makes sure that a batch could begin, and after a COMMIT whose fate is not known that the next one succeeds. Rejects
   * with StoreUnavailableError.
   */
  async probe(): Promise<void> {
    if (this.#isDoubtful) await this.write(async () => 1);
    else await this.#options.link.use(async () => undefined);
  }

  /**
   * Writes without events in one transaction. `work` sends its statements and returns the number of rows that it changed;
   * after 0 nothing is committed: the sweeper finds nothing to delete each second, which must cost no wait for a disk.
   */
  async write(work: (connection: Connection) => Promise<number>): Promise<number> {
    return await this.#options.link.use(async (connection) => {
      try {
        const [head, count] = await this.#begin(connection, async () => {
          const taken = await connection.flight(() => beginAndTakeHead(connection));
          this.#options.assertCurrent(taken);
          return [taken, await work(connection)] as const;
        });
        if (count === 0) {
          await rollBack(connection);
          return 0;
        }
        const now = this.#options.timeOf(head);
        await this.#commit(connection, () => [connection.run(PUT_RECORD_TIME, [now])]);
        return count;
      } catch (error) {
        await rollBack(connection);
        this.#noteFate(error);
        throw toStoreError(error);
      }
    });
  }

  /** Commands whose persons, by those of the last batches, may be loaded at once. */
  get commandsMax(): number {
    return Math.floor(LOAD_CHARS_MAX / Math.max(this.#charsPerCommand, 1));
  }

  /** Runs commands in as few transactions as their size allows. */
  async #runAll(commands: readonly Command[]): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = [];
    while (outcomes.length < commands.length) {
      try {
        outcomes.push(...(await this.#runSome(commands.slice(outcomes.length))));
      } catch (error) {
        throw outcomes.length === 0 ? error : new BatchPartError(outcomes, error);
      }
    }
    return outcomes;
  }

  /**
   * Returns the outcomes of the commands that fit into one transaction, at least one. Where another transaction was in
   * the way, it runs again: a few times as it is, then with half of its commands, at last with one. A connection that
   * was lost before COMMIT is replaced once: nothing was applied.
   */
  async #runSome(commands: readonly Command[]): Promise<readonly Outcome[]> {
    let some = commands;
    for (let round = 1; ; round++) {
      try {
        return await this.#options.link.use((connection) => this.#transact(connection, some));
      } catch (error) {
        const isHeadHeld = hasCode(error, LOCK_NOT_AVAILABLE);
        const isGone = isLost(error) && round === 1;
        if (!isGone && !isHeadHeld && !isRace(error)) throw toStoreError(error);
        this.counts.retries++;
        if (round < RETRIES_MAX) continue;
        if (some.length === 1 || isHeadHeld) {
          throw new StoreUnavailableError("other writers are in the way", "NOT_APPLIED", { cause: error });
        }
        some = some.slice(0, Math.ceil(some.length / 2));
      }
    }
  }

  async #transact(connection: Connection, commands: readonly Command[]): Promise<readonly Outcome[]> {
    const set = new WorkingSet();
    const loader = new BatchLoader(connection, commands, set, this.#configuration);
    try {
      const [head, ready] = await this.#begin(connection, async () => {
        const [taken] = await connection.flight(() => inOrder([this.#takeHead(connection), loader.sendFirst()]));
        this.#options.assertCurrent(taken);
        return [taken, await loader.loadRest()] as const;
      });
      this.#noteLoad(loader.personChars, commands.length);
      const now = this.#options.timeOf(head);
      const batch = new Batch(set, now, this.#options.activity);
      const outcomes: Outcome[] = [];
      for (const command of commands.slice(0, ready)) {
        outcomes.push(batch.execute(command));
        if (batch.weight.rows >= ROWS_MAX || batch.weight.bytes >= BYTES_MAX) break;
      }
      const { changes } = batch;
      if (changes.accepted.length === 0) {
        await rollBack(connection);
        return outcomes;
      }
      const writer = new BatchWriter(changes, head, now);
      await this.#commit(connection, () => writer.send(connection));
      await this.#options.onWritten(head, writer.events);
      return outcomes;
    } catch (error) {
      await rollBack(connection);
      this.#noteFate(error);
      throw error;
    }
  }

  /** Runs what comes before COMMIT; a server that does not answer in time is cut off. */
  async #begin<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
    const cut = setTimeout(() => connection.destroy(), BEGIN_MS_MAX);
    try {
      return await work();
    } finally {
      clearTimeout(cut);
    }
  }

  async #takeHead(connection: Connection): Promise<Head> {
    const head = await beginAndTakeHead(connection);
    this.#configuration.use(head.configPosition);
    return head;
  }

  async #commit(connection: Connection, send: () => readonly Promise<unknown>[]): Promise<void> {
    const { commitMs } = await sendAndCommit(connection, send);
    this.#isDoubtful = false;
    this.commitMs += commitMs;
    this.lastCommitMs = commitMs;
    this.#options.onCommit?.(commitMs);
  }

  #noteLoad(chars: number, commands: number): void {
    // A load that is heavier than the ones before counts at once, a lighter one by and by.
    this.#charsPerCommand = Math.max(chars / commands, 0.9 * this.#charsPerCommand);
  }

  #noteFate(error: unknown): void {
    if (!(error instanceof StoreUnavailableError) || error.outcome !== "UNKNOWN") return;
    this.counts.unknown++;
    this.#isDoubtful = true;
    this.#options.onUnknown();
  }
}

function takeAll(take: Take): readonly Command[] {
  const commands: Command[] = [];
  for (let command = take(); command !== undefined; command = take()) commands.push(command);
  return commands;
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
