/** Finds HTTP/2 connections whose clients have vanished: a PING after a silence, and the end if nothing comes back. */
import { runInTurn } from "../exchange/turns.ts";
import type { TransportLimits } from "../limits.ts";

/** What has passed on a connection so far, in bytes. */
export interface Traffic {
  /** What came from the client. */
  readonly bytesRead: number;
  /** What the system has taken for the client. */
  readonly bytesWritten: number;
}

/** A connection that can be asked whether its client is still there. */
export interface PingedConnection {
  /** Whether its client owes an answer to a PING: calls are open, and what it sends is read. */
  readonly isAsked: boolean;
  readonly traffic: Traffic;
  /** Sends a PING. Called only while `isAsked`. */
  ping(): void;
  /** Ends it and its calls: nothing comes from its client any more. */
  lose(): void;
}

interface Silence {
  /** As it was at the last sweep. */
  traffic: Traffic;
  /** What was written before the sweep in which something came last. */
  writtenBefore: number;
  /** For how many sweeps in a row nothing has come. */
  sweeps: number;
}

/** How many sweeps there are at least in each of the two times. */
const SWEEPS_MIN = 4;
/** The PING arrives behind all that the system holds for its client, which a slow link takes at this rate. */
const BYTES_PER_MS = 8;

/**
 * All HTTP/2 connections of a port. One timer looks at all of them. Time is counted in sweeps, and a turn of the event loop
 * has one at most: a process that was stopped for an hour has lost one sweep, and reads what has arrived meanwhile before
 * the next. Whatever a client sends shows that it is there, so an acknowledgement is not looked for.
 */
export class KeepAlive {
  readonly #connections = new Map<PingedConnection, Silence>();
  readonly #sweepMs: number;
  readonly #pingSweeps: number;
  readonly #lostSweeps: number;
  #timer: NodeJS.Timeout | undefined;

  constructor({ pingAfterMs, pingTimeoutMs }: Pick<TransportLimits, "pingAfterMs" | "pingTimeoutMs">) {
    this.#sweepMs = Math.min(pingAfterMs, pingTimeoutMs) / SWEEPS_MIN;
    this.#pingSweeps = Math.ceil(pingAfterMs / this.#sweepMs);
    this.#lostSweeps = this.#pingSweeps + Math.ceil(pingTimeoutMs / this.#sweepMs);
  }

  add(connection: PingedConnection): void {
    this.#connections.set(connection, { traffic: { bytesRead: 0, bytesWritten: 0 }, writtenBefore: 0, sweeps: 0 });
    this.#timer ??= setInterval(() => this.#sweep(), this.#sweepMs).unref();
  }

  delete(connection: PingedConnection): void {
    this.#connections.delete(connection);
    if (this.#connections.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Thousands of clients may be silent since the same moment, or vanish together: each step waits for its turn. */
  #sweep(): void {
    for (const [connection, silence] of this.#connections) {
      if (!connection.isAsked) {
        silence.sweeps = 0;
        continue;
      }
      const { bytesRead, bytesWritten } = connection.traffic;
      if (bytesRead === silence.traffic.bytesRead) silence.sweeps++;
      else [silence.writtenBefore, silence.sweeps] = [silence.traffic.bytesWritten, 0];
      silence.traffic = { bytesRead, bytesWritten };
      const lostSweeps = this.#lostSweeps + this.#sweepsFor(bytesWritten - silence.writtenBefore);
      if (silence.sweeps === this.#pingSweeps) runInTurn(() => this.#ask(connection, silence));
      else if (silence.sweeps > lostSweeps) runInTurn(() => lose(connection, silence));
    }
  }

  #sweepsFor(bytes: number): number {
    return Math.floor(bytes / BYTES_PER_MS / this.#sweepMs);
  }

  /** The client has its time from the PING on: a busy process sends it late, and none to a connection that it holds then. */
  #ask(connection: PingedConnection, silence: Silence): void {
    if (silence.sweeps < this.#pingSweeps) return;
    silence.sweeps = connection.isAsked ? this.#pingSweeps : 0;
    if (connection.isAsked) connection.ping();
  }
}

/** A client that has sent something while this waited is there. */
function lose(connection: PingedConnection, { traffic }: Silence): void {
  if (connection.isAsked && connection.traffic.bytesRead === traffic.bytesRead) connection.lose();
}
