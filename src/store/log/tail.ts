/** The one reading of the log, in commit order: whatever must learn of a change reads it, and nothing else. */
import { once } from "node:events";
import { erases } from "../../domain/event.ts";
import { KeptEvents } from "../../domain/kept-events.ts";
import { sentTogether } from "../../domain/page-weight.ts";
import { HistoryChangedError } from "../errors.ts";
import type { RecordedEvent } from "../queries.ts";
import type { Follower } from "../store.ts";
import { Followers } from "./followers.ts";

export interface TailOptions {
  /** The position of the newest event on disk; 0: none. */
  readonly position: number;
  /** Reads the events after a position from the log, in its order, off the writer's thread. */
  readonly readLog: (after: number, limit: number) => Promise<readonly RecordedEvent[]>;
  readonly onTrouble: (error: unknown) => void;
}

/** How far a reader has come. */
interface ReaderPlace {
  position: number;
}

/** The most events that a reader gets at once; fewer, if they are large. */
const READ_MAX = 256;
/** The least number that is asked of the log, if what it gave before was large. */
const READ_MIN = 32;
/** The most that a reader gets of what is in memory. */
const KEPT_READ_MAX = 512;
/** So many are in memory for a reader that is behind; twice as many at most. */
const KEPT_MAX = 1_024;

const REWOUND =
  "the history was rewound without a restore, by a copy of the database or a standby that lacked events; read it again from the cursor 0";

/**
 * The tail of the log in a process that writes it. There are two kinds of reader. A follower is called between COMMIT
 * and the answers, with events of the configuration alone: API keys, policies, organizations. So it must be quick. Every
 * other reader gets all events at its own pace from a position; it delays neither the writer nor other readers.
 */
export class Tail {
  readonly #options: TailOptions;
  readonly #followers: Followers;
  readonly #wake = new EventTarget();
  /** The position of the newest event; `undefined` after a COMMIT whose fate is not known. */
  #position: number | undefined;
  /**
   * The newest events up to `#position` that some reader lacks; one that is further behind reads the log. What lives on
   * for longer than it is needed costs the garbage collector more than all that the readers do with it.
   */
  readonly #kept = new KeptEvents<RecordedEvent>(KEPT_MAX);
  readonly #readers = new Set<ReaderPlace>();
  /** Grows when readers must not show what they hold. */
  #erasures = 0;
  /** For each reading of the log under way: the users who lost values meanwhile. */
  readonly #erasedMeanwhile = new Set<Set<string | null>>();
  /** Grows when readers may have had events that the log no longer has. */
  #rewinds = 0;
  /** Grows when there may be more to read. */
  #changes = 0;

  constructor(options: TailOptions) {
    this.#options = options;
    this.#position = options.position;
    this.#followers = new Followers(options.onTrouble);
  }

  /** The position of the newest event on disk; `undefined` after a COMMIT whose fate is not known. */
  get position(): number | undefined {
    return this.#position;
  }

  /** Adds a follower. Returns a function that removes it. */
  follow(follower: Follower): () => void {
    return this.#followers.add(follower);
  }

  /** Takes the events of one commit. The writer calls it after COMMIT, before it answers any command. */
  append(events: readonly RecordedEvent[]): void {
    const [first, last] = [events[0], events.at(-1)];
    if (first === undefined || last === undefined) return;
    if (this.#position !== undefined && first.position <= this.#position) {
      this.rewind(last.position);
      return;
    }
    this.#position = last.position;
    this.#passConfiguration(events);
    if (!this.forgetErased(events) && this.#readers.size > 0) {
      this.#kept.release(Math.min(...[...this.#readers].map(({ position }) => position)));
      this.#kept.add(events);
    }
    this.#changed();
  }

  /**
   * Another process has written the log up to this position, or this one not in sequence: readers look into the log.
   * `events`: those in between that are known, in commit order, and at least those of API keys, policies and organizations.
   */
  advance(position: number, events: readonly RecordedEvent[]): void {
    this.#position = position;
    this.#kept.clear();
    this.#erasures++;
    this.forgetErased(events);
    this.#passConfiguration(events);
    this.#changed();
  }

  /**
   * Lets go of what these events erase: the log does not show it, and what is in memory would. This process has written
   * them; `append` and `advance` do the same. Returns whether there was an erasure.
   */
  forgetErased(events: readonly RecordedEvent[]): boolean {
    const erasures = events.filter(({ event }) => erases(event));
    if (erasures.length === 0) return false;
    this.#kept.clear();
    this.#erasures++;
    for (const users of this.#erasedMeanwhile) for (const { userId } of erasures) users.add(userId);
    return true;
  }

  /** The fate of a COMMIT is not known: followers read again what they know, and readers look into the log. */
  lose(): void {
    this.#position = undefined;
    this.#kept.clear();
    this.#erasures++;
    this.#followers.reload();
    this.#changed();
  }

  /**
   * The log lacks events that it had, and ends at this position: followers read again what they know, and readers end.
   * Where the two histories part is not known, so this is each reader.
   */
  rewind(position: number): void {
    this.#position = position;
    this.#kept.clear();
    this.#rewinds++;
    this.#options.onTrouble(new HistoryChangedError(REWOUND));
    this.#followers.reload();
    this.#changed();
  }

  /**
   * Yields all events after a position, in commit order and without gaps, and then those to come. It ends by
   * `signal`, with its reason, with HistoryChangedError when the log was rewound, or with the error of a log that cannot be
   * read; the next call goes on from any position.
   */
  async *read(after: number, signal: AbortSignal): AsyncGenerator<readonly RecordedEvent[], never, undefined> {
    const place: ReaderPlace = { position: after };
    let limit = READ_MAX;
    let rest: readonly RecordedEvent[] = [];
    let erasures = this.#erasures;
    const rewinds = this.#rewinds;
    const assertSameLog = (): void => {
      if (rewinds !== this.#rewinds) throw new HistoryChangedError(REWOUND);
    };
    this.#readers.add(place);
    try {
      for (;;) {
        signal.throwIfAborted();
        assertSameLog();
        const changes = this.#changes;
        if (rest.length === 0 || erasures !== this.#erasures) {
          erasures = this.#erasures;
          rest = this.#newer(place.position) ?? (await this.#readLog(place.position, limit));
          assertSameLog();
          limit = Math.min(READ_MAX, Math.max(READ_MIN, 2 * rest.length));
        }
        const events = sentTogether(rest);
        rest = rest.slice(events.length);
        const last = events.at(-1);
        if (last !== undefined) {
          place.position = last.position;
          yield events;
        } else if (changes === this.#changes) {
          await once(this.#wake, "change", { signal });
        }
      }
    } finally {
      this.#readers.delete(place);
      if (this.#readers.size === 0) this.#kept.clear();
    }
  }

  /** Reads the log. What was erased meanwhile is read again, without what is gone: once more for each erasure of its users. */
  async #readLog(after: number, limit: number): Promise<readonly RecordedEvent[]> {
    for (;;) {
      const erased = new Set<string | null>();
      this.#erasedMeanwhile.add(erased);
      try {
        const events = await this.#options.readLog(after, limit);
        if (!events.some(({ userId }) => erased.has(userId))) return events;
      } finally {
        this.#erasedMeanwhile.delete(erased);
      }
    }
  }

  /** Returns the events after a position as far as they are in memory; `undefined`: only the log knows. */
  #newer(position: number): readonly RecordedEvent[] | undefined {
    return position === this.#position ? [] : this.#kept.after(position, KEPT_READ_MAX);
  }

  #passConfiguration(events: readonly RecordedEvent[]): void {
    const configuration = events.filter(({ userId }) => userId === null);
    if (configuration.length > 0) this.#followers.pass(configuration);
  }

  #changed(): void {
    this.#changes++;
    if (this.#readers.size > 0) this.#wake.dispatchEvent(new Event("change"));
  }
}
