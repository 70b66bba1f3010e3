/** The log for another thread: one call is open while a reader waits for the next events. */
import type { ListedEvent, OpenedPlace } from "../queries.ts";
import type { LogReader } from "../store.ts";
import type { PortCalls } from "./port-calls.ts";

/** The thread's side. */
export class RemoteLog implements LogReader {
  readonly #calls: PortCalls;
  #lastReader = 0;

  constructor(calls: PortCalls) {
    this.#calls = calls;
  }

  async open(cursor?: string): Promise<OpenedPlace> {
    return (await this.#calls.call("openCursor", [cursor])) as OpenedPlace;
  }

  async *read(after: number, signal: AbortSignal): AsyncGenerator<readonly ListedEvent[], void, undefined> {
    const reader = ++this.#lastReader;
    try {
      for (let position = after; ; ) {
        const events = (await this.#calls.call("readLog", [reader, position], signal)) as readonly ListedEvent[];
        position = events.at(-1)?.position ?? position;
        yield events;
      }
    } finally {
      // Only a closed port refuses it: then nothing is open.
      this.#calls.call("closeLog", [reader]).catch(() => undefined);
    }
  }
}

interface OpenReading {
  readonly controller: AbortController;
  readonly events: AsyncGenerator<readonly ListedEvent[], void, undefined>;
}

/** The store's side: the readers of one thread. Each keeps its place between two calls. */
export class LogReadings {
  readonly #log: LogReader;
  readonly #open = new Map<number, OpenReading>();

  constructor(log: LogReader) {
    this.#log = log;
  }

  /** Returns the next events of a reader. `after`: where it begins, if it is new. */
  async next(reader: number, after: number): Promise<readonly ListedEvent[]> {
    const { events } = this.#open.get(reader) ?? this.#begin(reader, after);
    try {
      const { value } = await events.next();
      return value ?? [];
    } catch (error) {
      this.close(reader);
      throw error;
    }
  }

  close(reader: number): void {
    const open = this.#open.get(reader);
    if (open === undefined) return;
    this.#open.delete(reader);
    open.controller.abort();
    // Between two calls it waits for nothing that the signal could end.
    open.events.return().catch(() => undefined);
  }

  closeAll(): void {
    for (const reader of [...this.#open.keys()]) this.close(reader);
  }

  #begin(reader: number, after: number): OpenReading {
    const controller = new AbortController();
    const reading = { controller, events: this.#log.read(after, controller.signal) };
    this.#open.set(reader, reading);
    return reading;
  }
}
