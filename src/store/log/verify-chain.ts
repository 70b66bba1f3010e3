/** Verifies the log: every event's hash, every link of the chain, the head, and what is left of personal values. */
import type { Database } from "better-sqlite3";
import type { EventRow } from "../sqlite/rows.ts";
import type { LinkTable, LogHeadTable } from "../sqlite/schema.ts";
import { FIRST_LINK, hashEvent, hashLink, type PrivateValues } from "./event-encoding.ts";
import { unfaithfulNames } from "./replay.ts";

/** Something that is not as it was written. */
export interface ChainFault {
  readonly position: number;
  readonly fault: string;
}

export interface ChainReport {
  readonly events: number;
  readonly links: number;
  readonly head: { readonly position: number; readonly link: Uint8Array };
  /** The first ones; empty: the chain is intact. */
  readonly faults: readonly ChainFault[];
}

export interface VerifyChainOptions {
  /** Events per slice; between two slices the event loop has its turn. */
  readonly sliceRows?: number;
  /** Verification ends after so many faults. */
  readonly faultsMax?: number;
  /** Told how many events are done. */
  readonly progress?: (events: number) => void;
}

type ReadEvents = (after: number, limit: number) => readonly EventRow[];

/**
 * Verifies up to the head as it is when it begins, so commits may go on. An erased personal value is no fault; an
 * altered one is. Nothing here proves that the whole log was not replaced: signed checkpoints will.
 */
export async function verifyChain(database: Database, options: VerifyChainOptions = {}): Promise<ChainReport> {
  const { sliceRows = 5_000, faultsMax = 100, progress } = options;
  const head = database.prepare<[], LogHeadTable>("SELECT * FROM log_head").get();
  if (head === undefined) throw new Error("the log has no head");
  const walk = new ChainWalk(head);
  const events = database.prepare<[number, number, number], EventRow>(
    `SELECT e.*, p.personal FROM events e LEFT JOIN event_private p ON p.position = e.position
      WHERE e.position > ? AND e.position <= ? ORDER BY e.position LIMIT ?`,
  );
  const links = database.prepare<[number, number, number], LinkTable>(
    "SELECT * FROM links WHERE last_position > ? AND last_position <= ? ORDER BY last_position LIMIT ?",
  );
  const readEvents: ReadEvents = (after, limit) => events.all(after, head.position, limit);
  for (let after = 0; walk.faults.length < faultsMax; ) {
    const some = links.all(after, head.position, sliceRows);
    for (const link of some) {
      if (!(await walk.verifyLink(link, readEvents, sliceRows))) continue;
      progress?.(walk.events);
      await new Promise((resolve) => setImmediate(resolve));
    }
    after = some.at(-1)?.last_position ?? after;
    if (some.length < sliceRows) break;
  }
  walk.verifyEnd(database);
  return { events: walk.events, links: walk.links, head, faults: walk.faults.slice(0, faultsMax) };
}

class ChainWalk {
  events = 0;
  links = 0;
  readonly faults: ChainFault[] = [];
  readonly #head: LogHeadTable;
  #position = 0;
  #link: Uint8Array = FIRST_LINK;
  #sinceYield = 0;

  constructor(head: LogHeadTable) {
    this.#head = head;
  }

  /** Verifies the events of one commit and their link; true: it is time for the event loop's turn. */
  async verifyLink({ last_position, link }: LinkTable, readEvents: ReadEvents, sliceRows: number): Promise<boolean> {
    const hashes: Uint8Array[] = [];
    while (this.#position < last_position) {
      const rows = readEvents(this.#position, Math.min(sliceRows, last_position - this.#position));
      const own = rows.filter(({ position }) => position <= last_position);
      for (const row of own) hashes.push(this.#verifyEvent(row));
      if (own.length === 0) this.#missing(last_position);
    }
    if (!isEqual(hashLink(this.#link, hashes), link)) {
      this.faults.push({
        position: last_position,
        fault: "the link is not the hash of the one before and of its events",
      });
    }
    // On with what is stored, so that one fault is told once.
    this.#link = link;
    this.links++;
    this.#sinceYield += hashes.length;
    if (this.#sinceYield < sliceRows) return false;
    this.#sinceYield = 0;
    return true;
  }

  verifyEnd(database: Database): void {
    const { position, link } = this.#head;
    if (this.#position < position) this.#missing(position);
    if (!isEqual(this.#link, link)) {
      this.faults.push({ position, fault: "the head's link is not that of the last commit" });
    }
    // Commits since the head was read have moved it; in one statement both are of the same moment.
    const beyond = database
      .prepare<[], number>(
        `SELECT (SELECT max(position) FROM events) > position OR (SELECT min(position) FROM events) < 1
          OR (SELECT max(last_position) FROM links) > position FROM log_head`,
      )
      .pluck();
    if (beyond.get() === 1) this.faults.push({ position, fault: "there are events or links outside the log" });
  }

  #verifyEvent(row: EventRow): Uint8Array {
    if (row.position > this.#position + 1) this.#missing(row.position - 1);
    this.#position = row.position;
    this.events++;
    const hash = hashEvent(
      {
        position: row.position,
        previousPosition: row.previous_position,
        organizationId: row.organization_id,
        userId: row.user_id,
        sequence: row.sequence,
        type: row.type,
        time: row.time,
        recordTime: row.record_time,
        actor: row.actor,
        via: row.via,
        requestId: row.request_id,
      },
      row.body,
    );
    if (!isEqual(hash, row.hash)) {
      this.faults.push({ position: row.position, fault: "the event is not what its hash was made of" });
    } else if (row.personal !== null) this.#verifyPersonal(row, row.personal);
    return row.hash;
  }

  #verifyPersonal({ position, body }: EventRow, personal: string): void {
    try {
      const names = unfaithfulNames(body, JSON.parse(personal) as PrivateValues);
      for (const name of names) {
        this.faults.push({ position, fault: `the personal value ${name} is not the one that was recorded` });
      }
    } catch {
      this.faults.push({ position, fault: "the personal values cannot be read" });
    }
  }

  #missing(upTo: number): void {
    const position = this.#position + 1;
    this.faults.push({
      position,
      fault: upTo === position ? "the event is missing" : `the events up to ${upTo} are missing`,
    });
    this.#position = upTo;
  }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
