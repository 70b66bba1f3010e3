/** Erases what users leave behind: before the answer what is small, and the rest in steps, by whichever process sweeps. */
import { setImmediate } from "node:timers/promises";
import type { Command, Outcome } from "../commands.ts";
import { type ErasingCommand, isErasing } from "../commit/batch-erasures.ts";

export interface EraserOptions {
  /** Runs one step for each of these users in one transaction. Returns those that are not done. */
  readonly step: (userIds: readonly string[]) => Promise<readonly string[]>;
  /** Returns users with an erasure under way, the longest waiting first. */
  readonly find: (limit: number) => readonly string[] | Promise<readonly string[]>;
  readonly onTrouble: (error: unknown) => void;
}

/** Users in one transaction. */
const USERS_PER_STEP = 16;
/** Steps that a caller waits for; a longer history is hidden at once and erased later. */
const AWAITED_STEPS = 4;

interface Waiting {
  readonly userId: string;
  readonly resolve: () => void;
  stepsLeft: number;
}

export class Eraser {
  readonly #options: EraserOptions;
  #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;

  constructor(options: EraserOptions) {
    this.#options = options;
  }

  /**
   * Returns the outcome of a command when what it erases is gone, or is too much to wait for. The erasure is
   * written down by then, and hides what is left, so the sweeper goes on. Rejects with what the outcome rejects with.
   */
  finish<O extends Pick<Outcome, "ok">>(command: Command, decided: Promise<O>): Promise<O> {
    return isErasing(command) ? this.#finish(command, decided) : decided;
  }

  async #finish<O extends Pick<Outcome, "ok">>(command: ErasingCommand, decided: Promise<O>): Promise<O> {
    const outcome = await decided;
    if (!outcome.ok || command.context.validateOnly) return outcome;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ userId: command.userId, resolve, stepsLeft: AWAITED_STEPS });
    this.#running ??= this.#run();
    await promise;
    return outcome;
  }

  /** Runs one step of those that wait longest. Returns whether there may be more to do. */
  async sweep(): Promise<boolean> {
    const userIds = await this.#options.find(USERS_PER_STEP);
    if (userIds.length === 0) return false;
    const open = await this.#options.step(userIds);
    return open.length > 0 || userIds.length === USERS_PER_STEP;
  }

  /** Erasures that arrive while one transaction runs share the next one. */
  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const some = this.#waiting.splice(0, USERS_PER_STEP);
      let open: readonly string[] = [];
      try {
        open = await this.#options.step([...new Set(some.map(({ userId }) => userId))]);
      } catch (error) {
        this.#options.onTrouble(error);
      }
      for (const each of some) {
        if (open.includes(each.userId) && --each.stepsLeft > 0) this.#waiting.push(each);
        else each.resolve();
      }
      // A step may be a turn of the writer's thread: others have theirs between two.
      await setImmediate();
    }
    // In the turn that saw nobody waiting: who comes next begins another run.
    this.#running = undefined;
  }
}
