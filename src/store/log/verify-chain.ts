/** Verifies the log: the hash of each event, each link, the head, the personal values that are not erased, and checkpoints. */
import { CHAIN_START, type ChainPlace } from "./chain-place.ts";
import { type EventEnvelope, hashEvent, hashLink, type PrivateValues } from "./event-encoding.ts";
import { type GoneValues, goneFault } from "./gone-values.ts";
import { judgePersonal } from "./replay.ts";
import { isErasing } from "./verify-erasures.ts";

/** A part of the log that differs from what was written. */
export interface ChainFault {
  readonly position: number;
  readonly fault: string;
}

export interface ChainReport {
  readonly events: number;
  /** How many of the events are of users. */
  readonly userEvents: number;
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
  /** Called with each link, in order, for example to compare it with checkpoints. */
  readonly onLink?: (link: ChainLink) => void;
}

/** An event as it is stored. */
export interface ChainEvent extends EventEnvelope {
  readonly body: Uint8Array;
  readonly hash: Uint8Array;
  /** Its personal values as JSON; `null`: it has none, or all are erased. */
  readonly personal: string | null;
}

/** An event that says that values of its user were erased. */
export interface ErasingEvent {
  readonly position: number;
  readonly userId: string;
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

/** An event has 64 KiB of personal values at most. */
const SLICE_ROWS = 1_000;

/**
 * More events than one commit can have; their hashes are kept until its link comes. Without a bound a log whose links
 * are gone would fill the memory.
 */
const COMMIT_EVENTS_MAX = 100_000;
const HASH_BYTES = 32;

/**
 * Verifies a log up to the head of its source, so commits may go on. An altered personal value is a fault; one of a user
 * that is gone may be erased, and verifyUsers says whether it is. This does not prove that the whole log was not
 * replaced; signed checkpoints do.
 */
export async function verifyChain(source: ChainSource, options: VerifyChainOptions = {}): Promise<ChainReport> {
  const { sliceRows = SLICE_ROWS, faultsMax = 100, progress, onLink } = options;
  const { head } = source;
  const walk = new ChainWalk(head, CHAIN_START, onLink);
  while (!walk.isAtEnd && walk.faults.length < faultsMax) {
    await walk.slice(source, sliceRows);
    walk.takeGone();
    walk.takeErasing();
    progress?.(walk.place.events);
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (walk.isAtEnd) walk.end(await source.hasStrays());
  const { events, links } = walk.place;
  return { events, userEvents: walk.userEvents, links, head, faults: walk.faults.slice(0, faultsMax) };
}

/** A walk along the log, slice by slice, from any place to its head. */
export class ChainWalk {
  readonly faults: ChainFault[] = [];
  readonly #head: ChainLink;
  readonly #onLink: ((link: ChainLink) => void) | undefined;
  readonly #hashes: Uint8Array[];
  #position: number;
  #expected: number;
  #link: Uint8Array;
  #events: number;
  #links: number;
  /** Events after the last link. */
  #unlinked: number;
  #userEvents = 0;
  #gone: GoneValues[] = [];
  #erasing: ErasingEvent[] = [];

  constructor(head: ChainLink, place: ChainPlace, onLink?: (link: ChainLink) => void) {
    this.#head = head;
    this.#onLink = onLink;
    this.#position = place.position;
    this.#expected = place.expected;
    this.#link = place.link;
    this.#hashes = place.hashes.length === 0 ? [] : [place.hashes];
    this.#unlinked = place.hashes.length / HASH_BYTES;
    this.#events = place.events;
    this.#links = place.links;
  }

  get isAtEnd(): boolean {
    return this.#position >= this.#head.position;
  }

  /** Events of users that this walk has met. */
  get userEvents(): number {
    return this.#userEvents;
  }

  /** Returns the values of users that are gone, in order, since the last call. */
  takeGone(): readonly GoneValues[] {
    const gone = this.#gone;
    this.#gone = [];
    return gone;
  }

  /** Returns the events that say that values were erased, in order, since the last call. */
  takeErasing(): readonly ErasingEvent[] {
    const erasing = this.#erasing;
    this.#erasing = [];
    return erasing;
  }

  get place(): ChainPlace {
    return {
      position: this.#position,
      expected: this.#expected,
      link: this.#link,
      hashes: Buffer.concat(this.#hashes),
      events: this.#events,
      links: this.#links,
      erasures: null,
    };
  }

  /** Verifies the next events, at most `limit`, and the links among them. */
  async slice(source: Pick<ChainSource, "events" | "links">, limit: number): Promise<void> {
    const events = await source.events(this.#position, limit);
    const links = await source.links(this.#position, limit);
    // Both are known up to here.
    const end = Math.min(this.#head.position, lastOf(events, limit), lastOf(links, limit));
    let next = 0;
    for (const event of events) {
      if (event.position > end) break;
      for (let link = links[next]; link !== undefined && link.position < event.position; link = links[next]) {
        this.#takeLink(link);
        next++;
      }
      this.#takeEvent(event);
    }
    for (; next < links.length; next++) {
      const link = links[next];
      if (link !== undefined && link.position <= end) this.#takeLink(link);
    }
    this.#position = end;
  }

  /** Verifies what follows from the last event and link. `hasStrays`: as the source says it. */
  end(hasStrays: boolean): void {
    const { position, link } = this.#head;
    if (this.#expected <= position) this.#missing(position);
    if (!isEqual(this.#link, link)) {
      this.faults.push({ position, fault: "the head's link is not that of the last commit" });
    }
    if (hasStrays) this.faults.push({ position, fault: "there are events or links outside the log" });
  }

  #takeLink({ position, link }: ChainLink): void {
    if (this.#expected <= position) this.#missing(position);
    if (!isEqual(hashLink(this.#link, this.#hashes), link)) {
      this.faults.push({
        position,
        fault: "the link is not the hash of the one before and of its events",
      });
    }
    // Continue from the stored link, so that one fault is reported once.
    this.#link = link;
    this.#links++;
    this.#forgetHashes();
    this.#onLink?.({ position, link });
  }

  #takeEvent(event: ChainEvent): void {
    const { position, body, hash, personal } = event;
    if (position > this.#expected) this.#missing(position - 1);
    this.#expected = position + 1;
    this.#events++;
    if (!isEqual(hashEvent(event, body), hash)) {
      this.faults.push({ position, fault: "the event is not what its hash was made of" });
    } else {
      this.#verifyPersonal(event, personal);
      this.#noteErasing(event);
    }
    if (event.userId !== null) this.#userEvents++;
    this.#hashes.push(hash);
    if (++this.#unlinked < COMMIT_EVENTS_MAX) return;
    this.faults.push({ position, fault: `no commit has ${COMMIT_EVENTS_MAX} events: links are missing` });
    this.#forgetHashes();
  }

  #forgetHashes(): void {
    this.#hashes.length = 0;
    this.#unlinked = 0;
  }

  #verifyPersonal({ position, userId, sequence, body }: ChainEvent, personal: string | null): void {
    try {
      const values = personal === null ? {} : (JSON.parse(personal) as PrivateValues);
      const { unfaithful, gone: names } = judgePersonal(body, values);
      for (const name of unfaithful) {
        this.faults.push({ position, fault: `the personal value ${name} is not the one that was recorded` });
      }
      const [first] = names;
      if (first === undefined) return;
      // Only values of users can be erased.
      if (userId === null) this.faults.push({ position, fault: goneFault(first) });
      else this.#gone.push({ position, userId, sequence, names });
    } catch {
      this.faults.push({ position, fault: "the personal values cannot be read" });
    }
  }

  #noteErasing({ position, userId, type, body }: ChainEvent): void {
    if (userId !== null && isErasing(type, body)) this.#erasing.push({ position, userId });
  }

  #missing(upTo: number): void {
    const position = this.#expected;
    this.faults.push({
      position,
      fault: upTo === position ? "the event is missing" : `the events up to ${upTo} are missing`,
    });
    this.#expected = upTo + 1;
  }
}

/** Returns up to which position rows are known that were read with a limit. */
function lastOf(rows: readonly { readonly position: number }[], limit: number): number {
  return rows.length < limit ? Number.POSITIVE_INFINITY : (rows.at(-1)?.position ?? 0);
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
