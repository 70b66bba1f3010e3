/** The thread's side of the port: numbers the calls of a turn, and settles each when its answer comes. */
import type { MessagePort } from "node:worker_threads";
import { NumberTable } from "../../number-table.ts";
import { fromErrorData } from "../error-data.ts";
import { StoreUnavailableError } from "../errors.ts";
import type { Answered, Asked, CallName, Calls } from "./messages.ts";
import { Outbox } from "./outbox.ts";

interface Pending {
  readonly name: CallName;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** Stops listening to the caller's signal: one signal may have many calls, one after another. */
  readonly unlisten: () => void;
}

export class PortCalls {
  readonly #port: MessagePort;
  readonly #outbox: Outbox<Asked>;
  readonly #pending = new NumberTable<Pending>();
  #lastId = 0;
  #isClosed: boolean = false;
  #closing: Promise<void> | undefined;
  #whenIdle: (() => void) | undefined;

  constructor(port: MessagePort) {
    this.#port = port;
    // After all input of the turn: what many connections ask for makes one message.
    this.#outbox = new Outbox(port, setImmediate);
    port.on("message", (answered: readonly Answered[]) => {
      for (const each of answered) this.#settle(each);
    });
    port.on("close", () => this.#end());
    // Only open calls keep the thread alive.
    port.unref();
  }

  /** Whether calls are refused: this end is closed, or the other one has gone. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Calls the store of the other thread. Rejects with the store's errors, with the signal's reason, and with
   * StoreUnavailableError when the port is closed.
   */
  call<N extends CallName>(name: N, parameters: Calls[N], signal?: AbortSignal): Promise<unknown> {
    if (this.#isClosed) return Promise.reject(closed(name, "NOT_APPLIED"));
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      if (this.#pending.size === 0) this.#port.ref();
      const cancel = (): void => this.#cancel(id, signal?.reason);
      signal?.addEventListener("abort", cancel);
      this.#pending.set(id, { name, resolve, reject, unlisten: () => signal?.removeEventListener("abort", cancel) });
      this.#outbox.push([id, name, parameters]);
    });
  }

  /** Refuses new calls, and closes the port when the open ones are answered. */
  close(): Promise<void> {
    this.#isClosed = true;
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#pending.size > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
      });
    }
    this.#port.close();
  }

  #settle(answered: Answered): void {
    const pending = this.#take(answered[0]);
    if (pending === undefined) return;
    if (answered[1]) pending.resolve(answered[2]);
    else pending.reject(fromErrorData(answered[2], "store"));
  }

  #cancel(id: number, reason: unknown): void {
    const pending = this.#take(id);
    if (pending === undefined) return;
    this.#outbox.push([id]);
    pending.reject(reason);
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    pending?.unlisten();
    if (this.#pending.delete(id) && this.#pending.size === 0) {
      this.#port.unref();
      this.#whenIdle?.();
    }
    return pending;
  }

  /** The other side has gone: what it did with the open calls is not known. */
  #end(): void {
    this.#isClosed = true;
    this.#pending.forEach(({ name, reject }, id) => {
      this.#take(id);
      reject(closed(name, "UNKNOWN"));
    });
  }
}

/** `outcome`: of a command; other calls have none. */
function closed(name: CallName, outcome: "NOT_APPLIED" | "UNKNOWN"): StoreUnavailableError {
  return new StoreUnavailableError("the store is closed", name === "execute" ? outcome : undefined);
}
