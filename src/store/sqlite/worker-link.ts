/** Calls into a worker thread: answers matched to questions, a time limit, and a new thread after a crash. */
import { Worker } from "node:worker_threads";
import { HistoryChangedError, PageTokenError, StoreUnavailableError } from "../store.ts";

/** What the worker sends back; errors cross as plain data. */
export type WorkerAnswer =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | {
      readonly id: number;
      readonly ok: false;
      readonly kind: "token" | "history" | "unavailable" | "bug";
      readonly message: string;
    };

/** What a worker is sent: a question, or that it shall end. */
export type WorkerQuestion<Q> = { readonly id: number; readonly question: Q } | "close";

export interface WorkerLinkOptions {
  /** What the worker does, for messages. */
  readonly name: string;
  readonly url: URL;
  readonly workerData: unknown;
  /** A call without an answer for so long fails, and the thread is taken to hang. */
  readonly callMs: number;
  readonly onTrouble: (error: unknown) => void;
}

interface Pending<Q> {
  readonly id: number;
  readonly question: Q;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Questions that wait for the thread; further ones are refused at once. */
const WAITING_MAX = 1_000;

/** How long a worker may take to end by itself. */
const CLOSE_MS = 2_000;

/** `Q` is what may be asked. The thread starts with the first call. */
export class WorkerLink<Q> {
  readonly #options: WorkerLinkOptions;
  #worker: Worker | undefined;
  #lastId = 0;
  #closed: boolean = false;
  /** The first is in work: it alone is timed, for waiting is not hanging. */
  readonly #pending: Pending<Q>[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: WorkerLinkOptions) {
    this.#options = options;
  }

  /** Rejects with PageTokenError, HistoryChangedError, or with StoreUnavailableError when the thread crashed or did not answer in time. */
  call(question: Q): Promise<unknown> {
    if (this.#closed) return Promise.reject(new StoreUnavailableError("the store is closed", undefined));
    if (this.#pending.length >= WAITING_MAX) {
      return Promise.reject(new StoreUnavailableError(`the ${this.#options.name} has too much to do`, undefined));
    }
    return new Promise((resolve, reject) => {
      this.#pending.push({ id: ++this.#lastId, question, resolve, reject });
      if (this.#pending.length === 1) this.#ask();
    });
  }

  #ask(): void {
    const [first] = this.#pending;
    if (first === undefined) return;
    const worker = this.#start();
    this.#timer = setTimeout(() => this.#timeOut(worker), this.#options.callMs);
    // A thread that nobody waits for does not keep the process alive.
    worker.ref();
    worker.postMessage({ id: first.id, question: first.question } satisfies WorkerQuestion<Q>);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const worker = this.#worker;
    if (worker === undefined) return;
    const exited = new Promise((resolve) => worker.once("exit", resolve));
    const timer = setTimeout(() => void worker.terminate(), CLOSE_MS);
    worker.ref();
    worker.postMessage("close" satisfies WorkerQuestion<Q>);
    await exited;
    clearTimeout(timer);
  }

  /** The thread's id, for tests that crash it. */
  get worker(): Worker | undefined {
    return this.#worker;
  }

  #start(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const { name, url, workerData } = this.#options;
    const worker = new Worker(asItRuns(url), { name, workerData });
    worker.on("message", (answer: WorkerAnswer) => this.#answer(worker, answer));
    worker.on("error", (error) => this.#lose(worker, error));
    worker.on("exit", (code) => this.#lose(worker, new Error(`exit code ${code}`)));
    this.#worker = worker;
    return worker;
  }

  #answer(worker: Worker, answer: WorkerAnswer): void {
    const [first] = this.#pending;
    if (first?.id !== answer.id) return;
    clearTimeout(this.#timer);
    this.#pending.shift();
    if (this.#pending.length === 0) worker.unref();
    if (answer.ok) first.resolve(answer.value);
    else first.reject(this.#toError(answer));
    this.#ask();
  }

  #toError({ kind, message }: WorkerAnswer & { readonly ok: false }): Error {
    if (kind === "token") return new PageTokenError(message);
    if (kind === "history") return new HistoryChangedError(message);
    if (kind === "unavailable") return new StoreUnavailableError(message, undefined);
    return new Error(`${this.#options.name}: ${message}`);
  }

  #timeOut(worker: Worker): void {
    this.#lose(worker, new Error(`no answer within ${this.#options.callMs} ms`));
    void worker.terminate();
  }

  /** The next call starts another thread. */
  #lose(worker: Worker, cause: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    const error = new StoreUnavailableError(`the ${this.#options.name} stopped`, undefined, { cause });
    if (!this.#closed) this.#options.onTrouble(error);
    clearTimeout(this.#timer);
    for (const { reject } of this.#pending.splice(0)) reject(error);
  }
}

/** Workers are named by their sources; where the package's compiled form runs, they lie beside it under the same name. */
function asItRuns(url: URL): URL {
  return import.meta.url.endsWith(".js") ? new URL(url.href.replace(/\.ts$/, ".js")) : url;
}
