/** Verifies the rows of `erasures` by the events of their users, along the ids of the users, slice by slice. */
import { isDeepStrictEqual } from "node:util";
import { sql } from "kysely";
import type { ListQueries } from "../lists/list-queries.ts";
import type { ErasurePlace } from "../log/chain-place.ts";
import type { ChainFault, ErasingEvent } from "../log/verify-chain.ts";
import { type ErasureFault, ErasureJudge, UNEXPLAINED_ERASURE, UNKNOWN_ERASURE } from "../log/verify-erasures.ts";
import { SELECT_STORED_ERASURES, type StoredErasure } from "../rows/erasure-rows.ts";
import { type EventRow, toRecordedEvent } from "../rows/rows.ts";

/** Rows of one query, and events: each of these has 64 KiB of personal values at most. */
const CHUNK = 100;
/** More faults than anybody is shown. */
const FAULTS_MAX = 100;

/** Users whose walks are kept: more than verifications that are open at a time. */
const USERS_MAX = 64;

interface Slice {
  readonly place: ErasurePlace;
  /** The end of the log, the place of faults that no event has. */
  readonly head: number;
  /** On the clock of `performance`. */
  readonly endTime: number;
}

interface VerifiedRows {
  readonly faults: readonly ChainFault[];
  /** Where the next slice goes on. */
  readonly place: ErasurePlace;
  readonly isDone: boolean;
}

/** A walk from the newest event of a user back, and what is known so far. */
interface Walk {
  readonly row: StoredErasure;
  readonly judge: ErasureJudge;
  /** The position of the user's last event when the walk began. */
  readonly last: number;
  /** The position of the event that comes next; `null`: the first one was met. */
  next: number | null;
}

export class ErasureVerifier {
  /** Walks that a slice left unfinished, by user. Values only go, so what a walk met stays right. */
  readonly #walks = new Map<string, Walk>();

  /** Verifies rows until the time is over, and a part of one at least. */
  async slice(queries: ListQueries, { place, head, endTime }: Slice): Promise<VerifiedRows> {
    const faults: ChainFault[] = [];
    let { after } = place;
    const isOver = (): boolean => performance.now() >= endTime || faults.length >= FAULTS_MAX;
    for (;;) {
      const rows = await queries.all(selectRows(queries, after));
      const stateOf = await queries.userStates(rows.map(({ user_id }) => user_id));
      for (const row of rows) {
        const last = stateOf(row.user_id)?.[7];
        const walk = last === undefined ? undefined : this.#takeWalk(row, last);
        const fault =
          walk === undefined ? { fault: UNEXPLAINED_ERASURE } : await walkBack(queries, row.user_id, walk, isOver);
        if (walk !== undefined && fault === "unfinished") {
          this.#keep(row.user_id, walk);
          return { faults, place: { after }, isDone: false };
        }
        if (typeof fault === "object") faults.push(toChainFault(row.user_id, fault, walk?.last ?? head));
        after = row.user_id;
        if (isOver()) return { faults, place: { after }, isDone: false };
      }
      if (rows.length < CHUNK) return { faults, place: { after }, isDone: true };
    }
  }

  #takeWalk(row: StoredErasure, last: number): Walk {
    const known = this.#walks.get(row.user_id);
    this.#walks.delete(row.user_id);
    if (known !== undefined && isDeepStrictEqual(known.row, row)) return known;
    return { row, judge: new ErasureJudge(row), last, next: last };
  }

  #keep(userId: string, walk: Walk): void {
    this.#walks.set(userId, walk);
    const [oldest] = this.#walks.keys();
    if (this.#walks.size > USERS_MAX && oldest !== undefined) this.#walks.delete(oldest);
  }
}

function toChainFault(userId: string, { fault, position }: ErasureFault, last: number): ChainFault {
  return { position: position ?? last, fault: `of the user ${JSON.stringify(userId)}: ${fault}` };
}

/** Returns one fault for each event that erases, where its user has no row. */
export async function withoutRow(
  queries: ListQueries,
  erasing: readonly ErasingEvent[],
): Promise<readonly ChainFault[]> {
  if (erasing.length === 0) return [];
  const ids = [...new Set(erasing.map(({ userId }) => userId))];
  const select = queries.build.selectFrom("erasures").select("user_id").where("user_id", "in", ids);
  const known = new Set((await queries.all(select.compile())).map(({ user_id }) => user_id));
  return erasing
    .filter(({ userId }) => !known.has(userId))
    .map(({ position }) => ({ position, fault: UNKNOWN_ERASURE }));
}

/** Takes events of a user until the first one, or until the time is over. */
async function walkBack(
  queries: ListQueries,
  userId: string,
  walk: Walk,
  isOver: () => boolean,
): Promise<ErasureFault | "unfinished" | undefined> {
  while (walk.next !== null) {
    const rows: readonly EventRow[] = await queries.all(selectHistory(queries, userId, walk.next));
    try {
      for (const each of rows) walk.judge.take(toRecordedEvent(each));
    } catch {
      return { fault: "its events cannot be read" };
    }
    // A chain that somebody has broken ends early.
    walk.next = rows.length < CHUNK ? null : (rows.at(-1)?.previous_position ?? null);
    const pausing = queries.pause();
    if (pausing !== undefined) await pausing;
    if (walk.next !== null && isOver()) return "unfinished";
  }
  return walk.judge.end();
}

function selectRows({ build }: ListQueries, after: string | null) {
  const beyond = after === null ? sql`` : sql`WHERE x.user_id > ${after}`;
  return sql<StoredErasure>`${sql.raw(SELECT_STORED_ERASURES)} ${beyond} ORDER BY x.user_id LIMIT ${CHUNK}`.compile(
    build,
  );
}

/** Selects events of a user from one back, with all personal values that are there: hidden ones, too. */
function selectHistory({ build }: ListQueries, userId: string, first: number) {
  return sql<EventRow>`WITH RECURSIVE chain (position, previous_position, depth) AS (
      SELECT position, previous_position, 1 FROM events WHERE position = ${first} AND user_id = ${userId}
      UNION ALL
      SELECT e.position, e.previous_position, chain.depth + 1 FROM chain JOIN events AS e
        ON e.position = chain.previous_position AND e.position < chain.position AND e.user_id = ${userId}
        WHERE chain.depth < ${CHUNK}
    )
    SELECT e.*, p.personal FROM chain JOIN events AS e ON e.position = chain.position
      LEFT JOIN event_private AS p ON p.position = chain.position ORDER BY chain.depth`.compile(build);
}
