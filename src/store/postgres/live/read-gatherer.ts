/** The reads of one turn of the event loop in one flight to the server, each kind as one statement. */
import { StoreUnavailableError } from "../../errors.ts";
import type { Connection, Statement } from "../connect/connection.ts";
import type { Pool } from "../connect/pool.ts";
import { toReadError } from "../connect/trouble.ts";
import { type HeadReading, readHead } from "./head-watch.ts";

/** A kind of read by key. */
export interface GatheredRead<K, R> {
  readonly statement: Statement;
  /** Returns the statement's parameters for these keys. */
  readonly values: (keys: readonly K[]) => readonly unknown[];
  /** Returns the text that a key and its row have in common. */
  readonly nameOfKey: (key: K) => string;
  readonly nameOfRow: (row: R) => string;
}

/** What was read, with the head of the log at that moment or later. */
export interface Gathered<R> {
  readonly row: R | undefined;
  readonly head: HeadReading;
}

/** So many keys go into one statement; the others have the next flight. */
const KEYS_MAX = 256;
/** Flights under way at once. While all are, reads wait and share the next one. */
const FLIGHTS_MAX = 3;

/** Reads of one kind that may wait, and how long: an answer that comes later has nobody who awaits it. */
const WAITING_MAX = 10_000;
const WAIT_MS_MAX = 5_000;

interface Waiting<K, R> {
  readonly key: K;
  /** When it began to wait, by the monotonic clock. */
  readonly since: number;
  readonly resolve: (gathered: Gathered<R>) => void;
  readonly reject: (error: unknown) => void;
}

export interface ReadGathererOptions {
  readonly pool: Pool;
  /** Called with the head of each flight before its reads are answered; what it returns is awaited. */
  readonly onHead: (head: HeadReading) => Promise<void> | undefined;
}

export class ReadGatherer {
  readonly #options: ReadGathererOptions;
  readonly #queues: Queue[] = [];
  #flights = 0;
  #isPlanned: boolean = false;

  constructor(options: ReadGathererOptions) {
    this.#options = options;
  }

  /** Returns a function that reads by one key. It rejects with StoreUnavailableError. */
  kind<K, R extends readonly unknown[]>(read: GatheredRead<K, R>): (key: K) => Promise<Gathered<R>> {
    const waiting: Waiting<K, R>[] = [];
    this.#queues.push({
      get length() {
        return waiting.length;
      },
      take: () => {
        const late = waiting.findIndex(({ since }) => performance.now() - since < WAIT_MS_MAX);
        rejectAll(waiting.splice(0, late < 0 ? waiting.length : late), tooLate());
        const taken = waiting.splice(0, KEYS_MAX);
        return { send: (connection) => send(read, taken, connection), reject: (error) => rejectAll(taken, error) };
      },
    });
    return (key) =>
      new Promise((resolve, reject) => {
        if (waiting.length >= WAITING_MAX) {
          reject(tooLate());
          return;
        }
        waiting.push({ key, since: performance.now(), resolve, reject });
        this.#plan();
      });
  }

  #plan(): void {
    if (this.#isPlanned || this.#flights >= FLIGHTS_MAX) return;
    this.#isPlanned = true;
    setImmediate(() => {
      this.#isPlanned = false;
      void this.#fly();
    });
  }

  async #fly(): Promise<void> {
    const taken = this.#queues.filter(({ length }) => length > 0).map((queue) => queue.take());
    if (taken.length === 0) return;
    this.#flights++;
    try {
      const [head, answers] = await this.#options.pool.use((connection) =>
        connection.flight(() => {
          const sent = Promise.all(taken.map(({ send }) => send(connection)));
          // After the reads: what it says of the configuration holds for all of them.
          return Promise.all([readHead(connection), sent]);
        }),
      );
      await this.#options.onHead(head);
      for (const answer of answers) answer(head);
    } catch (error) {
      for (const { reject } of taken) reject(toReadError(error));
    } finally {
      this.#flights--;
      if (this.#queues.some(({ length }) => length > 0)) this.#plan();
    }
  }
}

/** Answers the reads of one statement. */
type Answer = (head: HeadReading) => void;

interface Queue {
  readonly length: number;
  readonly take: () => {
    readonly send: (connection: Connection) => Promise<Answer>;
    readonly reject: (error: unknown) => void;
  };
}

async function send<K, R extends readonly unknown[]>(
  { statement, values, nameOfKey, nameOfRow }: GatheredRead<K, R>,
  taken: readonly Waiting<K, R>[],
  connection: Connection,
): Promise<Answer> {
  const rows = await connection.arrays<R>(statement, values(taken.map(({ key }) => key)));
  const byName = new Map(rows.map((row) => [nameOfRow(row), row]));
  return (head) => {
    for (const { key, resolve } of taken) resolve({ row: byName.get(nameOfKey(key)), head });
  };
}

function tooLate(): StoreUnavailableError {
  return new StoreUnavailableError("the database answers too slowly for all that is read", undefined);
}

function rejectAll<K, R>(taken: readonly Waiting<K, R>[], error: unknown): void {
  for (const { reject } of taken) reject(error);
}
