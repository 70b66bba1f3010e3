/** Calls into a worker thread: one question at a time, a time limit, and a new thread after a crash. */
import { Worker } from "node:worker_threads";
import { HistoryChangedError, PageTokenError, ReadGivenUpError, StoreUnavailableError } from "../errors.ts";

/** What the worker sends back: that it has started, then answers. Errors cross as plain data. */
export type WorkerAnswer =
  | "ready"
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
  /** A question without an answer for so long fails, and its thread is ended. */
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
  /** The thread has started: from then on only the question in work can end it. */
  #isReady: boolean = false;

  constructor(options: WorkerLinkOptions) {
    this.#options = options;
  }

  /**
   * Rejects with PageTokenError, HistoryChangedError, or with StoreUnavailableError when the thread crashed at this
   * question or did not answer it in time.
   */
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
    this.#isReady = false;
    worker.on("message", (answer: WorkerAnswer) => this.#hear(worker, answer));
    worker.on("error", (error) => this.#lose(worker, this.#stopped(error)));
    worker.on("exit", (code) => this.#lose(worker, this.#stopped(new Error(`exit code ${code}`))));
    this.#worker = worker;
    return worker;
  }

  #hear(worker: Worker, answer: WorkerAnswer): void {
    if (answer === "ready") this.#isReady ||= this.#worker === worker;
    else this.#answer(worker, answer);
  }

  #answer(worker: Worker, answer: Exclude<WorkerAnswer, "ready">): void {
    const [first] = this.#pending;
    if (first?.id !== answer.id) return;
    clearTimeout(this.#timer);
    this.#pending.shift();
    if (this.#pending.length === 0) worker.unref();
    if (answer.ok) first.resolve(answer.value);
    else first.reject(this.#toError(answer));
    this.#ask();
  }

  #toError({ kind, message }: Extract<WorkerAnswer, { readonly ok: false }>): Error {
    if (kind === "token") return new PageTokenError(message);
    if (kind === "history") return new HistoryChangedError(message);
    if (kind === "unavailable") return new StoreUnavailableError(message, undefined);
    return new Error(`${this.#options.name}: ${message}`);
  }

  #stopped(cause: Error): StoreUnavailableError {
    return new StoreUnavailableError(`the ${this.#options.name} stopped`, undefined, { cause });
  }

  #timeOut(worker: Worker): void {
    const { name, callMs } = this.#options;
    const text = `the ${name} took longer than ${callMs} ms for one question and was ended`;
    this.#lose(worker, new ReadGivenUpError(text, callMs));
    void worker.terminate();
  }

  /**
   * The question in work fails: it may be what the thread died of. Those that wait are asked on a new thread, unless the
   * thread died before it had started: then every new one would die as well.
   */
  #lose(worker: Worker, error: StoreUnavailableError): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    if (!this.#closed) this.#options.onTrouble(error);
    clearTimeout(this.#timer);
    const isOneToBlame = this.#isReady && !this.#closed;
    for (const { reject } of this.#pending.splice(0, isOneToBlame ? 1 : this.#pending.length)) reject(error);
    this.#ask();
  }
}

/** Workers are named by their sources; where the package's compiled form runs, they lie beside it under the same name. */
function asItRuns(url: URL): URL {
  return import.meta.url.endsWith(".js") ? new URL(url.href.replace(/\.ts$/, ".js")) : url;
}
