/** The writer's connection as the store uses it: reads at this moment, and writes without events. */
import type { Database } from "better-sqlite3";
import { StoreUnavailableError } from "../../errors.ts";
import type { FileGuard } from "../file/file-guard.ts";
import { toReadError } from "../trouble.ts";
import type { HotStatements } from "./hot-statements.ts";
import { TickReads } from "./tick-reads.ts";
import type { Writer } from "./writer.ts";

export interface LiveConnectionOptions {
  readonly database: Database;
  readonly statements: HotStatements;
  readonly guard: FileGuard;
  readonly writer: Writer;
  /** Resolves when a write may begin. */
  readonly whenWritable: () => Promise<void> | undefined;
}

export class LiveConnection {
  readonly #options: LiveConnectionOptions;
  readonly #tickReads: TickReads;

  constructor(options: LiveConnectionOptions) {
    this.#options = options;
    this.#tickReads = new TickReads(options.statements, () => this.assertUsable());
  }

  /** Throws when the store is closed or its files are lost. */
  assertUsable(): void {
    const { database, guard } = this.#options;
    if (!database.open) throw new StoreUnavailableError("the store is closed", undefined);
    guard.assertNotLost();
  }

  /** Reads within this turn of the event loop. */
  read<T>(read: () => T): T {
    this.assertUsable();
    try {
      return read();
    } catch (error) {
      throw toReadError(error);
    }
  }

  /** Reads at the end of this turn, together with its other reads. Rejects with StoreUnavailableError. */
  readSoon<T>(read: () => T): Promise<T> {
    return this.#tickReads.read(read);
  }

  /** Writes in one transaction; resolves when it is on disk. */
  async write(work: () => void): Promise<void> {
    await this.#options.whenWritable();
    this.assertUsable();
    this.#options.writer.transact(() => {
      work();
      return { result: undefined, wrote: true };
    });
  }

  /** Deletes in one transaction. `work` deletes rows and returns their number. */
  async delete(work: () => number): Promise<number> {
    await this.#options.whenWritable();
    return this.#options.writer.transact(() => {
      const count = work();
      return { result: count, wrote: count > 0 };
    });
  }
}
