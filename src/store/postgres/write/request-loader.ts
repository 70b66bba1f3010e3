/** Loads remembered requests, and for those that are repeated the answer that they got. */

import type { Command, ResourceOf } from "../../commands.ts";
import { withoutPersonal } from "../../commit/batch-erasures.ts";
import { type Answer, type EntryKey, requestKey } from "../../commit/entries.ts";
import type { WorkingSet } from "../../commit/working-set.ts";
import { replayApiKey, replayOrganization, replayUser } from "../../log/replay.ts";
import type { RecordedEvent } from "../../queries.ts";
import { toRecordedEvent } from "../../rows/rows.ts";
import type { Connection } from "../connect/connection.ts";
import { inOrder } from "../connect/in-order.ts";
import { type ChainRow, LOAD_CHAIN, LOAD_REQUESTS, type LoadedRequest } from "./load-statements.ts";

type RequestKey = EntryKey<"request">;

/** Answers that are rebuilt at once: each may be made of the whole history of a user. */
const ANSWERS_PER_FLIGHT = 4;
/** After so many bytes of history the batch ends; the commands that are left have the next one. */
const ANSWER_BYTES_MAX = 4 * 1024 * 1024;

/** The events that an answer is rebuilt from; more than the batch allows, so a chain that is cut off shows. */
const CHAIN_EVENTS_MAX = 1_000;

interface Found {
  readonly key: RequestKey;
  readonly row: LoadedRequest;
}

export class RequestLoader {
  readonly #connection: Connection;
  readonly #commands: readonly Command[];
  /** Remembered requests whose answers are not loaded. */
  readonly #found = new Map<string, Found>();

  constructor(connection: Connection, commands: readonly Command[]) {
    this.#connection = connection;
    this.#commands = commands;
  }

  /** Loads requests by their keys. */
  async load(set: WorkingSet, keys: readonly RequestKey[]): Promise<void> {
    if (keys.length === 0) return;
    const rows = await this.#connection.rows<LoadedRequest>(LOAD_REQUESTS, [
      keys.map(({ actor }) => actor),
      keys.map(({ name }) => name.scope),
      keys.map(({ name }) => name.rpc),
      keys.map(({ name }) => name.id),
    ]);
    const byName = new Map(rows.map((row) => [nameOf(row.actor, row.scope, row.rpc, row.request_id), row]));
    for (const key of keys) {
      const row = byName.get(nameOf(key.actor, key.name.scope, key.name.rpc, key.name.id));
      if (row === undefined) {
        set.put(key, undefined);
        continue;
      }
      this.#found.set(key.id, { key, row });
      set.put(key, { request: { content: row.content, time: row.time, answer: notLoaded } });
    }
  }

  /**
   * Loads the answers of the requests that a command of the batch repeats with the same content. Returns how many of the
   * commands have what they need: all, or the first ones where the answers become large.
   */
  async loadAnswers(set: WorkingSet): Promise<number> {
    const repeated = new Map<string, Found>();
    let bytes = 0;
    const load = async (): Promise<void> => {
      const some = [...repeated.values()];
      repeated.clear();
      const sizes = await this.#connection.flight(() => inOrder(some.map((found) => this.#loadAnswer(set, found))));
      bytes += sizes.reduce((sum, size) => sum + size, 0);
    };
    for (const [index, command] of this.#commands.entries()) {
      const found = this.#repeatedBy(command);
      if (found === undefined) continue;
      // Each answer is loaded once, however often the batch repeats its request.
      this.#found.delete(found.key.id);
      repeated.set(found.key.id, found);
      if (repeated.size === ANSWERS_PER_FLIGHT) await load();
      if (bytes >= ANSWER_BYTES_MAX) return index + 1;
    }
    if (repeated.size > 0) await load();
    return this.#commands.length;
  }

  /** Returns the remembered request that a command repeats, unless its answer is loaded already. */
  #repeatedBy(command: Command): Found | undefined {
    const id = requestKey(command)?.id;
    const content = command.context.request?.content;
    const found = id === undefined ? undefined : this.#found.get(id);
    if (found === undefined || content === undefined) return undefined;
    return Buffer.compare(found.row.content, content) === 0 ? found : undefined;
  }

  /** Returns the bytes from which the answer was made. */
  async #loadAnswer(set: WorkingSet, { key, row }: Found): Promise<number> {
    const limit = row.answer === null ? CHAIN_EVENTS_MAX : 1;
    const rows = await this.#connection.rows<ChainRow>(LOAD_CHAIN, [row.position, limit]);
    const events = rows.map(toRecordedEvent).sort((a, b) => a.position - b.position);
    const last = events.at(-1);
    const resource = row.answer === null ? replay(key, row, events) : (JSON.parse(row.answer) as ResourceOf<Command>);
    // A request that wrote nothing points to an event that is not its own.
    const isOwn = last?.requestId === key.name.id && last.event.actor === key.actor && last.recordTime === row.time;
    const given: Answer = isOwn ? { resource, event: last.event } : { resource };
    const answer = row.is_shown ? given : withoutPersonal(given);
    set.get(key).request = { content: row.content, time: row.time, answer: () => answer };
    return rows.reduce(
      (sum, { body, personal }) => sum + body.length + (personal?.length ?? 0),
      row.answer?.length ?? 0,
    );
  }
}

function replay(key: RequestKey, row: LoadedRequest, events: readonly RecordedEvent[]): ResourceOf<Command> {
  if (key.of === "organization") return replayOrganization(events);
  return key.of === "apiKey" ? replayApiKey(row.resource_id, events) : replayUser(events);
}

function notLoaded(): never {
  throw new Error("batch: the answer to a repeated request was not loaded");
}

/** No string of any request has U+0000. */
function nameOf(...parts: readonly string[]): string {
  return parts.join("\u0000");
}
