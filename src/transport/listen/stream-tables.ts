/** The open streams of an HTTP/2 session: Node keeps them in a Map and a Set, which cost a session more than its calls. */
import type { ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import { isMap, isSet } from "node:util/types";
import { NumberTable } from "../../number-table.ts";

/** The streams without an id: on a server one, and only within a call of Node's. In place of a Set. */
class PendingStreams {
  #streams: ServerHttp2Stream[] = [];

  get size(): number {
    return this.#streams.length;
  }

  add(stream: ServerHttp2Stream): void {
    this.#streams.push(stream);
  }

  delete(stream: ServerHttp2Stream): boolean {
    if (this.#streams.at(-1) === stream) return this.#streams.pop() !== undefined;
    const { length } = this.#streams;
    this.#streams = this.#streams.filter((each) => each !== stream);
    return this.#streams.length < length;
  }

  forEach(visit: (stream: ServerHttp2Stream) => void): void {
    for (const stream of [...this.#streams]) visit(stream);
  }
}

/**
 * Gives a new session tables that change in place (see NumberTable): half of the time of a small call went into collecting
 * streams that were long gone. Returns whether it did: a Node that keeps its streams in another way stays as it is.
 */
export function replaceStreamTables(session: ServerHttp2Session): boolean {
  const key = Object.getOwnPropertySymbols(session).find(({ description }) => description === "state");
  if (key === undefined) return false;
  const state = Reflect.get(session, key) as { streams?: unknown; pendingStreams?: unknown } | undefined;
  const { streams, pendingStreams } = state ?? {};
  if (state === undefined || !isMap(streams) || !isSet(pendingStreams)) return false;
  if (streams.size > 0 || pendingStreams.size > 0) return false;
  state.streams = new NumberTable<ServerHttp2Stream>();
  state.pendingStreams = new PendingStreams();
  return true;
}
