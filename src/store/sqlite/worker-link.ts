/** Calls into a worker thread: one call at a time, with a time limit, and a new thread after a crash. */
import { Worker } from "node:worker_threads";
import { type ErrorData, fromErrorData } from "../error-data.ts";
import { ReadGivenUpError, StoreUnavailableError } from "../errors.ts";

/** Messages of the worker: that it has started, then answers. Errors are sent as plain data. */
export type WorkerAnswer =
  | "ready"
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly error: ErrorData };

/** Messages to the worker: a question, or to end. */
export type WorkerQuestion<Q> = { readonly id: number; readonly question: Q } | "close";

export interface WorkerLinkOptions {
  /** The worker's purpose, for messages. */
  readonly name: string;
  readonly url: URL;
  readonly workerData: unknown;
  /** A question without an answer after this time fails, and its thread is ended. */
  readonly callMs: number;
  readonly onTrouble: (error: unknown) => void;
}

interface Pending<Q> {
  readonly id: number;
  readonly question: Q;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Questions that may wait for the thread; more are refused immediately. */
const WAITING_MAX = 1_000;

/**
 * A thread that answers one question at a time makes little garbage that lives on: a young generation of 4 MiB twice, and
 * as much for large objects. V8's default is four times that, and what it once took it keeps.
 */
const RESOURCE_LIMITS = { maxYoungGenerationSizeMb: 12 } as const;

/** How long a worker may take to end by itself. */
const CLOSE_MS = 2_000;

/** A worker thread; `Q` is the type of its questions. The thread starts with the first call. */
export class WorkerLink<Q> {
  readonly #options: WorkerLinkOptions;
  #worker: Worker | undefined;
  #lastId = 0;
  #closed: boolean = false;
  /** The first is being answered. Only that one is timed: a question that waits does not hang. */
  readonly #pending: Pending<Q>[] = [];
  #timer: NodeJS.Timeout | undefined;
  /** The thread has started; after that only the current question can make it crash. */
  #isReady: boolean = false;

  constructor(options: WorkerLinkOptions) {
    this.#options = options;
  }

  /**
   * Asks the worker. Rejects with PageTokenError, HistoryChangedError, or with StoreUnavailableError when the thread
   * crashed at this question or did not answer it in time.
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
    // A thread without a question does not keep the process alive.
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

  /** The id of the thread, for tests that crash it. */
  get worker(): Worker | undefined {
    return this.#worker;
  }

  #start(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const { name, url, workerData } = this.#options;
    const worker = new Worker(url, { name, workerData, resourceLimits: RESOURCE_LIMITS });
    this.#isReady = false;
    worker.on("message", (answer: WorkerAnswer) => this.#take(worker, answer));
    worker.on("error", (error) => this.#lose(worker, this.#stopped(error)));
    worker.on("exit", (code) => this.#lose(worker, this.#stopped(new Error(`exit code ${code}`))));
    this.#worker = worker;
    return worker;
  }

  #take(worker: Worker, answer: WorkerAnswer): void {
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
    else first.reject(fromErrorData(answer.error, this.#options.name));
    this.#ask();
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
   * Fails the current question, which may have crashed the thread. Waiting questions go to a new thread, unless the
   * thread crashed before it had started: then every new one would crash too.
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
