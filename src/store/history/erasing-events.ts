/** What the later events of a user say was erased, for a verification that meets the events in the order of the log. */
import { sql } from "kysely";
import type { ListQueries } from "../lists/list-queries.ts";
import { decodeBody } from "../log/event-encoding.ts";
import { type GoneValues, goneFault } from "../log/gone-values.ts";
import type { ChainFault } from "../log/verify-chain.ts";

/** Events of one query. */
const CHUNK_EVENTS = 1_000;
/** Users whose walks are kept: those of many slices, because the events of users are interleaved. */
const USERS_MAX = 1_024;

/** A walk from the newest event of a user back, and what it met. */
interface Walk {
  /** Where it began. */
  last: number;
  /** The position of the event that comes next; `null`: the first one was met. */
  next: number | null;
  /** All values of the events before this position are erased. */
  erasedBefore: number;
  /** Values that were redacted, as `sequence name`. */
  readonly redacted: Set<string>;
}

interface LinkRow {
  readonly position: number;
  readonly previous_position: number | null;
  readonly type: string;
  /** Of the types that erase alone. */
  readonly body: Uint8Array | null;
}

/**
 * The erasing events of users. Each event of a user is read once, however many of its values are gone: the oldest of them
 * comes first, and the walk goes back no further than to it.
 */
export class ErasingEvents {
  /** By user. Recorded events never change, so what a walk met stays right. */
  readonly #walks = new Map<string, Walk>();

  /** Returns the values that no later event erased, one fault for each event. `gone`: in the order of positions. */
  async unexplained(queries: ListQueries, gone: readonly GoneValues[]): Promise<readonly ChainFault[]> {
    const ids = [...new Set(gone.map(({ userId }) => userId))];
    const stateOf = await queries.userStates(ids);
    const lastOf = new Map(ids.map((id) => [id, stateOf(id)?.[7]]));
    const faults: ChainFault[] = [];
    for (const { userId, position, sequence, names } of gone) {
      const last = lastOf.get(userId);
      const walk = last === undefined ? undefined : await this.#walkTo(queries, { userId, last, position });
      if (walk !== undefined && position < walk.erasedBefore) continue;
      const name = names.find((each) => walk?.redacted.has(`${sequence} ${each}`) !== true);
      if (name !== undefined) faults.push({ position, fault: goneFault(name) });
    }
    return faults;
  }

  /** Returns a walk that has met all events of a user after a position. */
  async #walkTo(
    queries: ListQueries,
    { userId, last, position }: { readonly userId: string; readonly last: number; readonly position: number },
  ): Promise<Walk> {
    const known = this.#walks.get(userId);
    const walk =
      known === undefined || known.last > last
        ? { last, next: last, erasedBefore: 0, redacted: new Set<string>() }
        : known;
    if (walk.last < last) {
      await walkBack(queries, userId, walk, { next: last, after: walk.last });
      walk.last = last;
    }
    walk.next = await walkBack(queries, userId, walk, { next: walk.next, after: position });
    this.#keep(userId, walk);
    return walk;
  }

  #keep(userId: string, walk: Walk): void {
    // A map keeps the order of insertion: its first entry is the least recently used.
    this.#walks.delete(userId);
    this.#walks.set(userId, walk);
    const [oldest] = this.#walks.keys();
    if (this.#walks.size > USERS_MAX && oldest !== undefined) this.#walks.delete(oldest);
  }
}

/** Meets the events from `next` back to those after a position, and returns the one that would come next. */
async function walkBack(
  queries: ListQueries,
  userId: string,
  walk: Walk,
  { next: first, after }: { readonly next: number | null; readonly after: number },
): Promise<number | null> {
  let next = first;
  while (next !== null && next > after && next > walk.erasedBefore) {
    const rows: readonly LinkRow[] = await queries.all(selectLinks(queries, userId, next));
    for (const { position, type, body } of rows) if (body !== null) note(walk, position, type, body);
    // A chain that somebody has broken ends early.
    next = rows.length < CHUNK_EVENTS ? null : (rows.at(-1)?.previous_position ?? null);
    const pausing = queries.pause();
    if (pausing !== undefined) await pausing;
  }
  return next;
}

function note(walk: Walk, position: number, type: string, body: Uint8Array): void {
  const { data } = decodeBody(body);
  if (type === "EventRedacted") {
    const { sequence, fields } = data as { readonly sequence: number; readonly fields: readonly string[] };
    for (const field of fields) walk.redacted.add(`${sequence} ${field}`);
  } else if ((data as { readonly erased?: boolean }).erased === true) {
    walk.erasedBefore = Math.max(walk.erasedBefore, position);
  }
}

function selectLinks({ build }: ListQueries, userId: string, first: number) {
  return sql<LinkRow>`WITH RECURSIVE chain (position, previous_position, type, depth) AS (
      SELECT position, previous_position, type, 1 FROM events WHERE position = ${first} AND user_id = ${userId}
      UNION ALL
      SELECT e.position, e.previous_position, e.type, chain.depth + 1 FROM chain JOIN events AS e
        ON e.position = chain.previous_position AND e.position < chain.position AND e.user_id = ${userId}
        WHERE chain.depth < ${CHUNK_EVENTS}
    )
    SELECT position, previous_position, type, CASE WHEN type IN ('UserDeleted', 'EventRedacted')
      THEN (SELECT body FROM events WHERE events.position = chain.position) END AS body
      FROM chain ORDER BY depth`.compile(build);
}
