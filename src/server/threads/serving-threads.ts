/** Serves a port with several threads: accepts connections and hands each to the thread with the fewest. */
import type { Socket } from "node:net";
import { setTimeout } from "node:timers/promises";
import type { Log } from "../../observability/log.ts";
import type { ThreadFigures } from "../../observability/metrics.ts";
import type { StoreHost } from "../../store/remote/store-host.ts";
import type { TlsOptions } from "../../transport/listen/listener.ts";
import type { Transport } from "../../transport/transport.ts";
import { describe } from "../describe.ts";
import { ConnectionTable } from "./connection-table.ts";
import { createHandOverPort, type HandOverPort } from "./hand-over-port.ts";
import type { ProcessWide } from "./main-asks.ts";
import type { ServingState, ThreadData } from "./messages.ts";
import { ServingThread } from "./serving-thread.ts";

/** Threads that end more often than this are not replaced any more: the service ends. */
const ENDS_MAX = 5;
const ENDS_MS = 60_000;

export interface ServingThreadsOptions {
  /** At least 2. */
  readonly threads: number;
  readonly data: Pick<ThreadData, "config" | "issuers" | "tls" | "clock">;
  readonly connectionsMax: number;
  readonly host: StoreHost;
  readonly parts: ProcessWide;
  readonly log: Log;
  /** Takes what a thread had counted that has ended. */
  readonly absorb: (figures: ThreadFigures) => void;
  /** Called when threads end again and again. */
  readonly giveUp: (why: string) => void;
}

/** What serves calls by threads, in the shape of a transport of one thread. */
export type ThreadedTransport = Pick<Transport, "listen" | "loaded" | "load" | "setServing" | "renewTls" | "stop">;

export class ServingThreads implements ThreadedTransport {
  readonly #options: ServingThreadsOptions;
  readonly #port: HandOverPort;
  readonly #table: ConnectionTable<ServingThread>;
  readonly #threads = new Set<ServingThread>();
  #tls: TlsOptions | undefined;
  #state: ServingState = { serving: false, why: undefined };
  #ends: number[] = [];
  #isStarted: boolean = false;
  #isStopping: boolean = false;

  private constructor(options: ServingThreadsOptions) {
    this.#options = options;
    this.#tls = options.data.tls;
    this.#table = new ConnectionTable(options.connectionsMax);
    this.#port = createHandOverPort(this.#tls === undefined ? "http" : "https", (socket) => this.#handOver(socket));
  }

  /** Starts the threads. Resolves when all of them can serve; rejects if one cannot be started. */
  static async start(options: ServingThreadsOptions): Promise<ServingThreads> {
    const threads = new ServingThreads(options);
    for (let i = 0; i < options.threads; i++) threads.#start();
    try {
      await Promise.all([...threads.#threads].map(({ ready }) => ready));
    } catch (error) {
      await threads.stop({ graceMs: 0 });
      throw error;
    }
    threads.#isStarted = true;
    return threads;
  }

  listen(address: { host: string; port: number }): Promise<{ host: string; port: number; url: string }> {
    return this.#port.listen(address);
  }

  get loaded(): Promise<void> {
    return Promise.all([...this.#threads].map(({ loaded }) => loaded)).then(() => undefined);
  }

  get load(): { readonly requests: number; readonly connections: number } {
    let requests = 0;
    for (const thread of this.#threads) requests += thread.requests;
    return { requests, connections: this.#table.size };
  }

  get isServing(): boolean {
    return this.#state.serving && !this.#isStopping;
  }

  setServing(_service: string, serving: boolean, why?: string): void {
    this.#state = { serving, why };
    this.#send({ kind: "serving", serving, why });
  }

  /** The certificate was read and checked by the main thread, so all threads can use it. */
  renewTls(tls: TlsOptions): void {
    this.#tls = tls;
    this.#send({ kind: "tls", tls });
  }

  /** Returns what the threads have counted that run. */
  async figures(): Promise<readonly ThreadFigures[]> {
    await Promise.all([...this.#threads].map((thread) => thread.figures()));
    // A thread that has ended meanwhile is absorbed.
    return [...this.#threads].map(({ lastFigures }) => lastFigures).filter((each) => each !== undefined);
  }

  async stop({ drainMs = 0, graceMs }: { drainMs?: number; graceMs: number }): Promise<void> {
    this.#isStopping = true;
    this.#send({ kind: "leave" });
    if (drainMs > 0) await setTimeout(drainMs);
    // Connections that were handed over come before the next message of each thread.
    await this.#port.close();
    await Promise.all([...this.#threads].map((thread) => thread.finish(graceMs)));
  }

  #send(message: Parameters<ServingThread["send"]>[0]): void {
    for (const thread of this.#threads) thread.send(message);
  }

  #start(): ServingThread {
    const { data, host, parts } = this.#options;
    const thread = new ServingThread({
      data: { ...data, tls: this.#tls, times: this.#table.times.memory, serving: this.#state },
      store: host.attach(),
      parts,
      onClosed: (slot) => this.#table.free(slot),
      onEnd: (cause) => this.#replace(thread, cause),
    });
    this.#threads.add(thread);
    return thread;
  }

  #handOver(socket: Socket): void {
    const surplus = this.#table.evict();
    surplus?.owner.send({ kind: "close", slot: surplus.slot });
    const thread = this.#idlest();
    const slot = thread && this.#table.add(thread);
    if (thread === undefined || slot === undefined) {
      socket.destroy();
      return;
    }
    try {
      thread.serve(socket, slot);
    } catch {
      // The client has gone already.
      this.#table.free(slot);
      socket.destroy();
    }
  }

  /** Returns the thread with the fewest connections. One that is starting gets some only if there is no other. */
  #idlest(): ServingThread | undefined {
    const threads = [...this.#threads].sort((one, other) => one.connections - other.connections);
    return threads.find(({ isReady }) => isReady) ?? threads[0];
  }

  /** Replaces a thread that has ended; its connections are lost. */
  #replace(ended: ServingThread, cause: Error): void {
    const { log, absorb, giveUp } = this.#options;
    this.#threads.delete(ended);
    if (ended.lastFigures !== undefined) absorb(ended.lastFigures);
    if (this.#isStopping || !this.#isStarted) return;
    const now = performance.now();
    this.#ends = [...this.#ends.filter((time) => now - time < ENDS_MS), now];
    if (this.#ends.length > ENDS_MAX) {
      giveUp(
        `serving threads ended ${this.#ends.length} times within ${ENDS_MS / 1000} s, the last one: ${describe(cause)}`,
      );
      return;
    }
    log.write("error", "a serving thread ended and is replaced; its connections are lost", { cause: describe(cause) });
    const thread = this.#start();
    thread.loaded.then(
      () => log.write("info", "a serving thread was replaced"),
      // It has ended too, or serves without a dialect that the others have: it is replaced in turn.
      () => thread.terminate(),
    );
  }
}
