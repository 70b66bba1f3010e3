/** The followers of one thread: what must know of each change of the configuration before it decides anything more. */
import type { RecordedEvent } from "../queries.ts";
import type { Follower } from "../store.ts";

export class Followers {
  readonly #followers = new Set<Follower>();
  readonly #onTrouble: (error: unknown) => void;

  /** `onTrouble`: called with what a follower throws; a fault of one must not fail a commit. */
  constructor(onTrouble: (error: unknown) => void) {
    this.#onTrouble = onTrouble;
  }

  /** Adds a follower. Returns a function that removes it. */
  add(follower: Follower): () => void {
    this.#followers.add(follower);
    return () => void this.#followers.delete(follower);
  }

  /** Passes events on, in commit order. */
  pass(events: readonly RecordedEvent[]): void {
    this.#each((follower) => follower.apply(events));
  }

  /** Events may have been missed. */
  reload(): void {
    this.#each((follower) => follower.reload());
  }

  #each(call: (follower: Follower) => void): void {
    for (const follower of this.#followers) {
      try {
        call(follower);
      } catch (error) {
        this.#onTrouble(error);
      }
    }
  }
}
