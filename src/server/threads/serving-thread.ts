/** One serving thread as the main thread sees it. */
import type { Socket } from "node:net";
import { Worker } from "node:worker_threads";
import type { ThreadFigures } from "../../observability/metrics.ts";
import type { RemoteStoreSeed } from "../../store/remote/store-host.ts";
import { MainAsks, type ProcessWide } from "./main-asks.ts";
import type { FromThread, ThreadData, ToThread } from "./messages.ts";

/**
 * Memory of one thread, in MiB. Unbounded, V8 takes about 150 MiB under load; with these bounds it collects sooner, and a
 * thread that still runs out ends alone and is replaced.
 */
const YOUNG_MIB_MAX = 24;
const OLD_MIB_MAX = 256;

/** A thread that is busy answers a scrape late; its last figures are used then. */
const FIGURES_MS_MAX = 1_000;

export interface ServingThreadOptions {
  readonly data: Omit<ThreadData, "store">;
  readonly store: RemoteStoreSeed;
  readonly parts: ProcessWide;
  /** Called with each connection that is closed. */
  readonly onClosed: (slot: number) => void;
  /** Called once when the thread has ended, whatever the reason. */
  readonly onEnd: (cause: Error) => void;
}

export class ServingThread {
  /** Resolves when the thread can serve; rejects if it cannot be started. */
  readonly ready: Promise<void>;
  /** Resolves when its dialects are loaded; rejects when one cannot be served, or when the thread ends before. */
  readonly loaded: Promise<void>;
  readonly #worker: Worker;
  readonly #asks: MainAsks;
  readonly #options: ServingThreadOptions;
  readonly #ready = Promise.withResolvers<void>();
  readonly #loaded = Promise.withResolvers<void>();
  readonly #finished = Promise.withResolvers<void>();
  readonly #slots = new Set<number>();
  #isReady: boolean = false;
  #cause: Error | undefined;
  #figures: ThreadFigures | undefined;
  #requests = 0;
  #onFigures: (() => void) | undefined;

  constructor(options: ServingThreadOptions) {
    this.#options = options;
    const { data, store, parts } = options;
    this.#worker = new Worker(asItRuns(new URL("./thread.ts", import.meta.url)), {
      name: "serving thread",
      workerData: { ...data, store: store.workerData } satisfies ThreadData,
      transferList: [...store.transferList],
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB_MAX, maxOldGenerationSizeMb: OLD_MIB_MAX },
    });
    this.#asks = new MainAsks(parts, (id, answer) => this.#post({ kind: "answer", id, ...answer }));
    this.ready = this.#ready.promise;
    this.loaded = this.#loaded.promise;
    // A failure without a listener would end the process.
    for (const promise of [this.ready, this.loaded]) promise.catch(() => undefined);
    this.#worker.on("message", (message: FromThread) => this.#take(message));
    this.#worker.on("error", (error) => {
      this.#cause = error as Error;
    });
    this.#worker.on("exit", (code) => this.#end(this.#cause ?? new Error(`it ended with code ${code}`)));
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** The number of its open connections. */
  get connections(): number {
    return this.#slots.size;
  }

  /** The open requests at the last scrape. */
  get requests(): number {
    return this.#requests;
  }

  /** What it had counted at the last scrape. */
  get lastFigures(): ThreadFigures | undefined {
    return this.#figures;
  }

  /** Hands a connection over. Throws if the client has gone already. */
  serve(socket: Socket, slot: number): void {
    // Node's types do not know yet that sockets can be transferred.
    this.#worker.postMessage({ kind: "connection", socket, slot } satisfies ToThread, [socket as never]);
    this.#slots.add(slot);
  }

  send(message: Extract<ToThread, { kind: "close" | "serving" | "tls" | "leave" }>): void {
    this.#post(message);
  }

  /** Returns what the thread has counted; `undefined` if it never said. */
  async figures(): Promise<ThreadFigures | undefined> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, FIGURES_MS_MAX);
    this.#onFigures = resolve;
    this.#post({ kind: "figures" });
    await promise;
    clearTimeout(timer);
    return this.#figures;
  }

  /** Lets open calls finish within `graceMs`, and ends the thread. */
  async finish(graceMs: number): Promise<void> {
    this.#post({ kind: "finish", graceMs });
    const timer = setTimeout(() => this.#finished.resolve(), graceMs + FINISH_MS_MAX);
    await this.#finished.promise;
    clearTimeout(timer);
    await this.terminate();
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #post(message: ToThread): void {
    this.#worker.postMessage(message);
  }

  #take(message: FromThread): void {
    switch (message.kind) {
      case "ready":
        this.#isReady = true;
        this.#ready.resolve();
        return;
      case "loaded":
        this.#loaded.resolve();
        return;
      case "not loaded":
        this.#cause = new Error(`a dialect cannot be served: ${message.cause}`);
        this.#loaded.reject(new Error(message.cause));
        return;
      case "closed":
        this.#slots.delete(message.slot);
        this.#options.onClosed(message.slot);
        return;
      case "figures":
        this.#figures = message.figures;
        this.#requests = message.requests;
        this.#onFigures?.();
        return;
      case "finished":
        this.#finished.resolve();
        return;
      default:
        this.#asks.take(message);
    }
  }

  #end(cause: Error): void {
    this.#isReady = false;
    this.#asks.close();
    for (const slot of this.#slots) this.#options.onClosed(slot);
    this.#slots.clear();
    this.#ready.reject(cause);
    this.#loaded.reject(cause);
    this.#finished.resolve();
    this.#onFigures?.();
    this.#options.onEnd(cause);
  }
}

/** A thread needs that long beyond the time of its calls to write what it holds. */
const FINISH_MS_MAX = 5_000;

/** Finds a worker by its source; in the compiled package it has the same name with another extension. */
function asItRuns(url: URL): URL {
  return import.meta.url.endsWith(".js") ? new URL(url.href.replace(/\.ts$/, ".js")) : url;
}
