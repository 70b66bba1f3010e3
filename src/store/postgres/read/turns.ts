/** Shares the turns of the event loop: lists that run at the same time together take a few milliseconds of each. */

/** Of one turn, in milliseconds: calls that come in must not wait for a list. */
const TURN_MS = 5;

export class Turns {
  #isCounting: boolean = false;
  #endTime = 0;

  /** Returns a promise of the next turn when this one has been long; `undefined`: go on. */
  pause(): Promise<void> | undefined {
    const now = performance.now();
    if (!this.#isCounting) {
      this.#isCounting = true;
      this.#endTime = now + TURN_MS;
      setImmediate(() => {
        this.#isCounting = false;
      });
    }
    return now < this.#endTime ? undefined : new Promise((resolve) => setImmediate(resolve));
  }
}
