/** Verifies the log: the hash of each event, each link, the head, and the personal values that are not erased. */
import { type EventEnvelope, FIRST_LINK, hashEvent, hashLink, type PrivateValues } from "./event-encoding.ts";
import { unfaithfulNames } from "./replay.ts";

/** A part of the log that differs from what was written. */
export interface ChainFault {
  readonly position: number;
  readonly fault: string;
}

export interface ChainReport {
  readonly events: number;
  readonly links: number;
  readonly head: { readonly position: number; readonly link: Uint8Array };
  /** The first faults; empty: the chain is intact. */
  readonly faults: readonly ChainFault[];
}

export interface VerifyChainOptions {
  /** Events per slice; the event loop runs between two slices. */
  readonly sliceRows?: number;
  /** Verification ends after this number of faults. */
  readonly faultsMax?: number;
  /** Called with the number of verified events. */
  readonly progress?: (events: number) => void;
}

/** An event as it is stored. */
export interface ChainEvent extends EventEnvelope {
  readonly body: Uint8Array;
  readonly hash: Uint8Array;
  /** Its personal values as JSON; `null`: it has none, or all are erased. */
  readonly personal: string | null;
}

/** The link of one commit. */
export interface ChainLink {
  /** The position of the commit's last event. */
  readonly position: number;
  readonly link: Uint8Array;
}

/** A log as an engine reads it, up to its head at one moment. */
export interface ChainSource {
  readonly head: ChainLink;
  /** Reads at most `limit` events after a position, in order. */
  readonly events: (after: number, limit: number) => readonly ChainEvent[] | Promise<readonly ChainEvent[]>;
  /** Reads at most `limit` links after a position, in order. */
  readonly links: (after: number, limit: number) => readonly ChainLink[] | Promise<readonly ChainLink[]>;
  /** Whether there are events or links before the first position or after the head as it is now. */
  readonly hasStrays: () => boolean | Promise<boolean>;
}

/**
 * Verifies a log up to the head of its source, so commits may go on. An altered personal value is a fault, an erased
 * one is not. This does not prove that the whole log was not replaced; signed checkpoints will.
 */
export async function verifyChain(source: ChainSource, options: VerifyChainOptions = {}): Promise<ChainReport> {
  const { sliceRows = 5_000, faultsMax = 100, progress } = options;
  const { head } = source;
  const walk = new ChainWalk(head);
  for (let after = 0; walk.faults.length < faultsMax; ) {
    const some = await source.links(after, sliceRows);
    for (const link of some) {
      if (!(await walk.verifyLink(link, source, sliceRows))) continue;
      progress?.(walk.events);
      await new Promise((resolve) => setImmediate(resolve));
    }
    after = some.at(-1)?.position ?? after;
    if (some.length < sliceRows) break;
  }
  await walk.verifyEnd(source);
  return { events: walk.events, links: walk.links, head, faults: walk.faults.slice(0, faultsMax) };
}

class ChainWalk {
  events = 0;
  links = 0;
  readonly faults: ChainFault[] = [];
  readonly #head: ChainLink;
  #position = 0;
  #link: Uint8Array = FIRST_LINK;
  #sinceYield = 0;

  constructor(head: ChainLink) {
    this.#head = head;
  }

  /** Verifies the events of one commit and their link. Returns true when the event loop should run. */
  async verifyLink({ position, link }: ChainLink, source: ChainSource, sliceRows: number): Promise<boolean> {
    const hashes: Uint8Array[] = [];
    while (this.#position < position) {
      const events = await source.events(this.#position, Math.min(sliceRows, position - this.#position));
      const own = events.filter((event) => event.position <= position);
      for (const event of own) hashes.push(this.#verifyEvent(event));
      if (own.length === 0) this.#missing(position);
    }
    if (!isEqual(hashLink(this.#link, hashes), link)) {
      this.faults.push({
        position,
        fault: "the link is not the hash of the one before and of its events",
      });
    }
    // Continue from the stored link, so that one fault is reported once.
    this.#link = link;
    this.links++;
    this.#sinceYield += hashes.length;
    if (this.#sinceYield < sliceRows) return false;
    this.#sinceYield = 0;
    return true;
  }

  async verifyEnd(source: ChainSource): Promise<void> {
    const { position, link } = this.#head;
    if (this.#position < position) this.#missing(position);
    if (!isEqual(this.#link, link)) {
      this.faults.push({ position, fault: "the head's link is not that of the last commit" });
    }
    const hasStrays = await source.hasStrays();
    if (hasStrays) this.faults.push({ position, fault: "there are events or links outside the log" });
  }

  #verifyEvent(event: ChainEvent): Uint8Array {
    const { position, body, hash, personal } = event;
    if (position > this.#position + 1) this.#missing(position - 1);
    this.#position = position;
    this.events++;
    if (!isEqual(hashEvent(event, body), hash)) {
      this.faults.push({ position, fault: "the event is not what its hash was made of" });
    } else if (personal !== null) this.#verifyPersonal(event, personal);
    return hash;
  }

  #verifyPersonal({ position, body }: ChainEvent, personal: string): void {
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
