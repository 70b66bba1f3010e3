/** Bounds what the HTTP/2 connections of a thread may open in one turn of the event loop, whatever has arrived. */
import type { ServerHttp2Session } from "node:http2";
import { waitingSteps } from "../exchange/turns.ts";

/** A connection whose reading can be held. */
export interface GatedReader {
  /** Whether a call was admitted on it. */
  readonly isAdmitted: boolean;
  /** Reads nothing more from the socket. What Node has read already is served. */
  hold(): void;
  /** Reads on. */
  release(): void;
}

/** The load of one turn: a stream that is opened counts for 1, and costs about 25 us. */
const TURN_LOAD_MAX = 300;
/** While this many requests wait for their turn, connections without an admitted call are not read on. */
const WAITING_MAX = 400;
/** While this many wait, no held connection is read on. */
const WAITING_MAX_ADMITTED = 4_000;
/** The number of held connections that are read again in the next turn: as many streams as one turn may open. */
const STRANGERS_MIN = 4;
/** As `STRANGERS_MIN`, for connections with an admitted call. They open few streams at once, and come first. */
const ADMITTED_MIN = 32;

/**
 * The reading of all HTTP/2 connections of a thread. One turn of the event loop reads every connection that has something
 * to read, and each may open all of its streams: thousands of connections would take seconds. When a turn has its share,
 * all connections are held; the system keeps what they send. They are released in the order in which they were held: a
 * few in the next turn, twice as many in each turn after that, until a turn has its share again.
 */
export class ReadGate {
  readonly #reading = new Set<GatedReader>();
  readonly #heldAdmitted = new Set<GatedReader>();
  readonly #heldStrangers = new Set<GatedReader>();
  #load = 0;
  /** How many times the number of connections to release was doubled. */
  #doublings = 0;
  #isAwaited: boolean = false;

  add(reader: GatedReader): void {
    this.#reading.add(reader);
  }

  delete(reader: GatedReader): void {
    this.#reading.delete(reader);
    this.#heldAdmitted.delete(reader);
    this.#heldStrangers.delete(reader);
  }

  /** Returns whether a connection is not held. */
  reads(reader: GatedReader): boolean {
    return this.#reading.has(reader);
  }

  /** Adds to the load of the present turn. Called while frames are being read. */
  count(load: number): void {
    if (this.#load === 0) this.#await();
    this.#load += load;
    if (this.#load > TURN_LOAD_MAX) this.#hold();
  }

  #hold(): void {
    this.#doublings = -1;
    for (const reader of this.#reading) {
      reader.hold();
      const held = reader.isAdmitted ? this.#heldAdmitted : this.#heldStrangers;
      held.add(reader);
    }
    this.#reading.clear();
  }

  #await(): void {
    if (this.#isAwaited) return;
    this.#isAwaited = true;
    setImmediate(() => this.#endTurn());
  }

  #endTurn(): void {
    this.#isAwaited = false;
    this.#load = 0;
    if (this.#heldAdmitted.size + this.#heldStrangers.size === 0) return;
    this.#doublings++;
    const waiting = waitingSteps();
    if (waiting < WAITING_MAX_ADMITTED) this.#release(this.#heldAdmitted, ADMITTED_MIN * 2 ** this.#doublings);
    if (waiting < WAITING_MAX) this.#release(this.#heldStrangers, STRANGERS_MIN * 2 ** this.#doublings);
    if (this.#heldAdmitted.size + this.#heldStrangers.size > 0) this.#await();
  }

  #release(held: Set<GatedReader>, count: number): void {
    let left = count;
    for (const reader of held) {
      if (left-- <= 0) return;
      held.delete(reader);
      this.#reading.add(reader);
      reader.release();
    }
  }
}

/** Starts and stops the reading of a socket. */
export interface SocketReading {
  start(): void;
  stop(): void;
}

const NOT_GATED: SocketReading = { start: () => undefined, stop: () => undefined };

/**
 * Returns what starts and stops the reading of a session's socket. Node's sessions read their sockets by their handles,
 * past the methods of the socket, so only the handle can stop that. A Node whose handles differ reads on.
 */
export function readingOf(session: ServerHttp2Session): SocketReading {
  const { _handle: handle } = session.socket as unknown as { _handle?: { readStart?(): void; readStop?(): void } };
  if (typeof handle?.readStart !== "function" || typeof handle.readStop !== "function") return NOT_GATED;
  return { start: () => void handle.readStart?.(), stop: () => void handle.readStop?.() };
}
