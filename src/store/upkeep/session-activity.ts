/** The last activity of sessions: kept in memory, written to disk from time to time. */
import type { Session } from "../../domain/session.ts";

export interface SessionActivityOptions {
  /** Writes these last activities in one transaction; resolves when they are on disk. */
  readonly write: (times: readonly (readonly [id: string, time: number])[]) => Promise<void>;
  readonly now: () => number;
  readonly intervalMs: number;
  readonly onTrouble: (error: unknown) => void;
}

/** The longest time that an activity stays unwritten. */
const UNWRITTEN_MS_MAX = 60_000;
/** A crash loses at most this part of a session's idle timeout. */
const IDLE_SHARE = 10;
/**
 * A use is late when this part of the idle timeout has passed since the last written one. The rounds may come too late
 * for it: until they wrote it, another process could find the session idle. For every other use two rounds are early
 * enough: the shortest idle timeout is 10 s, and rounds run each second.
 */
const LATE_SHARE = 2;
/** Sessions that one transaction writes. */
const WRITTEN_MAX = 1_000;

interface Activity {
  time: number;
  /** The time that is on disk. */
  written: number;
  /** The shortest time between two writes. */
  readonly everyMs: number;
}

type Used = Pick<Session, "id" | "idleTimeoutMs" | "lastActivityTime">;

export class SessionActivity {
  readonly #options: SessionActivityOptions;
  readonly #byId = new Map<string, Activity>();
  readonly #timer: NodeJS.Timeout;
  #round: Promise<void> | undefined;
  /** The round that begins after the running one. */
  #nextRound: Promise<void> | undefined;

  constructor(options: SessionActivityOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.flush(), options.intervalMs);
    this.#timer.unref();
  }

  /** Notes that a session was used now. */
  note(session: Used, now: number): void {
    this.#note(session, now);
  }

  /**
   * Notes that a session was used now, where other processes use it too: they know only what is written. Await what it
   * returns before the use is answered; then the use is on disk, or the error was reported. `undefined`: the next
   * rounds write it in time.
   */
  noteShared(session: Used, now: number): Promise<void> | undefined {
    const { written } = this.#note(session, now);
    const isLate = session.idleTimeoutMs !== null && now - written >= session.idleTimeoutMs / LATE_SHARE;
    return isLate ? this.#flushNext() : undefined;
  }

  /** Returns a session with its last known activity, written or not. */
  readonly known = (session: Session): Session => {
    const time = this.#byId.get(session.id)?.time;
    return time === undefined || time <= session.lastActivityTime ? session : { ...session, lastActivityTime: time };
  };

  /**
   * Writes activities that have waited long enough (`all`: every one). Never rejects: errors are reported and it
   * retries.
   */
  flush(all = false): Promise<void> {
    this.#round ??= this.#flush(all).finally(() => {
      this.#round = undefined;
    });
    return this.#round;
  }

  #note({ id, idleTimeoutMs, lastActivityTime }: Used, now: number): Activity {
    let activity = this.#byId.get(id);
    if (activity === undefined) {
      const everyMs = Math.min(UNWRITTEN_MS_MAX, (idleTimeoutMs ?? Number.POSITIVE_INFINITY) / IDLE_SHARE);
      activity = { time: now, written: lastActivityTime, everyMs };
      this.#byId.set(id, activity);
    }
    activity.time = Math.max(activity.time, now);
    return activity;
  }

  /** Runs a round that begins after this call. */
  #flushNext(): Promise<void> {
    this.#nextRound ??= Promise.resolve(this.#round).then(() => {
      this.#nextRound = undefined;
      return this.flush();
    });
    return this.#nextRound;
  }

  /** Writes the rest and stops. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#round;
    await this.#flush(true);
  }

  async #flush(all: boolean): Promise<void> {
    const due = this.#takeDue(all);
    for (let from = 0; from < due.length; from += WRITTEN_MAX) {
      const some = due.slice(from, from + WRITTEN_MAX);
      try {
        await this.#options.write(some);
      } catch (error) {
        this.#options.onTrouble(error);
        return;
      }
      for (const [id, time] of some) {
        const activity = this.#byId.get(id);
        if (activity !== undefined) activity.written = time;
      }
    }
  }

  /** Returns activities that have waited long enough; idle entries that are already written are dropped. */
  #takeDue(all: boolean): readonly (readonly [id: string, time: number])[] {
    const now = this.#options.now();
    const due: [string, number][] = [];
    for (const [id, { time, written, everyMs }] of this.#byId) {
      if (time > written && (all || now - written >= everyMs)) due.push([id, time]);
      else if (time <= written && now - time >= everyMs) this.#byId.delete(id);
    }
    return due;
  }
}
