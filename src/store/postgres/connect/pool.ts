/** A bounded number of connections to the host that takes writes, opened when needed and replaced when lost. */
import type { FailedOutcome } from "../../../domain/refusal.ts";
import { StoreUnavailableError } from "../../errors.ts";
import type { Host, PostgresAddress } from "./address.ts";
import type { Connection } from "./connection.ts";
import { openWritable } from "./open-writable.ts";
import { Primary } from "./primary.ts";

export interface PoolOptions {
  readonly address: PostgresAddress;
  /** See ConnectionOptions. */
  readonly prepare: boolean;
  /** At least 1. */
  readonly connectionsMax: number;
  /** Works that may wait for a connection; the next one is refused. The default is 1,000. */
  readonly queueMax?: number;
  /** How long a work may wait for a connection, in milliseconds; the default is 5,000. */
  readonly waitMs?: number;
  /** How long a work may take, in milliseconds; then its connection is cut. The default is 30,000. */
  readonly workMs?: number;
  /** How long one host may take to answer a new connection, in milliseconds; the default is 5,000. */
  readonly connectMs?: number;
  /** The outcome of what never got a connection: "NOT_APPLIED" for writes; absent for reads. */
  readonly outcome?: FailedOutcome;
  /** What is known of the host that takes writes; pools that share it find a new one together. */
  readonly primary?: Primary;
  /** Called with the first failure to connect after one that succeeded. */
  readonly onTrouble?: (error: unknown) => void;
}

export interface PoolStats {
  /** Connections that are open or being opened. */
  readonly open: number;
  readonly idle: number;
  /** Works that wait for a connection. */
  readonly waiting: number;
}

interface Waiter {
  readonly resolve: (connection: Connection) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

const DEFAULTS = { queueMax: 1_000, waitMs: 5_000, workMs: 30_000 } as const;
/** The pause before the next attempt to connect, in milliseconds; it doubles with each failure. */
const PAUSE_MS = { least: 50, most: 2_000 } as const;
/** How long works that are under way may take when the pool is closed, in milliseconds. */
const CLOSE_MS = 5_000;

export class Pool {
  readonly #options: PoolOptions & Required<Pick<PoolOptions, keyof typeof DEFAULTS>>;
  readonly #idle: Connection[] = [];
  readonly #busy = new Set<Connection>();
  /** Where each connection leads: after a failover those to another host are dropped. */
  readonly #hosts = new Map<Connection, Host>();
  readonly #waiting: Waiter[] = [];
  readonly #primary: Primary;
  #opening = 0;
  /** Attempts to connect that have failed since the last one that did not. */
  #failures = 0;
  /** When the first of them failed, by the monotonic clock. */
  #failingSince = 0;
  #fault: unknown;
  #retry: NodeJS.Timeout | undefined;
  #isClosed: boolean = false;
  #closed: (() => void) | undefined;

  constructor(options: PoolOptions) {
    this.#options = { ...DEFAULTS, ...options };
    this.#primary = options.primary ?? new Primary();
    this.#primary.watch(() => this.#follow());
  }

  get stats(): PoolStats {
    const idle = this.#idle.length;
    return { open: idle + this.#busy.size + this.#opening, idle, waiting: this.#waiting.length };
  }

  /**
   * Runs a work on a connection of its own; what it leaves open there (a transaction, a statement) is cut off. Rejects
   * with StoreUnavailableError when no connection is there in time, else with the error of the work.
   */
  async use<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = await this.#take();
    const { failures } = connection;
    // A server that hangs answers nothing; a cut connection rejects what waits for it.
    const timer = setTimeout(() => connection.destroy(), this.#options.workMs);
    try {
      return await work(connection);
    } finally {
      clearTimeout(timer);
      this.#giveBack(connection, connection.failures === failures);
    }
  }

  /**
   * Refuses what waits and what comes, and closes the connections when their works are done. `cutMs`: how long these may
   * take, in milliseconds.
   */
  async close(cutMs: number = CLOSE_MS): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#retry);
    for (const waiter of this.#waiting.splice(0)) this.#refuse(waiter, "the database is closed");
    const idle = this.#idle.splice(0);
    await Promise.all(idle.map((connection) => connection.close()));
    if (this.#busy.size + this.#opening === 0) return;
    // Those that are being opened close themselves.
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#closed = resolve;
    const timer = setTimeout(() => {
      for (const connection of this.#busy) connection.destroy();
      resolve();
    }, cutMs);
    await promise;
    clearTimeout(timer);
  }

  #take(): Promise<Connection> {
    const { queueMax, waitMs } = this.#options;
    if (this.#isClosed) return Promise.reject(this.#unavailable("the database is closed"));
    const connection = this.#idle.pop();
    if (connection?.isUsable) {
      this.#busy.add(connection);
      return Promise.resolve(connection);
    }
    // While the database is away nobody waits for nothing.
    if (this.#failures > 0 && performance.now() - this.#failingSince > waitMs) return Promise.reject(this.#away());
    if (this.#waiting.length >= queueMax) {
      return Promise.reject(this.#unavailable(`${queueMax} others wait for a connection to the database already`));
    }
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { resolve, reject, timer: setTimeout(() => this.#giveUp(waiter), waitMs) };
      this.#waiting.push(waiter);
      this.#grow();
    });
  }

  #giveUp(waiter: Waiter): void {
    this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
    const late = `no connection to the database became free within ${this.#options.waitMs} ms`;
    waiter.reject(this.#failures > 0 ? this.#away() : this.#unavailable(late));
  }

  #refuse(waiter: Waiter, why: string): void {
    clearTimeout(waiter.timer);
    waiter.reject(this.#unavailable(why));
  }

  /** Opens connections for those that wait; only one at a time while the database is away. */
  #grow(): void {
    const { connectionsMax } = this.#options;
    while (
      this.#waiting.length > this.#opening &&
      this.stats.open < connectionsMax &&
      (this.#failures === 0 || (this.#opening === 0 && this.#retry === undefined))
    ) {
      void this.#open();
    }
  }

  /** Never rejects: its error is the cause of what those that wait are answered. */
  async #open(): Promise<void> {
    const { address, prepare, connectMs, onTrouble } = this.#options;
    this.#opening++;
    try {
      const timing = connectMs === undefined ? {} : { connectMs };
      const { connection, host } = await openWritable({ address, prepare, primary: this.#primary, ...timing });
      this.#opening--;
      connection.whenEnded(() => this.#lost(connection));
      this.#failures = 0;
      this.#hosts.set(connection, host);
      this.#hand(connection);
    } catch (error) {
      this.#opening--;
      this.#fault = error;
      if (this.#failures++ === 0) {
        this.#failingSince = performance.now();
        onTrouble?.(error);
      }
      this.#retryLater();
      this.#settleClose();
      return;
    }
    this.#grow();
  }

  #retryLater(): void {
    if (this.#isClosed || this.#retry !== undefined) return;
    const pause = Math.min(PAUSE_MS.least * 2 ** (this.#failures - 1), PAUSE_MS.most);
    // So that replicas do not come back all at once.
    this.#retry = setTimeout(
      () => {
        this.#retry = undefined;
        if (this.#failures > 0 && this.#opening === 0) void this.#open();
      },
      pause * (0.5 + Math.random() / 2),
    ).unref();
  }

  /**
   * A host that takes writes was found, perhaps by another pool: tries again at once if this one waits. After a failover
   * the connections to the former host lead to a server that lags behind, or to none, which may say nothing for long.
   */
  #follow(): void {
    const { host } = this.#primary;
    for (const connection of [...this.#idle, ...this.#busy]) {
      if (this.#hosts.get(connection) !== host) connection.destroy();
    }
    if (this.#retry === undefined) return;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    if (this.#opening === 0) void this.#open();
  }

  #giveBack(connection: Connection, isWhole: boolean): void {
    this.#busy.delete(connection);
    // A lost connection has no host any more.
    if (isWhole && connection.isIdle && this.#hosts.get(connection) === this.#primary.host) {
      this.#hand(connection);
      return;
    }
    this.#hosts.delete(connection);
    connection.destroy();
    this.#grow();
    this.#settleClose();
  }

  #hand(connection: Connection): void {
    if (this.#isClosed) {
      this.#hosts.delete(connection);
      connection.close().catch(() => undefined);
      this.#settleClose();
      return;
    }
    const waiter = this.#waiting.shift();
    if (waiter === undefined) {
      this.#idle.push(connection);
      return;
    }
    clearTimeout(waiter.timer);
    this.#busy.add(connection);
    waiter.resolve(connection);
  }

  #lost(connection: Connection): void {
    this.#hosts.delete(connection);
    const index = this.#idle.indexOf(connection);
    if (index >= 0) this.#idle.splice(index, 1);
  }

  #settleClose(): void {
    if (this.#busy.size + this.#opening === 0) this.#closed?.();
  }

  #away(): StoreUnavailableError {
    return new StoreUnavailableError("the database cannot be reached now", this.#options.outcome, {
      cause: this.#fault,
    });
  }

  #unavailable(message: string): StoreUnavailableError {
    return new StoreUnavailableError(message, this.#options.outcome);
  }
}
