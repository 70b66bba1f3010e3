/** Follows the log that all replicas write, and passes on to the tail and its followers what has become of it. */
import type { Tail } from "../../log/tail.ts";
import type { MarkedHead } from "../../log/tail-log.ts";
import type { RecordedEvent } from "../../queries.ts";
import { type EventRow, toRecordedEvent } from "../../rows/rows.ts";
import type { EventMark } from "../../search/cursor.ts";
import type { Connection, Statement } from "../connect/connection.ts";
import type { Pool } from "../connect/pool.ts";
import { toReadError } from "../connect/trouble.ts";
import type { Head } from "../write/batch-writer.ts";
import { columnsOf } from "../write/bulk-statements.ts";
import { INSERT_EVENTS, READ_HEAD } from "../write/write-statements.ts";
import type { HeadTime } from "./server-clock.ts";

/** The head as a read sees it. */
export interface HeadReading extends HeadTime {
  readonly position: number;
  readonly configPosition: number;
  readonly generation: number;
  readonly oldestBeside: string;
}

export interface HeadWatchOptions {
  readonly pool: Pool;
  readonly tail: Pick<Tail, "append" | "advance" | "forgetErased" | "lose" | "rewind">;
  /** The head when the store was opened. */
  readonly head: HeadReading;
  /** Takes each reading of the head. Throws StoreUnavailableError when this replica must not go on. */
  readonly onReading: (reading: HeadReading) => void;
  readonly onTrouble: (error: unknown) => void;
}

/** How often the head is read when nothing else reads it. */
const POLL_MS = 50;
/** The pause after a poll that failed. */
const FAILED_MS = 1_000;

type ReadingRow = readonly [
  position: number,
  recordTime: number,
  configPosition: number,
  serverTime: number,
  generation: number,
  oldestBeside: string,
];

/** Reads the head, the hash of its event, and that of the event at $1. */
const READ_MARKED_HEAD: Statement = {
  name: "read_marked_head",
  text: `SELECT h.*, (SELECT hash FROM events WHERE position = h.position), (SELECT hash FROM events WHERE position = $1)
    FROM (${READ_HEAD.text}) AS h`,
};

/** Events of keys, policies and organizations after $1, up to $2, which is seldom far. */
const READ_CONFIGURATION: Statement = {
  name: "read_configuration",
  text: `SELECT ${columnsOf(INSERT_EVENTS, "e")}, p.personal FROM events AS e LEFT JOIN event_private AS p ON p.position = e.position
    WHERE e.position > $1 AND e.position <= $2 AND e.user_id IS NULL ORDER BY e.position`,
};

type MarkedRow = readonly [...ReadingRow, hash: Buffer | null, markHash: Buffer | null];

/** Reads the head on a connection. */
export async function readHead(connection: Connection): Promise<HeadReading> {
  const [row] = await connection.arrays<ReadingRow>(READ_HEAD);
  return toReading(row);
}

/** A reading of the head with its event, and with the hash of the event at the position that was asked about. */
export interface MarkedReading extends MarkedHead {
  readonly reading: HeadReading;
}

/** Reads the head, and the hash of the event at a position, on a connection. */
export async function readMarkedHead(connection: Connection, position: number): Promise<MarkedReading> {
  const [row] = await connection.arrays<MarkedRow>(READ_MARKED_HEAD, [position]);
  const reading = toReading(row);
  const [, , , , , , headHash, hash] = row ?? [];
  return { reading, head: { position: reading.position, hash: headHash ?? undefined }, hash: hash ?? undefined };
}

function toReading(row: ReadingRow | MarkedRow | undefined): HeadReading {
  if (row === undefined) throw new Error("the log has no head: the row of log_head is missing");
  const [position, recordTime, configPosition, serverTime, generation, oldestBeside] = row;
  return { position, recordTime, configPosition, serverTime, generation, oldestBeside };
}

export class HeadWatch {
  readonly #options: HeadWatchOptions;
  /** Up to here the tail knows the log … */
  #position: number;
  /** … and its followers the configuration. */
  #configPosition: number;
  /** The newest event that is known to follow on all that was known before; `undefined`: none is known yet. */
  #mark: EventMark | undefined;
  /** The reading that is under way, and the one after it. */
  #refresh: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isFailing: boolean = false;
  #isClosed: boolean = false;

  constructor(options: HeadWatchOptions) {
    this.#options = options;
    this.#position = options.head.position;
    this.#configPosition = options.head.configPosition;
    options.onReading(options.head);
    this.#poll(POLL_MS);
  }

  /** Takes what this replica has written. Resolves when the followers know all that was written before it, and it. */
  async written(head: Head, events: readonly RecordedEvent[]): Promise<void> {
    const last = events.at(-1);
    if (last === undefined) return;
    const configuration = events.filter(({ userId }) => userId === null);
    const configPosition = configuration.at(-1)?.position ?? this.#configPosition;
    const knowsConfiguration = head.configPosition <= this.#configPosition;
    if (head.position === this.#position && knowsConfiguration) {
      this.#position = last.position;
      this.#configPosition = configPosition;
      this.#mark = last;
      this.#options.tail.append(events);
    } else if (knowsConfiguration) {
      // Only users' events of other replicas lie in between.
      this.#advance(last.position, configPosition, events);
    } else {
      this.#options.tail.forgetErased(events);
      if (configuration.length === 0) return;
      await this.refresh().catch((error: unknown) => {
        this.#options.onTrouble(error);
        // The position stays: what lies in between is not known yet.
        this.#options.tail.advance(this.#position, configuration);
        this.#options.tail.lose();
      });
    }
  }

  /**
   * Takes a reading of the head that belongs to a read. Resolves when the followers know the configuration of that
   * moment: at once but after a change by another replica. Rejects with StoreUnavailableError.
   */
  seen(reading: HeadReading): Promise<void> | undefined {
    this.#options.onReading(reading);
    return reading.configPosition > this.#configPosition ? this.refresh() : undefined;
  }

  /** Reads what the log has become. Rejects with StoreUnavailableError. */
  refresh(): Promise<void> {
    if (this.#refresh === undefined) {
      this.#refresh = this.#readOn().finally(() => {
        this.#refresh = undefined;
      });
      return this.#refresh;
    }
    // The one under way may have read the head before the caller had a reason to ask: the next one has not.
    this.#next ??= this.#refresh
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return this.refresh();
      });
    return this.#next;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #poll(afterMs: number): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.refresh().then(
        () => {
          this.#isFailing = false;
          this.#poll(POLL_MS);
        },
        (error: unknown) => {
          // Reported once: each call reports what it meets.
          if (!this.#isFailing && !this.#isClosed) this.#options.onTrouble(error);
          this.#isFailing = true;
          this.#poll(FAILED_MS);
        },
      );
    }, afterMs).unref();
  }

  async #readOn(): Promise<void> {
    try {
      await this.#options.pool.use((connection) => this.#readFrom(connection));
    } catch (error) {
      throw toReadError(error);
    }
  }

  async #readFrom(connection: Connection): Promise<void> {
    // A reading that begins now sees what is known by now, however long its answer takes: the primary had committed it.
    const [position, mark] = [this.#position, this.#mark];
    const { reading: head, head: newest, hash } = await readMarkedHead(connection, mark?.position ?? 0);
    this.#options.onReading(head);
    if (head.position < position || (mark?.hash !== undefined && !isSame(mark.hash, hash))) {
      this.#rewind(head, newest);
      return;
    }
    if (newest.hash !== undefined && newest.position >= (this.#mark?.position ?? 0)) this.#mark = newest;
    // All up to the position that the tail knows is known of the configuration too.
    const known = Math.max(this.#configPosition, this.#position);
    const isNew = head.configPosition > this.#configPosition;
    const rows = isNew ? await connection.rows<EventRow>(READ_CONFIGURATION, [known, head.configPosition]) : [];
    // What this replica has written meanwhile is known by now.
    const fresh = rows.map(toRecordedEvent).filter(({ position }) => position > this.#configPosition);
    if (head.position <= this.#position && fresh.length === 0) return;
    this.#advance(head.position, head.configPosition, fresh);
  }

  /** The database lacks events that this replica has seen: a standby took over that had not got everything. */
  #rewind({ position, configPosition }: HeadReading, newest: EventMark): void {
    this.#position = position;
    this.#configPosition = configPosition;
    this.#mark = newest;
    this.#options.tail.rewind(position);
  }

  #advance(position: number, configPosition: number, events: readonly RecordedEvent[]): void {
    this.#position = Math.max(this.#position, position);
    this.#configPosition = Math.max(this.#configPosition, configPosition);
    this.#options.tail.advance(this.#position, events);
  }
}

function isSame(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && Buffer.compare(a, b) === 0;
}
