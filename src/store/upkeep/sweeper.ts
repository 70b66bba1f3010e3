/** Housekeeping in small steps on the bulk lane: writes changes that are due by the clock, and deletes old rows. */
import { randomUUIDv7 } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import type { AttemptSubject } from "../../domain/attempt.ts";
import type { CommandContext } from "../../domain/command.ts";
import { SYSTEM_ACTOR } from "../../domain/event.ts";
import type { Factor } from "../../domain/policy.ts";
import type { Command, ExecuteOptions, Outcome } from "../commands.ts";

/** A counter with an attempt that ran out of time. */
export interface DueCounter {
  readonly subject: AttemptSubject;
  readonly factor: Factor;
}

export interface SweeperOptions {
  readonly intervalMs: number;
  readonly usersMax: number;
  /** Returns the ids of users with something due, the longest due first. */
  readonly findDue: (limit: number) => readonly string[] | Promise<readonly string[]>;
  /** Returns counters with an attempt that ran out of time, the longest due first. */
  readonly findDueCounters: (limit: number) => readonly DueCounter[] | Promise<readonly DueCounter[]>;
  readonly execute: (command: Command, options: ExecuteOptions) => Promise<Outcome>;
  /** Writes the next summaries of the log, and returns whether there may be more of them to write. */
  readonly summarise: () => Promise<boolean>;
  /** Each deletes at most `limit` rows that are too old, and returns how many it deleted. */
  readonly deleteOld: readonly ((limit: number) => Promise<number>)[];
  /** Writes a checkpoint if one is due; absent: nobody signs them. */
  readonly writeCheckpoint?: (() => Promise<void>) | undefined;
  /** Runs one step of an erasure. Returns whether there may be more to do. */
  readonly erase: () => Promise<boolean>;
  /** Has the next users erased that were deleted long ago. Returns whether there may be more to do. */
  readonly eraseDeleted: () => Promise<boolean>;
  /** Whether this process may run a round now; absent: it always may. Of several processes one sweeps. */
  readonly mayRun?: () => Promise<boolean>;
  readonly onTrouble: (error: unknown) => void;
}

const ROWS_PER_STEP = 500;
const STEP_PAUSE_MS = 20;
/** Of one round: long histories and old logs take many, and changes that are due do not wait for them. */
const DELETED_STEPS = 8;
const ERASE_STEPS = 20;
const SUMMARY_STEPS = 8;

/** The pause between two rounds, in milliseconds. */
export const SWEEP_INTERVAL_MS = 1_000;
/** The context of changes that nobody requests. */
export const SWEEPER_CONTEXT: CommandContext = {
  actor: SYSTEM_ACTOR,
  via: "sweeper",
  scope: null,
  validateOnly: false,
};

export class Sweeper {
  readonly #options: SweeperOptions;
  readonly #timer: NodeJS.Timeout;
  #round: Promise<void> | undefined;
  #stopped: boolean = false;
  #isFailing: boolean = false;

  constructor(options: SweeperOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.sweep(), options.intervalMs);
    this.#timer.unref();
  }

  /** Runs one round, or joins the running one. Never rejects: errors are reported, and the next round retries. */
  sweep(): Promise<void> {
    this.#round ??= this.#runRound().finally(() => {
      this.#round = undefined;
    });
    return this.#round;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#round;
  }

  async #runRound(): Promise<void> {
    try {
      if ((await this.#options.mayRun?.()) === false) return;
      while (!this.#stopped && (await this.#settleSome()));
      while (!this.#stopped && (await this.#settleAttempts()));
      for (const deleteOld of this.#options.deleteOld) {
        while (!this.#stopped && (await deleteOld(ROWS_PER_STEP)) === ROWS_PER_STEP) {
          // Each step is a transaction on the writer's thread; the pause lets calls run.
          await setTimeout(STEP_PAUSE_MS);
        }
      }
      await this.#repeat(DELETED_STEPS, this.#options.eraseDeleted);
      await this.#repeat(ERASE_STEPS, this.#options.erase);
      await this.#repeat(SUMMARY_STEPS, this.#options.summarise);
      if (!this.#stopped) await this.#options.writeCheckpoint?.();
      this.#isFailing = false;
    } catch (error) {
      // Once: the next rounds meet the same until it is over.
      if (!this.#isFailing) this.#options.onTrouble(error);
      this.#isFailing = true;
    }
  }

  /** Runs a step until it has no more to do, a bounded number of times. Each is a transaction, as above. */
  async #repeat(steps: number, run: () => Promise<boolean>): Promise<void> {
    for (let step = 0; step < steps && !this.#stopped && (await run()); step++) await setTimeout(STEP_PAUSE_MS);
  }

  /** Returns whether there may be more. A full round that wrote nothing would only repeat itself. */
  async #settleSome(): Promise<boolean> {
    const { usersMax, findDue, execute } = this.#options;
    const ids = await findDue(usersMax);
    const outcomes = await Promise.all(
      ids.map((userId) => execute({ type: "SettleUser", userId, context: SWEEPER_CONTEXT }, { lane: "bulk" })),
    );
    return ids.length === usersMax && outcomes.some((outcome) => outcome.ok && outcome.written > 0);
  }

  /** Counts attempts that ran out of time as failed. A lock that they cause starts now. */
  async #settleAttempts(): Promise<boolean> {
    const { usersMax, findDueCounters, execute } = this.#options;
    const due = await findDueCounters(usersMax);
    const outcomes = await Promise.all(
      due.map((counter) =>
        execute(
          { type: "SettleAttempts", ...counter, restrictionId: randomUUIDv7(), context: SWEEPER_CONTEXT },
          { lane: "bulk" },
        ),
      ),
    );
    return due.length === usersMax && outcomes.some(({ ok }) => ok);
  }
}
