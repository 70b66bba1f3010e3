/** What a replica does for itself and the others from time to time: says that it is there, and does the work of all when it is its turn. */
import { randomUUIDv7 } from "node:crypto";
import type { FailedOutcome } from "../../../domain/refusal.ts";
import { readVersion } from "../../../version.ts";
import { StoreUnavailableError } from "../../errors.ts";
import type { OpenWork } from "../../rows/open-work.ts";
import type { Connection } from "../connect/connection.ts";
import type { Pool } from "../connect/pool.ts";
import { toReadError } from "../connect/trouble.ts";
import { acquireLease, type Lease, releaseLease, renewLease } from "../schema/lease.ts";
import { SCHEMA_VERSION } from "../schema/migrations.ts";
import { beat, leave, type Replica } from "../schema/replicas.ts";
import { readOldestDue, readOpenWork } from "../write/housekeeping.ts";
import { analyzeGrown } from "./table-statistics.ts";

/** What a reading of the head says of a replica. */
export interface Standing {
  readonly generation: number;
  readonly oldestBeside: string;
}

export interface UpkeepOptions {
  readonly pool: Pool;
  /** Of the instance, when the store was opened. */
  readonly generation: number;
  /** The store's clock, in milliseconds since the epoch. */
  readonly now: () => number;
  readonly onTrouble: (error: unknown) => void;
}

const BEAT_MS = 5_000;
/** A replica that dies holds the work of all up for as long. */
const LEASE_MS = 15_000;

export class Upkeep {
  readonly #options: UpkeepOptions;
  readonly #replica: Replica = { id: randomUUIDv7(), version: readVersion(), schemaVersion: SCHEMA_VERSION };
  #timer: NodeJS.Timeout | undefined;
  #lease: Lease | undefined;
  /** When a replica without the lease asks for it again, by the monotonic clock. */
  #askAt = 0;
  /** When the holder of the lease looks for tables that have grown, by the monotonic clock. */
  #analyzeAt = 0;
  #oldestDue: number | undefined;
  #openWork: OpenWork | undefined;
  /** Why this replica must not go on. */
  #fault: string | undefined;
  #isFailing: boolean = false;
  #isClosed: boolean = false;

  constructor(options: UpkeepOptions) {
    this.#options = options;
    this.#beatIn(0);
  }

  /**
   * Takes what a reading of the head says of this replica. Throws StoreUnavailableError when it must not go on: a later
   * version has finished an upgrade, or the generation was raised, which ends every session that this replica knows.
   */
  assertCurrent(head?: Standing, outcome?: FailedOutcome): void {
    if (head !== undefined) this.#note(head);
    if (this.#fault !== undefined) throw new StoreUnavailableError(this.#fault, outcome);
  }

  #note({ generation, oldestBeside }: Standing): void {
    const own = this.#options.generation;
    if (generation !== own) {
      this.#fault = `the generation of the database was raised from ${own} to ${generation}; start this replica again`;
    } else if (oldestBeside > this.#replica.schemaVersion) {
      this.#fault = `a newer version of lockkeeper has finished its upgrade of the database; version ${this.#replica.version} must be replaced`;
    }
  }

  /** Milliseconds by which the oldest change by the clock is late, when it was looked for last. */
  get sweepLagMs(): number {
    return this.#oldestDue === undefined ? 0 : Math.max(0, this.#options.now() - this.#oldestDue);
  }

  /** What was still to do when it was looked for last; undefined: never. */
  get openWork(): OpenWork | undefined {
    return this.#openWork;
  }

  /** Returns whether this replica does the work of all now. Rejects with StoreUnavailableError. */
  async mayRun(): Promise<boolean> {
    if (this.#isClosed || this.#fault !== undefined) return false;
    try {
      return await this.#options.pool.use(async (connection) => {
        const holds = await this.#hold(connection);
        if (holds && performance.now() >= this.#analyzeAt) {
          this.#analyzeAt = performance.now() + BEAT_MS;
          await analyzeGrown(connection);
        }
        return holds;
      });
    } catch (error) {
      throw toReadError(error);
    }
  }

  /** Keeps the lease, or takes it if nobody has it. */
  async #hold(connection: Connection): Promise<boolean> {
    if (this.#lease !== undefined) {
      if (await renewLease(connection, this.#lease, LEASE_MS)) return true;
      this.#lease = undefined;
    }
    const at = performance.now();
    if (at < this.#askAt) return false;
    this.#askAt = at + BEAT_MS;
    this.#lease = await acquireLease(connection, {
      name: "upkeep",
      holder: this.#replica.id,
      durationMs: LEASE_MS,
    });
    return this.#lease !== undefined;
  }

  /** Lets the others take over at once. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    const lease = this.#lease;
    await this.#options.pool
      .use(async (connection) => {
        if (lease !== undefined) await releaseLease(connection, lease);
        await leave(connection, this.#replica.id);
      })
      // Then the lease and the presence end by themselves.
      .catch(() => undefined);
  }

  #beatIn(ms: number): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#beat().then(
        () => {
          this.#isFailing = false;
          this.#beatIn(BEAT_MS);
        },
        (error: unknown) => {
          if (!this.#isFailing && !this.#isClosed) this.#options.onTrouble(error);
          this.#isFailing = true;
          this.#beatIn(BEAT_MS);
        },
      );
    }, ms).unref();
  }

  async #beat(): Promise<void> {
    await this.#options.pool.use((connection) => beat(connection, this.#replica));
    this.#oldestDue = await readOldestDue(this.#options.pool, this.#options.now());
    this.#openWork = await readOpenWork(this.#options.pool);
  }
}
