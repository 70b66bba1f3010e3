/** What a process knows of the host that takes writes: one for all its connections to a database. */
import type { Host } from "./address.ts";

export class Primary {
  #host: Host | undefined;
  #timeline = 0;
  readonly #watchers = new Set<() => void>();

  /** The host that took writes last. */
  get host(): Host | undefined {
    return this.#host;
  }

  /** PostgreSQL counts it up with each promotion: a server with a lower one is a former primary. 0: not known yet. */
  get timeline(): number {
    return this.#timeline;
  }

  /** Notes that a host takes writes. All that wait for one are called. */
  found(host: Host, timeline: number): void {
    this.#host = host;
    this.#timeline = Math.max(this.#timeline, timeline);
    for (const watcher of this.#watchers) watcher();
  }

  /** Calls back whenever a host was found. */
  watch(watcher: () => void): void {
    this.#watchers.add(watcher);
  }
}
