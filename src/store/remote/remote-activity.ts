/** The activity of sessions as one of several threads sees it: the store's own thread knows that of all. */
import type { Session } from "../../domain/session.ts";
import type { SessionUse } from "../store.ts";

/** By then the store has written what it was sent: rows know it. */
const KEPT_MS = 120_000;
const FORGET_MS = 30_000;

export class RemoteActivity {
  readonly #send: (uses: readonly SessionUse[]) => void;
  readonly #times = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  #unsent: SessionUse[] = [];

  /** `send`: hands uses to the store's thread, without waiting. */
  constructor(send: (uses: readonly SessionUse[]) => void) {
    this.#send = send;
    this.#timer = setInterval(() => this.#forget(), FORGET_MS).unref();
  }

  /** Notes that a session was used now, and sends it with others of this turn. */
  note({ id, idleTimeoutMs, lastActivityTime }: Session, now: number): void {
    const known = this.#times.get(id);
    // The store has got this millisecond.
    if (known !== undefined && known >= now) return;
    // Deleted first, so that the map is in the order of the times.
    this.#times.delete(id);
    this.#times.set(id, now);
    const count = this.#unsent.push({ id, idleTimeoutMs, lastActivityTime, time: now });
    if (count === 1) queueMicrotask(() => this.#flush());
  }

  /** Returns a session with the last activity that this thread knows of. */
  readonly known = (session: Session): Session => {
    const time = this.#times.get(session.id);
    return time === undefined || time <= session.lastActivityTime ? session : { ...session, lastActivityTime: time };
  };

  close(): void {
    clearInterval(this.#timer);
  }

  #flush(): void {
    const uses = this.#unsent;
    this.#unsent = [];
    this.#send(uses);
  }

  #forget(): void {
    let newest = 0;
    for (const time of this.#times.values()) newest = Math.max(newest, time);
    for (const [id, time] of this.#times) {
      if (time >= newest - KEPT_MS) return;
      this.#times.delete(id);
    }
  }
}
